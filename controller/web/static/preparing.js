// A text or a recording on its way to becoming a clip, with its progress shown. One at a time: a newer one makes an
// older one forget itself.

import { call, csrfToken, Problem, problemOf, unreachable } from "./api.js";
import { word } from "./words.js";

const POLL_MS = 250;
const box = document.getElementById("preparing");
const bar = document.getElementById("preparing-bar");
const line = document.getElementById("preparing-word");
let newest = 0;
let request = null;

// Resolves to the clip, or to null once a newer one has begun or it was abandoned.
export async function prepared(started) {
  const run = ++newest;
  const isOver = () => run !== newest;
  show(word(request ? "uploading" : "preparing"), 0);
  try {
    let preparation = await started;
    while (!isOver() && !["ready", "refused"].includes(preparation.state)) {
      show(word("preparing"), preparation.progress);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      preparation = await call("GET", `/api/v1/preparations/${preparation.id}`);
    }
    if (!isOver() && preparation.state === "refused") {
      throw new Problem(preparation.problem);
    }
    return isOver() ? null : preparation.clip;
  } catch (problem) {
    if (isOver()) {
      return null;
    }
    throw problem;
  } finally {
    if (!isOver()) {
      box.hidden = true;
    }
  }
}

// Nobody waits for it any more.
export function abandon() {
  newest += 1;
  request?.abort();
  request = null;
  box.hidden = true;
}

// fetch() cannot tell how much of a body has been sent.
export function upload(file, { openingChime }) {
  const body = new FormData();
  body.append("file", file);
  body.append("opening_chime", String(openingChime));
  const mine = (request = new XMLHttpRequest());
  mine.upload.addEventListener("progress", ({ loaded, total }) => show(word("uploading"), loaded / total));
  return new Promise((resolve, reject) => {
    mine.addEventListener("load", () => {
      if (mine.status < 300) {
        resolve(JSON.parse(mine.responseText));
      } else {
        reject(problemOf(mine.status, mine.responseText));
      }
    });
    mine.addEventListener("error", () => reject(unreachable()));
    mine.addEventListener("loadend", () => {
      if (request === mine) {
        request = null;
      }
    });
    mine.open("POST", "/api/v1/preparations/upload");
    mine.setRequestHeader("X-CSRF-Token", csrfToken);
    mine.send(body);
  });
}

function show(text, share) {
  box.hidden = false;
  bar.value = Math.round(share * 100);
  // Spoken at the start of a stage only: a screen reader would never finish with each per cent.
  if (line.textContent !== text) {
    line.textContent = text;
  }
}
