// What keeps the views together: one row that is shown, the keys, the slider, the filter, and the address.

const FORM = Object.fromEntries(["tenant", "node", "requirement", "kind", "text"].map((id) => [id, byId(id)]));
const SCOPE = byId("scope");
let rows = visibleRows(RUN, FILTER);
let current = -1;
let playing = 0;

const chooseNode = (role) => {
  const node = RUN.nodes.indexOf(role);
  FORM.node.value = FILTER.node === node ? "" : String(node);
  filtered();
};
const TOPOLOGIES = RUNS.map((run, i) => new Topology(run, byId(`topology${i}`), chooseNode));
const SEQUENCES = RUNS.map((run, i) => new Sequence(run, byId(`sequence${i}`)));
const LIST = new List(RUN, byId("list"), byId("space"), (row) => go(row));

// Shows a row everywhere.
function go(row, quiet = false) {
  current = row;
  const time = row < 0 ? 0 : RUN.at[row];
  const cause = row < 0 ? -1 : RUN.cause[row];
  const place = placeOf(rows, row);
  RUNS.forEach((run, i) => {
    const story = row >= 0 && RUN.kind[row] !== FAULT ? run.story(cause) : [];
    const own = i === 0 ? row : twinOf(run, story, row);
    TOPOLOGIES[i].show(own, story, FILTER.node);
    SEQUENCES[i].show(own, story);
  });
  LIST.show(place >= 0 && rows[place] === row ? place : -1);
  byId("time").value = String(Math.round((1e6 * time) / RUN.end));
  const where = rows.length ? `step ${place + 1} of ${rows.length}` : "no step fits the filter";
  byId("time").setAttribute("aria-valuetext", `${shown(time)}, ${where}`);
  byId("where").textContent = `${shown(time)} · ${where}`;
  byId("cursor").style.left = `${(100 * time) / RUN.end}%`;
  byId("here").setAttribute("href", `#row=${row}`);
  const now = detail(RUN, row);
  byId("now").replaceChildren(...now);
  if (!quiet) byId("said").textContent = spoken(RUN, row, place);
}

// How far the twin's request is by then: at one instant, as many steps as in this run.
function twinOf(run, story, row) {
  if (row < 0 || !story.length) return -1;
  const time = RUN.at[row];
  const before = (of, rows) => rows.filter((i) => of.at[i] < time).length;
  const own = RUN.story(RUN.cause[row]);
  const steps = placeOf(own, row) + 1 - before(RUN, own);
  const until = placeOf(story, run.rowAt(time));
  return story[Math.min(until, before(run, story) + steps - 1)] ?? -1;
}

// The row in full: what happened, who decided, which controls were asked, what each is for.
function detail(run, row) {
  if (row < 0) return [element("p", "note", "Nothing has happened yet.")];
  const head = element("p", "head");
  head.append(element("span", "when", shown(run.at[row])), " ", element("strong", "", run.place(row)));
  if (run.isHostile(row)) head.append(" ", element("span", "chip canary", "attacker"));
  if (run.broken[run.cause[row]]) head.append(" ", element("span", "chip open", "in a request that broke a promise"));
  const what = element("p", `said ${run.tone(row)}`, run.whatOf(row));
  const parts = [head, what];
  const isDenied = run.verdict[row] === DENIED;
  if (run.verdict[row]) {
    const by = run.by[row] < 0 ? null : DATA.controls[run.by[row]];
    const line = element("p", "decision");
    const chip = isDenied ? element("span", "chip open", "Blocked") : element("span", "chip good", "Let pass");
    line.append(chip, " ", DATA.texts[run.why[row]]);
    if (by) {
      const upholds = ` (${by.upholds.join(", ")}). Without it: ${by.off}.`;
      line.append(", by the control ", element("code", "", by.id), upholds);
    }
    parts.push(line);
  }
  const asked = run.controls(row);
  if (asked.length) {
    const line = element("p", "asked", isDenied ? "Controls asked, in order: " : "Controls that let it pass: ");
    for (const c of asked) {
      const { id, off } = DATA.controls[c];
      const state = run.off.has(c) ? "gap" : c === run.by[row] ? "open" : "good";
      const name = run.off.has(c) ? `${id} is off` : id;
      line.append(element("span", `tag ${state}`, name, { title: `Without it: ${off}` }), " ");
    }
    parts.push(line);
  }
  if (run.kind[row] === BROKEN) parts.push(...gaps(run, row));
  for (const { id, off } of run.missed(row).map((c) => DATA.controls[c]))
    parts.push(element("p", "why bad", `${id} is off: ${off}.`));
  const faults = run.faultsAt(run.at[row]);
  if (faults.length) {
    const line = element("p", "asked", "Faults at this time: ");
    for (const { fault, target, until } of faults)
      line.append(element("span", "tag open", `${fault} on ${target}, until ${shown(until)}`), " ");
    parts.push(line);
  }
  return parts;
}

