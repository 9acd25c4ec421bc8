// A text or a recording on its way to becoming a clip, with its progress shown.

import { call, csrfToken, Problem, problemOf, unreachable } from "./api.js";
import { word } from "./words.js";

const POLL_MS = 250;
const box = document.getElementById("preparing");
const bar = document.getElementById("preparing-bar");
const line = document.getElementById("preparing-word");
let newest = 0;

// Resolves to the clip. A newer one makes an older one end with null.
export async function prepared(started) {
  const run = ++newest;
  show("preparing", 0);
  try {
    let preparation = await started;
    while (run === newest && !["ready", "refused"].includes(preparation.state)) {
      show("preparing", preparation.progress);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      preparation = await call("GET", `/api/v1/preparations/${preparation.id}`);
    }
    if (preparation.state === "refused") {
      throw new Problem(preparation.problem);
    }
    return run === newest ? preparation.clip : null;
  } finally {
    if (run === newest) {
      box.hidden = true;
    }
  }
}

// fetch() cannot tell how much of a body has been sent.
export function upload(file) {
  const body = new FormData();
  body.append("file", file);
  body.append("opening_chime", "false");
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", ({ loaded, total }) => show("uploading", loaded / total));
  return new Promise((resolve, reject) => {
    request.addEventListener("load", () => {
      if (request.status < 300) {
        resolve(JSON.parse(request.responseText));
      } else {
        reject(problemOf(request.status, request.responseText));
      }
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.open("POST", "/api/v1/preparations/upload");
    request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.send(body);
  });
}

function show(stage, share) {
  box.hidden = false;
  bar.value = Math.round(share * 100);
  if (line.textContent !== word(stage)) {
    line.textContent = word(stage);
  }
}
