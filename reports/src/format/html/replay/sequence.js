// One request as a sequence diagram: a lifeline for each node that plays a part, time downwards.

const ROW = 30;
const HEAD = 34;
// Rows that are drawn around the one that is shown: background requests have thousands.
const AROUND = 30;

class Sequence {
  constructor(run, holder) {
    Object.assign(this, { run, holder, drawn: null });
    let width = 0;
    new ResizeObserver(() => {
      if (!this.drawn || holder.clientWidth === width) return;
      width = holder.clientWidth;
      this.redraw();
      this.mark();
    }).observe(holder);
  }

  // Shows the request, with what is later than `row` set back.
  show(row, story) {
    const { run } = this;
    const now = placeOf(story, row);
    const from = Math.max(0, Math.min(now - AROUND, story.length - 2 * AROUND));
    const rows = story.slice(from, from + 2 * AROUND);
    const same = this.drawn && this.drawn.rows.length === rows.length && this.drawn.rows[0] === rows[0];
    if (!same || this.drawn.story !== story) {
      this.drawn = { rows, story };
      this.redraw();
    }
    this.row = row;
    this.mark();
    const label = `Sequence of this request: ${story.length} steps, of which ${now + 1} have happened`;
    this.holder.setAttribute("aria-label", rows.length ? label : "This request does not exist in this run");
  }

  // What has happened, what is shown, what comes later.
  mark() {
    const { run, row, drawn: { rows } } = this;
    let here = 0;
    this.lines.forEach((line, i) => {
      const isLater = rows[i] > row;
      const when = isLater ? "later" : rows[i] === row ? "here" : "before";
      line.setAttribute("class", `step ${run.tone(rows[i])} ${when}`);
      if (!isLater) here = i;
    });
    this.holder.scrollTop = Math.max(0, HEAD + here * ROW - this.holder.clientHeight / 2);
  }

  redraw() {
    const { run, holder } = this;
    const { rows, story } = this.drawn;
    const nodes = [];
    for (const row of rows)
      for (const node of [run.from[row], run.node[row]]) if (node >= 0 && !nodes.includes(node)) nodes.push(node);
    const width = Math.max(holder.clientWidth - 2, nodes.length * 92);
    const height = rows.length * ROW + 12;
    const x = (node) => ((nodes.indexOf(node) + 0.5) * width) / Math.max(1, nodes.length);
    // Names stay in view while the steps scroll under them.
    const head = svg("svg", { width, height: HEAD, class: "heads", "aria-hidden": "true" });
    const image = svg("svg", { width, height, "aria-hidden": "true" });
    for (const node of nodes) {
      const name = run.nodes[node].replace(/^cell-[^/]+\//, "");
      const hostile = run.attackers[node] ? " hostile" : "";
      image.append(svg("line", { x1: x(node), x2: x(node), y1: 0, y2: height - 4, class: `life${hostile}` }));
      const label = svg("text", { x: x(node), y: 21, class: `role${hostile}` }, clipped(name, width / nodes.length));
      label.append(svg("title", {}, run.nodes[node]));
      head.append(label);
    }
    this.lines = rows.map((row, i) => this.line(row, (i + 0.5) * ROW, x, width));
    image.append(...this.lines);
    holder.replaceChildren(head, image);
    if (!rows.length) holder.replaceChildren(element("p", "note", "This request does not exist in this run."));
    else if (story.length > rows.length)
      holder.append(element("p", "note", `${rows.length} of ${story.length} steps of this request are drawn.`));
  }

  line(row, y, x, width) {
    const { run } = this;
    const [from, node] = [run.from[row], run.node[row]];
    const group = svg("g", { class: "step" });
    group.append(svg("rect", { x: 0, y: y - ROW / 2, width, height: ROW, class: "band" }));
    const to = node < 0 ? width / 2 : x(node);
    const start = from < 0 ? to : x(from);
    const sign = { bad: "✕ ", open: "⊘ ", gap: "◌ " }[run.tone(row)] ?? "";
    const said = run.kind[row] === MESSAGE ? run.whatOf(row) + noteOf(run, row) : run.whatOf(row);
    if (from >= 0 && from !== node) {
      const end = to - Math.sign(to - start) * 3;
      const line = { x1: start, x2: end, y1: y + 7, y2: y + 7, class: "word" };
      group.append(svg("line", { ...line, "marker-end": "url(#head)" }));
    } else group.append(svg("circle", { cx: to, cy: y + 3, r: 3.5, class: "dot" }));
    // A text begins where there is room for it.
    const [left, right] = [Math.min(start, to), Math.max(start, to)];
    const onRight = left < width / 2;
    const at = from >= 0 && from !== node ? (onRight ? left + 5 : right - 5) : onRight ? to + 9 : to - 9;
    const room = (onRight ? width - at : at) - 4;
    const lift = from >= 0 && from !== node ? 1 : 7;
    const text = svg("text", { x: at, y: y + lift, class: "said" }, clipped(sign + said, room));
    if (!onRight) text.setAttribute("text-anchor", "end");
    text.append(svg("title", {}, `${shown(run.at[row])} ${run.place(row)}: ${run.whatOf(row)} ${run.verdictOf(row)}`));
    group.append(text);
    return group;
  }
}

// What decided about a message, beside it.
function noteOf(run, row) {
  if (run.verdict[row] === DENIED && run.by[row] >= 0) return ` · ${DATA.controls[run.by[row]].id}`;
  if (run.verdict[row] === DENIED) return ` · ${DATA.texts[run.why[row]]}`;
  const missed = run.missed(row);
  return missed.length ? ` · ${missed.map((c) => DATA.controls[c].id).join(", ")} off` : "";
}

// A text cut to a width, by the average width of a letter: exact measures would cost a layout each.
function clipped(text, width) {
  const max = Math.max(3, Math.floor(width / 6.7));
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}

