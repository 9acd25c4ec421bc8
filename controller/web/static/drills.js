// Scheduling a drill. What it sends goes to the REST interface; refusals come back in words.

import { say } from "./actions.js";
import { call } from "./api.js";
import { refresh } from "./live.js";

const form = document.getElementById("drill");
const button = form.querySelector("button[type=submit]");
const fault = form.querySelector(".fault");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-busy") === "true") {
    return;
  }
  button.setAttribute("aria-busy", "true");
  fault.hidden = true;
  try {
    await call("POST", "/api/v1/drills", {
      key: form.key.value,
      audience: { areas: [Number(form.area.value)] },
      start_at: form.start.value, // by the clock on the wall there, wherever this browser is
      gain_db: Number(form.gain.value),
    });
    say(form.dataset.done);
    await refresh();
  } catch (problem) {
    fault.textContent = problem.message;
    fault.hidden = false;
  } finally {
    button.removeAttribute("aria-busy");
  }
});