// Where in the request something was let pass because a control was off: what a break comes from.
function gaps(run, row) {
  const open = run.story(run.cause[row]).filter((i) => i < row && run.missed(i).length);
  if (!open.length) return [];
  const line = element("p", "asked", "Let pass before, because a control was off: ");
  for (const i of open.slice(-6)) {
    const names = run.missed(i).map((c) => DATA.controls[c].id).join(", ");
    const text = `${names} at ${run.place(i)}, ${shown(run.at[i])}`;
    line.append(element("a", "tag gap", text, { href: `#row=${i}` }), " ");
  }
  const [last] = run.missed(open[open.length - 1]);
  return [line, element("p", "why bad", `Without ${DATA.controls[last].id}: ${DATA.controls[last].off}.`)];
}

// The same in one sentence, for who does not see it.
function spoken(run, row, place) {
  if (row < 0) return "Nothing has happened yet.";
  const kind = run.kind[row] === BROKEN ? "Broken. " : run.verdict[row] === DENIED ? "Blocked. " : "";
  const hostile = run.isHostile(row) ? "attacker, " : "";
  const what = `${shown(run.at[row])}, ${hostile}${run.place(row)}: ${run.whatOf(row)}. ${run.verdictOf(row)}.`;
  return `${kind}${what} Step ${place + 1} of ${rows.length}.`;
}

// Steps over `count` visible rows; or to the next one that `fits`, in either direction.
function step(count, fits = () => true) {
  const place = placeOf(rows, current);
  const way = Math.sign(count);
  let next = way < 0 && rows[place] !== current ? place : place + count;
  while (next >= 0 && next < rows.length && !fits(rows[next])) next += way;
  if (next >= 0 && next < rows.length) go(rows[next]);
  return next < rows.length - 1;
}
const ends = (last) => rows.length && go(rows[last ? rows.length - 1 : 0]);

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => step(1) || play(false), 350) : 0;
  const button = byId("play-pause");
  for (const name of ["aria-label", "title"]) button.setAttribute(name, playing ? "Pause" : "Play");
  button.textContent = playing ? "Pause" : "Play";
}

function filtered() {
  const number = (field) => (field.value === "" ? -1 : Number(field.value));
  FILTER.scope = SCOPE.value;
  if (FILTER.scope === "story") FILTER.story = RUN.cause[Math.max(0, current)];
  for (const name of ["tenant", "node", "requirement"]) FILTER[name] = number(FORM[name]);
  FILTER.kind = FORM.kind.value;
  FILTER.text = FORM.text.value;
  rows = visibleRows(RUN, FILTER);
  byId("count").textContent = `${rows.length} of ${RUN.length} rows`;
  LIST.fill(rows);
  strip();
  const place = placeOf(rows, current);
  go(rows.length ? rows[Math.max(0, place)] : current, true);
}

// Ticks above the slider: attackers' steps, breaks, faults. At most one a pixel or so.
function strip() {
  const width = 600;
  const picture = svg("svg", { viewBox: `0 0 ${width} 20`, preserveAspectRatio: "none" });
  const x = (time) => Math.round((width * time) / RUN.end);
  for (const { from, until } of RUN.faults) {
    const wide = Math.max(1, x(until) - x(from));
    picture.append(svg("rect", { x: x(from), y: 14, width: wide, height: 6, class: "fault" }));
  }
  const [usual, hostile] = [new Set(), new Set()];
  for (const row of rows) (RUN.isHostile(row) ? hostile : usual).add(x(RUN.at[row]));
  const ticks = (places, top, bottom) => [...places].map((at) => `M${at} ${top}V${bottom}`).join("");
  picture.append(svg("path", { d: ticks(usual, 9, 14), class: "tick" }));
  picture.append(svg("path", { d: ticks(hostile, 5, 14), class: "tick hostile" }));
  const breaks = new Set([...RUN.breaks.keys()].map((row) => x(RUN.at[row])));
  picture.append(svg("path", { d: ticks(breaks, 0, 20), class: "tick broken" }));
  byId("strip").replaceChildren(picture, element("span", "", "", { id: "cursor" }));
}

