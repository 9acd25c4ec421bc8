// Warning everyone now: what is chosen, how it is reviewed and confirmed, and what goes on meanwhile.

import { say } from "./actions.js";
import { call } from "./api.js";
import { Ending } from "./ending.js";
import { holdToConfirm } from "./hold.js";
import { refresh } from "./live.js";
import { prepared, upload } from "./preparing.js";
import { proved } from "./step_up.js";
import { word } from "./words.js";

const AGAIN_MS = 5000;
const LOOK_MS = 3000; // ten seconds after the start the silent ones are named, though nothing has changed

new Ending();
setInterval(() => {
  if (document.querySelector("#emergencies [data-soon]") && !document.hidden) {
    refresh();
  }
}, LOOK_MS);

// Without a network nothing can be sent, and the page says so; one that was kept is replaced as soon as there is one.
const isKept = "kept" in document.documentElement.dataset;
const isOffline = () => isKept || !navigator.onLine;
const showNetwork = () => {
  document.getElementById("offline").hidden = !isOffline();
};
addEventListener("online", showNetwork);
addEventListener("offline", showNetwork);
showNetwork();
if (isKept) {
  const look = () => fetch("/parts/khan-cap").then(({ status }) => status < 500 && location.reload(), () => {});
  addEventListener("online", look);
  setInterval(look, AGAIN_MS);
}

// As crypto.randomUUID() makes it, which browsers have over HTTPS only.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("").replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const form = document.getElementById("warn");
if (form) {
  begin();
}
for (const button of document.querySelectorAll("[data-waits]")) {
  button.disabled = false;
}

