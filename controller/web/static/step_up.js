// Proving again who holds this phone: asked only when it was not done within the last five minutes.

import { call } from "./api.js";

const dialog = document.getElementById("step-up");
const form = document.getElementById("step-up-form");
const fault = form.querySelector(".fault");
let method = "password";
let settle = null;

// Resolves to true once it is proved, false when the person goes back. Throws a Problem when nobody can be asked.
export async function prove({ force = false } = {}) {
  const { until, methods } = await call("GET", "/api/v1/step-up");
  if (until && !force) {
    return true;
  }
  [method] = methods;
  document.getElementById("step-up-text").textContent = wordOf("step-up-text");
  document.getElementById("step-up-label").textContent = wordOf("step-up-label");
  const field = form.secret;
  field.type = method === "totp" ? "text" : "password";
  field.inputMode = method === "totp" ? "numeric" : "text";
  field.autocomplete = method === "totp" ? "one-time-code" : "current-password";
  field.value = "";
  fault.hidden = true;
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    settle = resolve;
  });
}

const wordOf = (id) => document.getElementById(id).dataset[method];

dialog.addEventListener("close", () => {
  settle?.(dialog.returnValue === "proved");
  settle = null;
  dialog.returnValue = "";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  if (button.getAttribute("aria-busy") === "true") {
    return;
  }
  button.setAttribute("aria-busy", "true");
  fault.hidden = true;
  try {
    await call("POST", "/api/v1/step-up", { method, secret: form.secret.value });
    form.secret.value = "";
    dialog.close("proved");
  } catch (problem) {
    fault.textContent = problem.message;
    fault.hidden = false;
    form.secret.select();
  } finally {
    button.removeAttribute("aria-busy");
  }
});

// Does something dangerous; where the server wants a proof first, asks for it and does it then.
export async function proved(act) {
  if (!(await prove())) {
    return null;
  }
  try {
    return await act();
  } catch (problem) {
    if (problem.code !== "step_up_needed" || !(await prove({ force: true }))) {
      throw problem;
    }
    return act();
  }
}
