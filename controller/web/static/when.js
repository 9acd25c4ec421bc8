// When: now, once, or again and again; the rule is built here and judged by the server.

import { call } from "./api.js";
import { dayAndTime, word } from "./words.js";

const WAIT_MS = 350;
const SHOWN = 5;

export class When {
  #timer = null;
  #run = 0;

  constructor(form, { refuse, accept }) {
    this.form = form;
    this.refuse = refuse;
    this.accept = accept;
    this.times = document.getElementById("times");
    this.shown = document.getElementById("occurrences");
    document.getElementById("add-time").addEventListener("click", () => this.addTime().focus());
    form.addEventListener("input", ({ target }) => {
      if (["when", "weekday", "time", "first_date", "last_date"].includes(target.name)) {
        this.settle();
      }
    });
  }

  addTime(value = "") {
    const field = this.times.querySelector("input").cloneNode();
    field.value = value;
    this.times.append(field);
    return field;
  }

  settle() {
    clearTimeout(this.#timer);
    this.#run += 1;
    this.shown.replaceChildren();
    if (this.form.when.value === "recurring" && this.#days().length && this.#times().length) {
      this.#timer = setTimeout(() => this.#preview(this.#run), WAIT_MS);
    }
  }

  *lacks() {
    const kind = this.form.when.value;
    if (kind === "once" && !this.form.start.value) {
      yield { field: "start", message: word("need_start") };
    } else if (kind === "recurring" && !(this.#days().length && this.#times().length)) {
      yield { field: "rrule", message: word("need_rule") };
    }
  }

  recurrence() {
    const { form } = this;
    const zone = form.dataset.zone;
    if (form.when.value === "once") {
      return { dtstart: withSeconds(form.start.value), zone };
    }
    const days = this.#days();
    const times = this.#times();
    const first = form.first_date.value || form.dataset.today;
    return {
      dtstart: `${first}T${withSeconds(times[0])}`,
      rrule: days.length === 7 ? "FREQ=DAILY" : `FREQ=WEEKLY;BYDAY=${days.join(",")}`,
      times,
      first_date: first,
      last_date: form.last_date.value || null,
      zone,
    };
  }

  async #preview(run) {
    try {
      const instants = await call("POST", "/api/v1/schedules/preview", this.recurrence());
      if (run !== this.#run) {
        return;
      }
      this.accept();
      const heading = document.createElement("p");
      heading.className = "label";
      heading.textContent = word("occurrences");
      const list = document.createElement("ol");
      for (const instant of instants.slice(0, SHOWN)) {
        const item = document.createElement("li");
        item.textContent = dayAndTime(new Date(instant));
        list.append(item);
      }
      this.shown.replaceChildren(heading, list);
    } catch (problem) {
      if (run === this.#run) {
        this.refuse(problem);
      }
    }
  }

  #days() {
    return [...this.form.querySelectorAll("[name=weekday]:checked")].map((box) => box.value);
  }

  #times() {
    return [...this.times.querySelectorAll("input")].map((field) => field.value).filter(Boolean).sort();
  }
}

// Browsers leave out seconds that are zero.
const withSeconds = (text) => (/\d\d:\d\d:\d\d$/.test(text) ? text : `${text}:00`);
