// What every page of someone who is logged in runs.

import "./live.js";
import "./actions.js";

// The emergency page and a page for "no network" stay on the phone. Only over HTTPS or on this machine.
navigator.serviceWorker?.register("/sw.js").catch(() => {});

// A menu closes when one looks elsewhere.
const menu = document.getElementById("who");
document.addEventListener("click", (event) => {
  if (menu.open && !menu.contains(event.target)) {
    menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