function begin() {
  const sendButton = document.getElementById("send");
  const sendWord = document.getElementById("send-word");
  const review = document.getElementById("review-text");
  const fault = document.getElementById("fault");
  let clip = null; // of a text, a recording, or a warning with its blanks filled
  let said = "";
  let id = newId();
  let busy = false;

  const mode = () => form.mode.value;
  const source = () => form.source.value;
  const chosenKey = () => form.querySelector("[name=key]:checked");
  const places = () => [...form.querySelectorAll("#audience input:checked")];
  const audience = () => ({ areas: places().map(({ value }) => Number(value)), gateways: [] });
  let recorder = null;
  let second = null; // only for people of more than one commune

  // What only some need comes once the page can be used, and at once when it is chosen; what failed is tried again.
  let voices = null;
  let warnings = null;
  function loadVoices() {
    voices ??= Promise.all([import("./recorder.js"), import("./speaking.js")]).then(
      ([{ Recorder }, { Speaking }]) => {
        recorder = new Recorder(form.dataset.person, { take: (file, title) => prepare(upload(file, { openingChime: false }), title), refuse });
        new Speaking(form, { audience, mode, reason: () => second?.reason }).begin();
        document.getElementById("record").disabled = document.getElementById("arm").disabled = false;
        settle();
      },
      () => {
        voices = null;
      },
    );
  }
  function loadWarnings() {
    warnings ??= fetch("/parts/khan-cap/ban-thu-san")
      .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer)))
      .then((html) => {
        for (const part of new DOMParser().parseFromString(html, "text/html").querySelectorAll("[data-chosen]")) {
          form.querySelector(`[data-chosen="${CSS.escape(part.dataset.chosen)}"]`)?.replaceChildren(...part.childNodes);
        }
      })
      .catch(() => {
        warnings = null;
      });
  }
  function loadRest() {
    loadWarnings();
    loadVoices();
  }

  function refuse(problem) {
    fault.textContent = problem.message;
    fault.hidden = false;
    fault.scrollIntoView({ block: "center" });
  }

  // What was chosen before is not what will sound: forget it.
  function forgetClip() {
    clip = null;
    document.getElementById("preview").hidden = true;
    document.getElementById("preview-audio").removeAttribute("src");
  }

  async function prepare(started, text) {
    forgetClip();
    fault.hidden = true;
    try {
      const made = await prepared(started);
      if (!made) {
        return;
      }
      clip = made;
      said = text;
      id = newId();
      document.getElementById("preview-audio").src = `/api/v1/clips/${clip.sha256}/audio`;
      document.getElementById("preview-text").textContent = text;
      document.getElementById("preview").hidden = false;
    } catch (problem) {
      refuse(problem);
    }
    settle();
  }

  const doing = () => (second?.isProposed ? "proposed" : mode());

  // One sentence that says what will sound where, on how many gateways, and as what.
  function settle() {
    const kind = mode();
    form.dataset.mode = kind;
    const count = places().reduce((sum, { dataset }) => sum + Number(dataset.count), 0);
    const where = places().map(({ dataset }) => dataset.name).join(", ");
    const what = titleOf();
    const lack = lacks(count);
    review.textContent = lack ?? word(`review.${doing()}`, { what, where, count });
    sendButton.disabled = lack !== null || busy;
    sendWord.textContent = word(`send.${doing()}`);
    second?.show();
    sendButton.dataset.mode = kind;
    const help = document.getElementById("mode-help");
    help.textContent = kind === "test" ? help.dataset.testMode : help.dataset[kind];
    for (const part of form.querySelectorAll("[data-source]")) {
      part.hidden = part.dataset.source !== source();
    }
    for (const part of form.querySelectorAll("[data-chosen]")) {
      part.hidden = part.dataset.chosen !== chosenKey()?.value;
    }
    for (const part of form.querySelectorAll("[data-not]")) {
      part.hidden = part.dataset.not === source();
    }
    document.getElementById("waiting").hidden = recorder !== null || !["recording", "voice"].includes(source());
  }

  function titleOf() {
    if (source() === "warning") {
      return chosenKey()?.dataset.title ?? "";
    }
    return said || form.text.value.trim().slice(0, 80);
  }

  function lacks(count) {
    if (!count) {
      return word("need_audience");
    }
    if (second?.lack) {
      return second.lack;
    }
    if (source() === "warning") {
      return chosenKey() ? null : word("need_warning");
    }
    if (clip) {
      return null;
    }
    return source() === "text" ? word("need_spoken") : word("need_recording");
  }

  function wanted() {
    return {
      id,
      source: source(),
      key: source() === "warning" ? chosenKey().value : null,
      clip_sha256: clip?.sha256 ?? null,
      title: source() === "warning" ? "" : titleOf().slice(0, 160),
      text: clip ? said : "",
      audience: audience(),
      mode: mode(),
      siren: form.siren.value || null,
      every_minutes: Number(form.every.value) || null,
      lasts_minutes: Number(form.lasts.value) * 60, // not an instant: this phone's clock may be wrong
      supersedes: form.supersedes?.value ? [form.supersedes.value] : [],
      draft: second?.isProposed,
      alone_because: second?.reason,
    };
  }

  async function send() {
    busy = true;
    fault.hidden = true;
    settle();
    sendWord.textContent = word("sending");
    try {
      const ordered = await proved(() => call("POST", "/api/v1/emergencies", wanted()));
      if (ordered) {
        await recorder?.sent();
        id = newId();
        forgetClip();
        const chosen = chosenKey();
        if (chosen) {
          chosen.checked = false;
        }
        const done = ordered.state === "draft" ? "proposed" : ordered.mode;
        say(word(`sent.${done}`));
        await refresh();
        document.getElementById("emergencies").scrollIntoView({ block: "start" });
      }
    } catch (problem) {
      refuse(problem);
    } finally {
      busy = false;
      settle();
    }
  }

  holdToConfirm(sendButton, {
    act: send,
    waits: settle,
    again: () => {
      sendWord.textContent = word(`again.${doing()}`);
    },
  });

  function takeSiren(chosen) {
    const siren = chosen?.dataset.siren;
    form.siren.value = [...form.siren.options].some(({ value }) => value === siren) ? siren : "";
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.name === "whole" && target.checked) {
      form.querySelectorAll("[name=part]").forEach((box) => {
        box.checked = false;
      });
    } else if (target.name === "part" && target.checked) {
      form.whole.checked = false;
    }
    if (target.name === "key" || target.name === "source") {
      forgetClip();
      said = "";
      loadRest();
    }
    if (target.name === "key") {
      takeSiren(target);
    }
    settle();
  });
  form.text.addEventListener("input", () => {
    forgetClip();
    said = "";
    settle();
  });
  document.getElementById("speak").addEventListener("click", () => {
    const text = form.text.value.trim();
    prepare(call("POST", "/api/v1/preparations/speech", { text, opening_chime: false }), text);
  });
  form.addEventListener("click", ({ target }) => {
    const key = target.closest("[data-fill]")?.dataset.fill;
    if (key) {
      const blanks = form.querySelectorAll(`[data-chosen="${CSS.escape(key)}"] [data-blank]`);
      const values = Object.fromEntries([...blanks].map(({ dataset, value }) => [dataset.blank, value]));
      let text = "";
      const started = call("POST", `/api/v1/warnings/${encodeURIComponent(key)}/spoken`, { values }).then((filled) => {
        text = filled.text;
        return { id: filled.preparation_id, state: "waiting", progress: 0 };
      });
      prepare(started, "").then(() => {
        if (clip) {
          said = text;
          document.getElementById("preview-text").textContent = text;
        }
      });
    }
  });
  if (document.getElementById("second")) {
    import("./second_person.js").then(({ SecondPerson }) => {
      second = new SecondPerson(form, { places, mode, settle });
      settle();
    });
  }
  document.readyState === "complete" ? loadRest() : addEventListener("load", loadRest);

  // What was chosen before this script had come counts as if it had been there.
  form.whole.checked &&= !form.querySelector("[name=part]:checked");
  takeSiren(chosenKey());
  settle();
}
