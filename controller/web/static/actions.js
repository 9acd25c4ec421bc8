// Dialogs, and forms that call the REST interface. Listens on the document: parts of the page come and go.

import { call } from "./api.js";
import { refresh } from "./live.js";

const said = document.getElementById("said");

export function say(text) {
  said.textContent = text;
  said.hidden = false;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    document.getElementById(opener.dataset.open).showModal();
  }
  event.target.closest("[data-close]")?.closest("dialog").close();
  if (event.target.closest("[data-print]")) {
    print();
  }
});

// Does something at the press of a button, once however often it is pressed; a refusal is said in its place.
export async function once(button, fault, act) {
  if (button.getAttribute("aria-busy") === "true") {
    return;
  }
  button.setAttribute("aria-busy", "true");
  if (fault) {
    fault.hidden = true;
  }
  try {
    await act();
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

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form");
  if (form.hasAttribute("data-forget")) {
    sessionStorage.clear();
    // The page kept on this phone goes with the log-in; recordings that were not sent stay their owner's.
    globalThis.caches?.delete("loacast-kept");
  }
  if (!form.dataset.call) {
    return;
  }
  event.preventDefault();
  once(form.querySelector("button:not([type=button])"), form.querySelector(".fault"), async () => {
    const answer = await call(form.dataset.method ?? "POST", form.dataset.call, body(form));
    form.closest("dialog")?.close();
    if (form.dataset.then === "reload") {
      location.reload();
      return;
    }
    say(form.dataset.done.replace(/\{(\w+)\}/g, (_, name) => String(answer?.[name] ?? "")));
    await refresh();
  });
});

function body(form) {
  if (!("json" in form.dataset)) {
    return undefined;
  }
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, Number(value)]));
}
