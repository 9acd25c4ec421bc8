// The sound: an upload with its progress or a text to be spoken, the server's preparation, the preview.

import { call } from "./api.js";
import { abandon, prepared, upload } from "./preparing.js";
import { decimal, word } from "./words.js";

export class Sound {
  clip = null;
  isBusy = false;

  constructor(form, { refuse, accept, keep }) {
    this.form = form;
    this.refuse = refuse;
    this.accept = accept;
    this.keep = keep;
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

  // A file may have been chosen before this script had loaded, on a slow line.
  restore(clip) {
    if (clip) {
      this.#ready(clip);
    } else if (this.form.source.value === "upload" && this.form.file.files.length) {
      this.upload();
    }
  }

  upload() {
    const file = this.form.file.files[0];
    this.#forget();
    if (!file) {
      return;
    }
    this.#follow(upload(file, { openingChime: this.form.opening_chime.checked }));
  }

  speak() {
    const { text, voice, rate, opening_chime: chime } = this.form;
    this.#forget();
    this.#follow(
      call("POST", "/api/v1/preparations/speech", {
        text: text.value, voice: voice.value, rate: Number(rate.value), opening_chime: chime.checked,
      }),
    );
  }

  async #follow(started) {
    this.isBusy = true;
    this.accept();
    try {
      const clip = await prepared(started);
      if (clip) {
        this.#ready(clip);
        this.keep();
      }
    } catch (problem) {
      this.#forget();
      this.refuse({ code: problem.code, field: "sound", message: problem.message });
    }
  }

  #ready(clip) {
    this.isBusy = false;
    this.clip = clip;
    document.getElementById("preview-audio").src = `/api/v1/clips/${clip.sha256}/audio`;
    document.getElementById("preview-facts").textContent = word("clip_facts", {
      seconds: decimal(clip.duration_ms / 1000), loudness: decimal(clip.loudness_lufs),
    });
    document.getElementById("preview").hidden = false;
  }

  #forget() {
    abandon();
    this.isBusy = false;
    this.clip = null;
    const audio = document.getElementById("preview-audio");
    audio.pause();
    audio.removeAttribute("src");
    document.getElementById("preview").hidden = true;
  }
}
