// The form: gathers what its parts know, asks once more before it sounds, sends it, and shows what is refused.

import { Audience } from "./audience.js";
import { call } from "./api.js";
import { Draft } from "./draft.js";
import { Sound } from "./sound.js";
import { When } from "./when.js";
import { word } from "./words.js";

const form = document.getElementById("compose");
const button = form.querySelector("button[type=submit]");
const confirmation = document.getElementById("confirm");

// Fields of the interface, and refusals without one, by the part of the form that they are about.
const PLACES = {
  title: "title",
  sound: "sound", clip_sha256: "sound", source: "sound", text: "sound", voice: "sound", rate: "sound", file: "sound",
  audience: "audience", areas: "audience", gateways: "audience",
  unknown_area: "audience", foreign_area: "audience", unknown_gateway: "audience", nobody_to_play_it: "audience",
  start: "start", dtstart: "start",
  rrule: "rrule", times: "rrule", first_date: "rrule", last_date: "rrule",
  priority: "priority",
};
const ORDER = ["title", "sound", "audience", "start", "rrule", "priority"];

const draft = new Draft(form);
const sound = new Sound(form, { refuse: (problem) => show([problem]), accept: () => clear("sound"), keep: () => draft.save({ clip: sound.clip }) });
const audience = new Audience(form);
const when = new When(form, { refuse: (problem) => show([problem]), accept: () => ["start", "rrule"].forEach(clear) });

sound.restore(draft.restore()?.clip);
audience.settle();
when.settle();
arrange();

form.addEventListener("input", () => draft.save({ clip: sound.clip }));
form.addEventListener("change", (event) => {
  arrange();
  draft.save({ clip: sound.clip });
  clear(placeOf(event.target.name));
});

function arrange() {
  for (const part of form.querySelectorAll("[data-when-source]")) {
    part.hidden = part.dataset.whenSource !== form.source.value;
  }
  for (const part of form.querySelectorAll("[data-when-when]")) {
    part.hidden = part.dataset.whenWhen !== form.when.value;
  }
  button.textContent = form.when.value === "now" ? button.dataset.now : button.dataset.later;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const missing = [...lacks()];
  if (missing.length) {
    show(missing);
  } else if (form.when.value === "now") {
    document.getElementById("confirm-text").textContent = word("confirm", {
      title: form.title.value.trim(), count: audience.chosen.length, online: audience.online,
    });
    confirmation.showModal();
  } else {
    send();
  }
});

document.getElementById("confirm-yes").addEventListener("click", () => {
  confirmation.close();
  send();
});

function* lacks() {
  if (!form.title.value.trim()) {
    yield { field: "title", message: word("need_title") };
  }
  if (!sound.clip) {
    yield { field: "sound", message: word(sound.isBusy ? "need_patience" : "need_sound") };
  }
  if (!audience.chosen.length) {
    yield { field: "audience", message: word("need_audience") };
  }
  yield* when.lacks();
}

async function send() {
  if (button.getAttribute("aria-busy") === "true") {
    return;
  }
  button.setAttribute("aria-busy", "true");
  ORDER.concat("form").forEach(clear);
  const wanted = {
    bulletin: {
      title: form.title.value.trim(),
      clip_sha256: sound.clip.sha256,
      source: form.source.value,
      text: form.source.value === "speech" ? form.text.value : "",
      language: form.language.value,
      category: form.category.value,
    },
    audience: audience.wanted(),
    priority: form.priority.value,
    repeat: Number(form.repeat.value),
    gap_ms: Number(form.gap.value) * 1000,
  };
  try {
    let next;
    if (form.when.value === "now") {
      next = `/phat/${(await call("POST", "/api/v1/broadcasts", wanted)).id}`;
    } else {
      next = `/lich/${(await call("POST", "/api/v1/schedules", { ...wanted, recurrence: when.recurrence() })).id}/phat`;
    }
    draft.forget();
    location.assign(next);
  } catch (problem) {
    button.removeAttribute("aria-busy");
    show([problem]);
  }
}

function placeOf(name) {
  return PLACES[name] ?? name;
}

function clear(place) {
  const fault = form.querySelector(`[data-fault="${place}"]`);
  if (fault) {
    fault.hidden = true;
    controlsOf(place).forEach((control) => control.removeAttribute("aria-invalid"));
  }
}

function controlsOf(place) {
  return form.querySelectorAll(`[aria-describedby~="${place}-fault"]`);
}

function show(problems) {
  for (const problem of problems) {
    let place = PLACES[problem.field] ?? PLACES[problem.code] ?? "form";
    // Quiet hours are about the start; in a repeating schedule that is its times.
    if (place === "start" && form.when.value === "recurring") {
      place = "rrule";
    }
    const fault = form.querySelector(`[data-fault="${place}"]`);
    fault.textContent = problem.message;
    fault.hidden = false;
    controlsOf(place).forEach((control) => control.setAttribute("aria-invalid", "true"));
  }
  const first = form.querySelector("[data-fault]:not([hidden])");
  const control = [...controlsOf(first.dataset.fault)].find((each) => each.offsetParent !== null);
  first.scrollIntoView({ block: "center" });
  control?.focus({ preventScroll: true });
}
