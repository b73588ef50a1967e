// The filtered rows as a list box. Only what can be seen is in the document, whatever the number of rows.

class List {
  constructor(run, holder, space, choose) {
    Object.assign(this, { run, holder, space, rows: [], at: -1 });
    holder.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(holder);
    space.addEventListener("click", (event) => {
      const option = event.target.closest("[data-row]");
      if (option) choose(Number(option.dataset.row));
    });
  }

  fill(rows) {
    this.rows = rows;
    this.at = -1;
    this.holder.scrollTop = 0;
    this.draw();
  }

  // Marks a place, and brings it into view when it is out of it.
  show(place) {
    this.at = place;
    const [height, top, view] = [this.height(), place * this.height(), this.holder.clientHeight];
    if (place >= 0 && (top < this.holder.scrollTop || top + height > this.holder.scrollTop + view))
      this.holder.scrollTop = Math.max(0, top - view / 2);
    this.draw();
  }

  height() {
    return parseFloat(getComputedStyle(this.holder).getPropertyValue("--row")) || 32;
  }

  draw() {
    const height = this.height();
    const first = Math.max(0, Math.floor(this.holder.scrollTop / height) - 4);
    const last = Math.min(this.rows.length, first + Math.ceil(this.holder.clientHeight / height) + 8);
    this.space.style.height = `${this.rows.length * height}px`;
    const options = [];
    for (let place = first; place < last; place++) options.push(this.option(place, height));
    this.space.replaceChildren(...options);
    const isDrawn = this.at >= first && this.at < last;
    if (isDrawn) this.holder.setAttribute("aria-activedescendant", `row-${this.rows[this.at]}`);
    else this.holder.removeAttribute("aria-activedescendant");
  }

  option(place, height) {
    const { run } = this;
    const row = this.rows[place];
    const option = element("div", `row ${run.tone(row)}${run.isHostile(row) ? " hostile" : ""}`, "", {
      role: "option", id: `row-${row}`, "data-row": row, "aria-selected": place === this.at,
      "aria-posinset": place + 1, "aria-setsize": this.rows.length,
    });
    option.style.top = `${place * height}px`;
    option.append(
      element("span", "when", (run.at[row] / 1e9).toFixed(6)),
      element("span", "place", run.place(row)),
      element("span", "what", run.whatOf(row)),
      element("span", "verdict", SIGNS[run.tone(row)] + run.verdictOf(row)),
    );
    return option;
  }
}

// A word or a sign beside every colour.
const SIGNS = { bad: "✕ broken", open: "⊘ ", gap: "◌ ", good: "✓ ", plain: "" };