function options(select, items) {
  for (const [value, text] of items) select.append(element("option", "", text, { value }));
}

function keys(event) {
  const typing = event.target.closest("select, input[type=search], textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const isHostile = event.shiftKey ? (row) => RUN.isHostile(row) : undefined;
  const inList = event.target.id === "list";
  const page = Math.max(1, Math.floor(byId("list").clientHeight / LIST.height()) - 1);
  const actions = {
    ArrowRight: () => step(1, isHostile), ArrowLeft: () => step(-1, isHostile),
    ArrowDown: inList && (() => step(1)), ArrowUp: inList && (() => step(-1)),
    PageDown: inList && (() => step(Math.min(page, rows.length - 1 - placeOf(rows, current)))),
    PageUp: inList && (() => step(-Math.min(page, placeOf(rows, current)))),
    Home: () => ends(false), End: () => ends(true),
    b: () => step(1, (row) => RUN.kind[row] === BROKEN),
    B: () => step(-1, (row) => RUN.kind[row] === BROKEN),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  play(false);
  actions[event.key]();
}

// A page opens where the story is: at the first break; or where this run blocked what broke the twin; or where the two
// part; or at the start.
function opening() {
  const first = (run) => Math.min(...run.breaks.keys());
  if (RUN.breaks.size) return first(RUN);
  const twin = RUNS[1];
  const story = twin?.breaks.size ? RUN.story(twin.cause[first(twin)]) : [];
  const blocked = story.find((row) => RUN.verdict[row] === DENIED);
  return blocked ?? (twin && DATA.parts !== null ? Math.min(DATA.parts, RUN.length - 1) : rows[0] ?? -1);
}

function fromAddress() {
  const asked = /^#row=(\d+)$/.exec(location.hash);
  if (!asked || Number(asked[1]) >= RUN.length) return false;
  go(Number(asked[1]));
  byId("play").scrollIntoView();
  return true;
}

async function copy() {
  const command = byId("command").textContent;
  try {
    await navigator.clipboard.writeText(command);
  } catch {
    // A page from a disk may not be allowed to: then it is selected, and one key copies it.
    getSelection().selectAllChildren(byId("command"));
    document.execCommand("copy");
  }
  byId("copy").textContent = "Copied";
  setTimeout(() => (byId("copy").textContent = "Copy"), 1500);
}

function parting() {
  if (!byId("parting")) return;
  if (DATA.parts === null) return void (byId("parting").textContent = "The two runs are the same, to the last row.");
  const row = Math.min(DATA.parts, RUN.length - 1);
  const link = element("a", "", shown(RUN.at[row]), { href: `#row=${row}` });
  byId("parting").append("The two runs are the same until ", link, ". Steps of one request stand side by side.");
}

options(FORM.tenant, DATA.tenants.map((name, i) => [i, name]));
options(FORM.node, RUN.nodes.map((role, i) => [i, role]).sort((a, b) => (a[1] < b[1] ? -1 : 1)));
options(FORM.requirement, DATA.requirements.map(({ id }, i) => [i, id]));
options(FORM.kind, [
  ["message", "messages"], ["client", "client facts"], ["store", "store facts"], ["log", "decisions and reports"],
  ["denied", "blocked"], ["off", "passed a control that is off"], ["broken", "broken promises"], ["fault", "faults"],
]);
const isAttacked = RUN.attack.some(Boolean) || RUN.broken.some(Boolean);
if (!isAttacked) SCOPE.value = "all";
SCOPE.addEventListener("change", filtered);
for (const field of Object.values(FORM)) field.addEventListener("input", filtered);
document.querySelector(".filters").addEventListener("reset", () => setTimeout(filtered));
document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", keys);
const BUTTONS = { first: () => ends(false), prev: () => step(-1), next: () => step(1), last: () => ends(true) };
for (const [id, act] of Object.entries(BUTTONS)) byId(id).addEventListener("click", () => (play(false), act()));
byId("play-pause").addEventListener("click", () => play(!playing));
byId("time").addEventListener("input", (event) => {
  const row = RUN.rowAt((Number(event.target.value) * RUN.end) / 1e6);
  go(rows[Math.max(0, placeOf(rows, row))] ?? row);
});
byId("copy").addEventListener("click", copy);
addEventListener("hashchange", fromAddress);
let resized = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(resized);
  resized = requestAnimationFrame(() => go(current, true));
});

parting();
strip();
filtered();
if (!fromAddress()) go(opening(), true);
document.documentElement.dataset.ready = "yes";
