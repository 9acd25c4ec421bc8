// The sound: an upload with its progress or a text to be spoken, the server's preparation, the preview.

import { call, csrfToken, Problem, problemOf, unreachable } from "./api.js";
import { decimal, word } from "./words.js";

const POLL_MS = 400;

export class Sound {
  clip = null;
  isBusy = false;
  #run = 0; // a newer one makes an older one forget itself
  #request = null;

  constructor(form, { refuse, accept, keep }) {
    this.form = form;
    this.refuse = refuse;
    this.accept = accept;
    this.keep = keep;
    this.box = document.getElementById("preparing");
    this.bar = document.getElementById("preparing-bar");
    this.words = document.getElementById("preparing-word");
    form.file.addEventListener("change", () => this.upload());
    document.getElementById("speak").addEventListener("click", () => this.speak());
    for (const name of ["text", "voice", "rate"]) {
      form[name].addEventListener("input", () => this.#forget());
    }
    form.source.forEach((choice) => choice.addEventListener("change", () => this.#forget()));
    form.opening_chime.addEventListener("change", () => {
      this.#forget();
      if (form.source.value === "upload" && form.file.files.length) {
        this.upload();
      }
    });
  }

  restore(clip) {
    if (clip) {
      this.#ready(clip);
    }
  }

  upload() {
    const file = this.form.file.files[0];
    this.#forget();
    if (!file) {
      return;
    }
    const body = new FormData();
    body.append("file", file);
    body.append("opening_chime", String(this.form.opening_chime.checked));
    // fetch() cannot tell how much of a body has been sent.
    const request = (this.#request = new XMLHttpRequest());
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      this.#progress("uploading", loaded / total);
    });
    this.#follow(
      new Promise((resolve, reject) => {
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
      }),
      "uploading",
    );
  }

  speak() {
    const { text, voice, rate, opening_chime: chime } = this.form;
    this.#forget();
    this.#follow(
      call("POST", "/api/v1/preparations/speech", {
        text: text.value, voice: voice.value, rate: Number(rate.value), opening_chime: chime.checked,
      }),
      "preparing",
    );
  }

  async #follow(started, stage) {
    const run = ++this.#run;
    this.isBusy = true;
    this.accept();
    this.#progress(stage, 0);
    try {
      let preparation = await started;
      while (run === this.#run && !["ready", "refused"].includes(preparation.state)) {
        this.#progress("preparing", preparation.progress);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        preparation = await call("GET", `/api/v1/preparations/${preparation.id}`);
      }
      if (run !== this.#run) {
        return;
      }
      if (preparation.state === "refused") {
        throw new Problem({ ...preparation.problem, field: "sound" });
      }
      this.#ready(preparation.clip);
      this.keep();
    } catch (problem) {
      if (run === this.#run) {
        this.#forget();
        this.refuse({ code: problem.code, field: "sound", message: problem.message });
      }
    }
  }

  #progress(stage, share) {
    const percent = Math.round(share * 100);
    this.box.hidden = false;
    this.bar.value = percent;
    // Spoken at the start of a stage only: a screen reader would never finish with each per cent.
    const text = word(stage);
    if (this.words.textContent !== text) {
      this.words.textContent = text;
    }
  }

  #ready(clip) {
    this.isBusy = false;
    this.clip = clip;
    this.box.hidden = true;
    document.getElementById("preview-audio").src = `/api/v1/clips/${clip.sha256}/audio`;
    document.getElementById("preview-facts").textContent = word("clip_facts", {
      seconds: decimal(clip.duration_ms / 1000), loudness: decimal(clip.loudness_lufs),
    });
    document.getElementById("preview").hidden = false;
  }

  #forget() {
    this.#run += 1;
    this.#request?.abort();
    this.#request = null;
    this.isBusy = false;
    this.clip = null;
    this.box.hidden = true;
    const audio = document.getElementById("preview-audio");
    audio.pause();
    audio.removeAttribute("src");
    document.getElementById("preview").hidden = true;
  }
}
