// Keeps an open page true. The server says what changed; the page fetches those parts anew and swaps them in.

import { clock, word } from "./words.js";

const page = document.documentElement;
const root = document.querySelector("[data-live]");
const line = document.getElementById("connection");

const SILENCE_MS = 40_000; // the server says something every 15 s
const REOPEN_MS = 3_000;
const PATIENCE_MS = 1_500; // a reload or a short hiccup is not worth a line
const MOST_IDS = 100;

let stream;
let heardAt = Number(page.dataset.kept) || Date.now(); // a page kept for times without a network is of when it was seen
let hasMissed = false;
let lost = null;
let reopening = null;

// Fetching: one at a time; what arrives meanwhile makes one more.

let fetching = false;
let waiting = null;

export async function refresh(ids = []) {
  if (!root) {
    return;
  }
  if (fetching) {
    waiting = waiting === null || !waiting.length || !ids.length ? (waiting === null ? ids : []) : [...new Set([...waiting, ...ids])];
    return;
  }
  fetching = true;
  try {
    const url = new URL(root.dataset.live, location.href);
    if (ids.length && ids.length <= MOST_IDS) {
      url.searchParams.set("ids", ids.join(","));
    }
    const answer = await fetch(url);
    if (answer.status === 401) {
      location.reload();
    } else if (answer.ok) {
      swap(await answer.text());
    }
  } catch {
    // The stream is down as well, and its line says so; it refreshes when it is back.
  } finally {
    fetching = false;
    if (waiting !== null) {
      const next = waiting;
      waiting = null;
      refresh(next);
    }
  }
}

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-swap]")) {
    const old = part.parentElement?.closest("[data-swap]") ? null : document.getElementById(part.id);
    const asking = old?.querySelector("dialog[open]");
    if (asking) {
      afterwards(asking);
    } else if (old && !old.isEqualNode(part)) {
      replace(old, part);
    }
  }
}

// A question that somebody is reading is not taken from under the thumb; what is new is shown once it is answered.
const awaited = new WeakSet();

function afterwards(dialog) {
  if (!awaited.has(dialog)) {
    awaited.add(dialog);
    dialog.addEventListener("close", () => refresh(), { once: true });
  }
}

function replace(old, part) {
  const focused = old.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  for (const details of old.querySelectorAll("details[id]")) {
    part.querySelector(`#${CSS.escape(details.id)}`)?.toggleAttribute("open", details.open);
  }
  for (const { name, value } of part.attributes) {
    old.setAttribute(name, value);
  }
  const said = announced(old);
  old.replaceChildren(...part.childNodes);
  if (focused) {
    old.querySelector(focused)?.focus({ preventScroll: true });
  }
  if (announced(old) !== said) {
    document.getElementById("announce").textContent = announced(old);
  }
}

const announced = (part) => [...part.querySelectorAll("[data-announce]")].map((each) => each.textContent.trim()).join(". ");

// How to find the element that had the focus in the new copy of its part.
function selectorOf(element) {
  if (element.id) {
    return `#${CSS.escape(element.id)}`;
  }
  for (const name of ["data-test", "href"]) {
    if (element.hasAttribute(name)) {
      return `[${name}="${CSS.escape(element.getAttribute(name))}"]`;
    }
  }
  return null;
}

// The stream

function open() {
  stream = new EventSource("/events");
  stream.addEventListener("hello", (event) => {
    heard();
    if (event.data !== page.dataset.server || hasMissed) {
      page.dataset.server = event.data;
      hasMissed = false;
      refresh();
    }
  });
  stream.addEventListener("beat", heard);
  stream.addEventListener("change", (event) => {
    heard();
    changed(JSON.parse(event.data));
  });
  stream.addEventListener("error", () => {
    mourn();
    if (stream.readyState === EventSource.CLOSED) {
      refresh(); // finds out whether we are still logged in
      reopen();
    }
  });
}

function reopen() {
  stream.close();
  reopening = setTimeout(open, REOPEN_MS);
}

function rest() {
  stream.close();
  clearTimeout(reopening);
}

function wake() {
  rest();
  hasMissed = true;
  open();
}

function heard() {
  heardAt = Date.now();
  if (lost !== null) {
    clearTimeout(lost);
    lost = null;
    line.hidden = true;
  }
}

function mourn() {
  hasMissed = true;
  lost ??= setTimeout(() => {
    line.textContent = word("lost", { time: clock(heardAt) });
    line.hidden = false;
  }, PATIENCE_MS);
}

setInterval(() => {
  if (Date.now() - heardAt > SILENCE_MS && stream.readyState === EventSource.OPEN) {
    mourn();
    reopen();
  }
}, 5_000);

function changed(change) {
  document.dispatchEvent(new CustomEvent("changed", { detail: change }));
  const kinds = root.dataset.liveKinds.split(" ");
  const { liveId, liveById } = root.dataset;
  const touched = kinds.filter((kind) => change[kind]);
  if (!touched.length) {
    return;
  }
  const first = kinds[0];
  if (liveId && touched.includes(first) && touched.length === 1 && !change[first].includes(liveId)) {
    return;
  }
  refresh(liveById && touched.length === 1 && touched[0] === liveById ? change[liveById] : []);
}

if (root) {
  open();
  // A page that nobody sees needs no stream: browsers allow only six to one server, and phones save power.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : wake()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => event.persisted && wake());
}
