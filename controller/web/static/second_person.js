// More than one commune is warned by two people, or by one who says why alone; by voice there is no time for two.

import { word } from "./words.js";

const WIDE = ["province", "district"];
const SHORTEST_REASON = 8; // as controller/people/second_person.py

export class SecondPerson {
  constructor(form, { places, mode, settle }) {
    this.form = form;
    this.places = places;
    this.mode = mode;
    form.alone_because.addEventListener("input", settle);
  }

  get isNeeded() {
    const kinds = this.places().map(({ dataset }) => dataset.kind);
    return this.mode() === "actual" && (kinds.some((kind) => WIDE.includes(kind)) || kinds.filter((kind) => kind === "commune").length > 1);
  }

  get isAlone() {
    return this.isNeeded && (this.form.second.value === "alone" || this.form.source.value === "voice");
  }

  get isProposed() {
    return this.isNeeded && !this.isAlone;
  }

  get reason() {
    return this.isAlone ? this.form.alone_because.value.trim() : "";
  }

  get lack() {
    return this.isAlone && this.reason.length < SHORTEST_REASON ? word("need_reason") : null;
  }

  show() {
    document.getElementById("second").hidden = !this.isNeeded;
    document.getElementById("alone").hidden = !this.isAlone;
  }
}
