// Ending what goes on, approving drafts, reviewing afterwards. Falling silent never asks who one is.

import { say } from "./actions.js";
import { call } from "./api.js";
import { refresh } from "./live.js";
import { proved } from "./step_up.js";

export class Ending {
  constructor() {
    document.addEventListener("submit", (event) => {
      const form = event.target.closest("[data-end], [data-review]");
      if (form) {
        event.preventDefault();
        this.#once(form.querySelector("[type=submit]"), form.querySelector(".fault"), () => (form.dataset.end ? this.#end(form) : this.#review(form)));
      }
    });
    document.addEventListener("click", ({ target }) => {
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
    const stop = document.getElementById("stop-all");
    stop?.addEventListener("click", () =>
      this.#once(stop, null, async () => {
        const { gateways } = await call("POST", `/api/v1/areas/${stop.dataset.area}/stop`);
        say(stop.dataset.done.replace("{gateways}", gateways));
        scrollTo(0, 0);
      }),
    );
  }

  async #end(form) {
    const { announced } = await call("POST", `/api/v1/emergencies/${form.dataset.end}/end`, { ending: form.dataset.ending });
    form.closest("dialog").close();
    say(announced ? form.dataset.told : form.dataset.untold);
  }

  async #review(form) {
    await call("POST", `/api/v1/emergencies/${form.dataset.review}/review`, { note: form.note.value.trim() });
    say(form.dataset.done);
  }

  async #once(button, fault, act) {
    if (button.getAttribute("aria-busy") === "true") {
      return;
    }
    button.setAttribute("aria-busy", "true");
    if (fault) {
      fault.hidden = true;
    }
    try {
      await act();
      await refresh();
    } catch (problem) {
      if (fault) {
        fault.textContent = problem.message;
        fault.hidden = false;
      } else {
        say(problem.message);
      }
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}
