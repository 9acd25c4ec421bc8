// Ending what goes on, approving drafts, reviewing afterwards. Falling silent never asks who one is.

import { once, say } from "./actions.js";
import { call } from "./api.js";
import { refresh } from "./live.js";
import { proved } from "./step_up.js";

export class Ending {
  #wanted = null; // what the dialog asks about

  constructor() {
    document.addEventListener("submit", (event) => {
      const form = event.target.closest("#end-form, [data-review]");
      if (form) {
        event.preventDefault();
        this.#once(form.querySelector("[type=submit]"), form.querySelector(".fault"), () => (form.id ? this.#end() : this.#review(form)));
      }
    });
    document.addEventListener("click", ({ target }) => {
      const asked = target.closest("[data-ask]");
      if (asked) {
        this.#ask({ ...asked.dataset });
      }
      const button = target.closest("[data-approve], [data-turn-down]");
      if (button) {
        const { approve, turnDown } = button.dataset;
        const fault = button.closest("section").querySelector(".fault");
        this.#once(button, fault, () =>
          approve
            ? proved(() => call("POST", `/api/v1/emergencies/${approve}/approve`, {}))
            : call("POST", `/api/v1/emergencies/${turnDown}/end`, { ending: "stopped" }),
        );
      }
    });
    const stop = document.getElementById("stop-form");
    stop?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#once(stop.querySelector("button"), null, async () => {
        const { gateways } = await call("POST", `/api/v1/areas/${stop.dataset.area}/stop`);
        say(stop.dataset.done.replace("{gateways}", gateways));
        scrollTo(0, 0);
      });
    });
  }

  #ask(wanted) {
    this.#wanted = wanted;
    for (const [id, text] of [["end-title", wanted.title], ["end-text", wanted.text], ["end-word", wanted.confirm]]) {
      document.getElementById(id).textContent = text;
    }
    document.querySelector("#end .fault").hidden = true;
    document.getElementById("end").showModal();
  }

  async #end() {
    const { ask, ending, told, untold } = this.#wanted;
    const { announced } = await call("POST", `/api/v1/emergencies/${ask}/end`, { ending });
    document.getElementById("end").close();
    say(announced ? told : untold);
    scrollTo(0, 0);
  }

  async #review(form) {
    await call("POST", `/api/v1/emergencies/${form.dataset.review}/review`, { note: form.note.value.trim() });
    say(form.dataset.done);
  }

  #once(button, fault, act) {
    return once(button, fault, async () => {
      await act();
      await refresh();
    });
  }
}
