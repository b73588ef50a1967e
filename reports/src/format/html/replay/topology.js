// The platform as boxes of nodes, with the word that is under way. Nodes are buttons, so a keyboard reaches them;
// the arrow lies over them and says nothing that the text does not say.

// Nodes of a box beyond which only those that play a part in the shown request are named.
const BOX_MAX = 24;

class Topology {
  constructor(run, holder, choose) {
    Object.assign(this, { run, holder, buttons: [], boxes: new Map(), shown: [] });
    const boxes = new Map();
    run.nodes.forEach((role, i) => {
      const at = role.indexOf("/");
      const box = at < 0 ? role.replace(/-[a-z0-9]+$/, "") : role.slice(0, at);
      if (!boxes.has(box)) boxes.set(box, []);
      boxes.get(box).push([i, at < 0 ? role : role.slice(at + 1)]);
    });
    // Who asks stands before what answers: small boxes first, cells (the large ones) last.
    const isCell = (name) => name.startsWith("cell");
    for (const [name, nodes] of [...boxes].sort((a, b) => isCell(a[0]) - isCell(b[0]))) {
      const box = element("div", isCell(name) ? "box cell-box" : "box");
      box.append(element("span", "box-name", name));
      const inside = element("div", "nodes");
      for (const [i, short] of nodes) {
        const button = element("button", "node", short, { type: "button", title: run.nodes[i] });
        button.setAttribute("aria-label", run.nodes[i]);
        button.classList.toggle("attacker", run.attackers[i]);
        button.addEventListener("click", () => choose(run.nodes[i]));
        this.buttons[i] = button;
        inside.append(button);
      }
      box.classList.toggle("crowded", nodes.length > BOX_MAX);
      this.boxes.set(name, box);
      box.append(inside);
      holder.append(box);
    }
    this.arrows = svg("svg", { class: "arrows", "aria-hidden": "true", focusable: "false" });
    this.lines = svg("g");
    this.arrows.append(this.lines);
    holder.append(this.arrows);
  }

  // Shows a row of a request, and what of the request went before.
  show(row, story, chosen) {
    const { run } = this;
    const time = row < 0 ? 0 : run.at[row];
    for (const shown of this.shown) shown.classList.remove("part", "here", "struck", "chosen");
    this.shown = [];
    const put = (shown, name) => {
      shown.classList.add(name);
      this.shown.push(shown);
    };
    const mark = (node, name) => node >= 0 && put(this.buttons[node], name);
    for (const i of story) mark(run.node[i], "part"), mark(run.from[i], "part");
    if (row >= 0) mark(run.node[row], "here"), mark(run.from[row], "here");
    mark(chosen, "chosen");
    // A fault strikes a node, a whole box, or the link between two of them.
    for (const part of run.faultsAt(time).flatMap(({ target }) => target.split(" → "))) {
      mark(run.nodes.indexOf(part), "struck");
      if (this.boxes.has(part)) put(this.boxes.get(part), "struck");
    }
    this.draw(row, story);
  }

  draw(row, story) {
    const { run } = this;
    this.lines.replaceChildren();
    const frame = this.holder.getBoundingClientRect();
    const middle = (node) => {
      const box = this.buttons[node].getBoundingClientRect();
      return [box.left - frame.left + box.width / 2, box.top - frame.top + box.height / 2, box];
    };
    const before = story.filter((i) => i < row && run.kind[i] === MESSAGE && run.from[i] !== run.node[i]);
    const lines = before.slice(-8).map((i) => [i, "trail"]);
    if (row >= 0 && run.from[row] >= 0) lines.push([row, `now-line ${run.tone(row)}`]);
    for (const [i, name] of lines) {
      const [x1, y1, first] = middle(run.from[i]);
      const [x2, y2, box] = middle(run.node[i]);
      const [dx, dy] = [x2 - x1, y2 - y1];
      // A line ends, and begins, where it meets the border of a button.
      const [wide, high] = [2 * Math.abs(dx), 2 * Math.abs(dy)];
      const inside = (size) => 1 / Math.max(1, wide / (size.width + 4), high / (size.height + 4));
      const [start, end] = [inside(first), 1 - inside(box)];
      if (start >= end) continue;
      const d = `M${x1 + dx * start} ${y1 + dy * start}L${x1 + dx * end} ${y1 + dy * end}`;
      this.lines.append(svg("path", { d, class: name, "marker-end": "url(#head)" }));
    }
  }
}

