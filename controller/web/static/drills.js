// Scheduling a drill. What it sends goes to the REST interface; refusals come back in words.

import { once, say } from "./actions.js";
import { call } from "./api.js";
import { refresh } from "./live.js";

const form = document.getElementById("drill");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  once(form.querySelector("button[type=submit]"), form.querySelector(".fault"), async () => {
    await call("POST", "/api/v1/drills", {
      key: form.key.value,
      audience: { areas: [Number(form.area.value)] },
      start_at: form.start.value, // by the clock on the wall there, wherever this browser is
      gain_db: Number(form.gain.value),
    });
    say(form.dataset.done);
    await refresh();
  });
});
