// Which rows are stepped through and listed. One pass over the columns: tens of thousands of rows take milliseconds.

const FILTER = { scope: "attack", story: -1, tenant: -1, node: -1, requirement: -1, kind: "", text: "" };

// Which controls uphold a requirement, as a table over lists of controls: does one of the list?
const upholding = (requirement) => {
  const id = DATA.requirements[requirement].id;
  const does = DATA.controls.map((control) => control.upholds.includes(id));
  return DATA.lists.map((list) => list.some((control) => does[control]));
};

const KIND_TESTS = {
  message: (run, row) => run.kind[row] === MESSAGE,
  client: (run, row) => run.kind[row] === CLIENT,
  store: (run, row) => run.kind[row] === STORE,
  log: (run, row) => run.kind[row] === LOG,
  denied: (run, row) => run.verdict[row] === DENIED,
  off: (run, row) => run.missed(row).length > 0,
  broken: (run, row) => run.kind[row] === BROKEN,
  fault: (run, row) => run.kind[row] === FAULT,
};

function visibleRows(run, filter) {
  const causes = new Uint8Array(DATA.causes.length).fill(1);
  if (filter.scope === "attack") for (let c = 0; c < causes.length; c++) causes[c] = run.attack[c] | run.broken[c];
  if (filter.scope === "story") causes.fill(0), (causes[filter.story] = 1);
  if (filter.tenant >= 0) {
    // A request concerns a tenant when one of its facts does: messages name none.
    const concerns = new Uint8Array(causes.length);
    for (let i = 0; i < run.length; i++) if (run.tenant[i] === filter.tenant) concerns[run.cause[i]] = 1;
    for (let c = 0; c < causes.length; c++) causes[c] &= concerns[c];
  }
  const lists = filter.requirement >= 0 ? upholding(filter.requirement) : null;
  const words = filter.text.trim().toLowerCase();
  const says = (texts) => Uint8Array.from(texts, (text) => text.toLowerCase().includes(words));
  const texts = words ? says(DATA.texts) : null;
  const roles = words ? says(run.nodes) : null;
  const controls = words ? says(DATA.lists.map((list) => list.map((c) => DATA.controls[c].id).join(" "))) : null;
  const isKind = KIND_TESTS[filter.kind];
  const rows = new Int32Array(run.length);
  let count = 0;
  for (let i = 0; i < run.length; i++) {
    if (run.kind[i] === FAULT ? filter.scope === "story" || filter.tenant >= 0 : !causes[run.cause[i]]) continue;
    if (filter.node >= 0 && run.node[i] !== filter.node && run.from[i] !== filter.node) continue;
    if (lists && !(run.asked[i] >= 0 && lists[run.asked[i]]) && run.breaks.get(i) !== filter.requirement) continue;
    if (isKind && !isKind(run, i)) continue;
    if (words && !(texts[run.what[i]] || texts[run.why[i]] || roles[run.node[i]] || roles[run.from[i]] ||
      controls[run.asked[i]])) continue;
    rows[count++] = i;
  }
  return rows.subarray(0, count);
}

// Where a row stands among visible ones: its place, or that of the last one before it; -1 before the first.
function placeOf(rows, row) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] <= row) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

