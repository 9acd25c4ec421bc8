// Record, then send. What is recorded stays in this browser until it was sent or thrown away; a phone without a
// network keeps it as "not sent yet", and sends it only when someone chooses it and confirms anew.

import { Microphone } from "./microphone.js";
import { fileOf } from "./recording.js";
import { all, forget, keep } from "./unsent.js";
import { clock, word } from "./words.js";

const LONGEST_MS = 5 * 60_000;

export class Recorder {
  #person;
  #page;
  #microphone = null;
  #frames = [];
  #opening = false;
  #chosen = null; // of the kept ones, the one that is being sent
  #timer = null;

  constructor(person, page) {
    this.#person = person;
    this.#page = page;
    this.button = document.getElementById("record");
    this.line = document.getElementById("record-said");
    this.list = document.getElementById("unsent");
    this.button.addEventListener("click", () => (this.#microphone ? this.#stop() : this.#start()));
    this.list.addEventListener("click", ({ target }) => this.#choose(target));
    addEventListener("pagehide", () => this.#microphone && this.#stop());
    this.#show();
  }

  // The chosen recording has been ordered: it is not kept any more.
  async sent() {
    if (this.#chosen) {
      await forget(this.#chosen);
      this.#chosen = null;
      await this.#show();
    }
  }

  async #start() {
    if (this.#opening) {
      return;
    }
    this.#opening = true;
    this.#frames = [];
    try {
      this.#microphone = await Microphone.open(() => {});
    } catch (error) {
      const refused = error.name === "NotAllowedError";
      this.#page.refuse({ message: word(refused ? "refused_microphone" : "no_microphone") });
      return;
    } finally {
      this.#opening = false;
    }
    this.#microphone.speak((frame) => this.#frames.push(frame));
    this.#timer = setTimeout(() => this.#stop(), LONGEST_MS);
    this.#press(true);
    this.line.textContent = word("recording");
  }

  async #stop() {
    clearTimeout(this.#timer);
    const microphone = this.#microphone;
    this.#microphone = null;
    this.#press(false);
    await microphone.hush();
    const codec = microphone.codec;
    microphone.close();
    if (!this.#frames.length) {
      this.line.textContent = word("nothing_recorded");
      return;
    }
    const recording = { id: crypto.randomUUID(), person: this.#person, at: Date.now(), codec, frames: this.#frames };
    await keep(recording);
    await this.#show();
    if (navigator.onLine) {
      this.line.textContent = "";
      this.#take(recording);
    } else {
      this.line.textContent = word("kept_unsent");
    }
  }

  #press(on) {
    this.button.setAttribute("aria-pressed", String(on));
    this.button.querySelector("[data-word=start]").hidden = on;
    this.button.querySelector("[data-word=stop]").hidden = !on;
  }

  #take(recording) {
    this.#chosen = recording.id;
    this.#page.take(fileOf(recording.frames, recording.codec), word("recorded_at", { time: clock(recording.at) }));
  }

  async #choose(target) {
    const id = target.closest("[data-unsent]")?.dataset.unsent;
    if (target.closest("[data-drop]")) {
      await forget(id);
      await this.#show();
    } else if (target.closest("[data-take]")) {
      const recording = (await all(this.#person)).find((each) => each.id === id);
      if (recording) {
        this.#take(recording);
      }
    }
  }

  async #show() {
    const kept = await all(this.#person);
    this.list.replaceChildren(
      ...kept.map(({ id, at }) => {
        const item = document.createElement("li");
        item.className = "row";
        item.dataset.unsent = id;
        const name = document.createElement("span");
        name.textContent = word("unsent_at", { time: clock(at) });
        item.append(name, button("take", word("use")), button("drop", word("throw_away")));
        return item;
      }),
    );
  }
}

function button(name, text) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button small";
  made.dataset[name] = "";
  made.textContent = text;
  return made;
}
