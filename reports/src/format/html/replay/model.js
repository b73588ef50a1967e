// What the page knows of a run: columns over shared tables, and questions that the views ask.
// Columns that may be empty count from one; the getters here give -1 for "none".

const DATA = JSON.parse(document.getElementById("data").textContent);
const [MESSAGE, CLIENT, STORE, LOG, BROKEN, FAULT] = [0, 1, 2, 3, 5, 6];
const [ALLOWED, DENIED] = [1, 2];

class Run {
  constructor(raw) {
    this.nodes = raw.nodes;
    this.end = raw.end;
    this.off = new Set(raw.off);
    this.faults = raw.faults.map(([fault, target, from, until]) => ({ fault, target, from, until }));
    this.length = raw.at.length;
    this.at = new Float64Array(this.length);
    raw.at.reduce((sum, step, i) => (this.at[i] = sum + step), 0);
    for (const name of ["cause", "from", "node", "kind", "what", "verdict", "why", "by", "asked", "tenant"])
      this[name] = Int32Array.from(raw[name]);
    for (const name of ["from", "node", "why", "by", "asked", "tenant"])
      this[name] = this[name].map((n) => n - 1);
    this.attack = new Uint8Array(DATA.causes.length);
    for (const cause of raw.attack) this.attack[cause] = 1;
    this.breaks = new Map(raw.breaks);
    // Requests of which something was broken.
    this.broken = new Uint8Array(DATA.causes.length);
    for (const row of this.breaks.keys()) this.broken[this.cause[row]] = 1;
    this.attackers = this.nodes.map((role) => role.startsWith("attacker/"));
    this.stories = new Map();
  }

  // The last row that is not later; -1 before the first.
  rowAt(time) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // All rows of one request, in order.
  story(cause) {
    let rows = this.stories.get(cause);
    if (!rows) {
      rows = [];
      for (let i = 0; i < this.length; i++) if (this.cause[i] === cause) rows.push(i);
      if (this.stories.size > 64) this.stories.clear();
      this.stories.set(cause, rows);
    }
    return rows;
  }

  // Faults that strike at that time.
  faultsAt(time) {
    return this.faults.filter(({ from, until }) => from <= time && time < until);
  }

  // Whether an attacker sent it, got it, or said it.
  isHostile(row) {
    return !!(this.attackers[this.from[row]] || this.attackers[this.node[row]]);
  }

  // Controls that were asked for, in order.
  controls(row) {
    return this.asked[row] < 0 ? [] : DATA.lists[this.asked[row]];
  }

  // Those of them that were off: what would have been looked at here, and was not.
  missed(row) {
    return this.controls(row).filter((control) => this.off.has(control));
  }

  place(row) {
    const node = this.node[row] < 0 ? "" : this.nodes[this.node[row]];
    return this.from[row] < 0 ? node : `${this.nodes[this.from[row]]} → ${node}`;
  }

  whatOf(row) {
    return DATA.texts[this.what[row]];
  }

  // What was decided, by which control, and why; in a few words.
  verdictOf(row) {
    const missed = this.missed(row).map((c) => DATA.controls[c].id);
    const open = missed.length ? `${missed.join(", ")} is off` : "";
    const why = this.why[row] < 0 ? "" : DATA.texts[this.why[row]];
    if (this.verdict[row] === DENIED) {
      const by = this.by[row] < 0 ? "" : `${DATA.controls[this.by[row]].id}: `;
      return [by + why, open].filter(Boolean).join("; ");
    }
    const asked = this.controls(row);
    const one = asked.length === 1 ? DATA.controls[asked[0]].id : `${asked.length} controls`;
    const passed = asked.length ? `passed ${one}` : "";
    return [why, open || passed].filter(Boolean).join("; ");
  }

  // The class that colours it.
  tone(row) {
    if (this.kind[row] === BROKEN) return "bad";
    if (this.verdict[row] === DENIED) return "open";
    if (this.missed(row).length) return "gap";
    if (this.verdict[row] === ALLOWED) return "good";
    return "plain";
  }
}

const RUNS = DATA.runs.map((raw) => new Run(raw));
const RUN = RUNS[0];

// 2.695 901 s as a person reads it: milliseconds and three places.
const shown = (ns) => `${(ns / 1e9).toFixed(6)} s`;

// An element with a class, a text and attributes. Text is only ever set as text.
const element = (name, className = "", text = "", attributes = {}) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const svg = (name, attributes = {}, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
};
const byId = (id) => document.getElementById(id);

