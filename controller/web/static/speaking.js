// Hold to talk: the big button, its words, and what Talk says.

import { refresh } from "./live.js";
import { proved } from "./step_up.js";
import { Talk } from "./talk.js";
import { decimal, word } from "./words.js";

const BUSY = ["talking", "opening", "bad_link"];

// On the button: what is said while a test or a drill is announced does not go out.
function holdWord(state, { announcedMs }) {
  return BUSY.includes(state) ? (announcedMs > 0 ? "announcing" : state) : "ready";
}

export class Speaking {
  #form;
  #began = 0;
  #before = "idle";
  #ticking = null;

  constructor(form, { audience, mode, reason }) {
    this.#form = form;
    this.hold = document.getElementById("hold");
    this.line = document.getElementById("talk-said");
    this.talk = new Talk({
      audience,
      mode,
      reason,
      onState: (state, detail = {}) => this.#show(state, detail),
      onLevel: (db) => {
        document.getElementById("level").value = Math.max(-60, db);
      },
    });
  }

  begin() {
    const { hold, talk } = this;
    document.getElementById("arm").addEventListener("click", () => this.#arm());
    document.getElementById("disarm").addEventListener("click", () => talk.disarm());
    document.getElementById("talk-retry").addEventListener("click", () => talk.retry());
    document.getElementById("talk-discard").addEventListener("click", () => talk.discard());
    hold.addEventListener("pointerdown", (event) => {
      if (event.button === 0) {
        hold.setPointerCapture(event.pointerId);
        talk.press(event.timeStamp);
      }
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      hold.addEventListener(kind, ({ timeStamp }) => talk.release(timeStamp));
    }
    hold.addEventListener("contextmenu", (event) => event.preventDefault());
    hold.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") {
        event.preventDefault();
        if (!event.repeat) {
          talk.press(event.timeStamp);
        }
      }
    });
    hold.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") {
        talk.release(event.timeStamp);
      }
    });
    const once = document.getElementById("press-once");
    once.addEventListener("click", () => {
      const speaks = once.getAttribute("aria-pressed") === "true";
      once.setAttribute("aria-pressed", String(!speaks));
      once.textContent = word(speaks ? "press_once" : "press_to_end");
      (speaks ? () => talk.release() : () => talk.press())();
    });
    this.#form.addEventListener("change", ({ target }) => {
      if (["source", "mode", "whole", "part"].includes(target.name) && talk.state !== "idle") {
        talk.disarm();
      }
    });
  }

  // In the click itself, before anything is waited for: a browser opens the microphone for a tap only.
  #arm() {
    const armed = this.talk.arm();
    proved(() => armed).then(
      (done) => done === null && this.talk.disarm(),
      (problem) => this.#say(problem.message),
    );
  }

  #show(state, detail) {
    const open = !["idle", "arming", "refused_microphone", "no_microphone", "insecure"].includes(state);
    document.getElementById("talk").hidden = !open;
    document.getElementById("arm").hidden = open;
    document.getElementById("arm").setAttribute("aria-busy", String(state === "arming"));
    this.hold.disabled = !(this.talk.isArmed || ["bad_link", "lost", "talking", "opening"].includes(state));
    this.hold.dataset.state = state;
    document.getElementById("hold-word").textContent = word(`hold.${holdWord(state, detail)}`);
    document.getElementById("talk-again").hidden = !(state === "bad_link" && detail.stage === "failed");
    this.#tick(["talking", "opening"].includes(state));
    if (state !== "idle" || this.#before !== "closed") { // whoever comes back to the page reads why it ended
      this.#say(this.#sentence(state, detail));
    }
    if (state === "armed" && this.#before === "arming") {
      this.hold.scrollIntoView({ block: "center" }); // whole, and clear of the bars: it is about to be held
    }
    this.#before = state;
    if (["closed", "lost", "talking"].includes(state) || detail.stage === "sent") {
      refresh();
    }
    if (state === "error" && detail.problem?.code === "step_up_needed") {
      proved(async () => true).catch(() => {});
    }
    if (!BUSY.includes(state)) {
      const once = document.getElementById("press-once");
      once.setAttribute("aria-pressed", "false");
      once.textContent = word("press_once");
    }
  }

  #sentence(state, { announcedMs, gateways, reason, saidMs, isKept, stage, problem, droppedMs }) {
    switch (state) {
      case "idle":
        return "";
      case "armed":
        return word("talk.armed", { gateways });
      case "opening":
        return word(announcedMs > 0 ? "talk.announcing" : "talk.opening");
      case "closed": {
        const end = word(`closed.${reason}`, { seconds: decimal((saidMs ?? 0) / 1000) });
        const fate = isKept === null ? "waiting" : isKept ? "yes" : "no";
        return saidMs > 0 ? [end, word(`kept.${fate}`)].join(" ") : end;
      }
      case "talking":
        return droppedMs > 0 ? word("talk.dropped") : word("talk.talking");
      case "bad_link":
        return stage === "failed" && problem ? `${word("bad_link.failed")} ${problem.message}` : word(`bad_link.${stage}`);
      case "error":
        return problem?.message ?? word("failed");
      case "refused_microphone":
      case "no_microphone":
        return word(state);
      default:
        return word(`talk.${state}`);
    }
  }

  #say(text) {
    this.line.textContent = text;
    this.line.hidden = !text;
  }

  #tick(on) {
    const place = document.getElementById("hold-time");
    clearInterval(this.#ticking);
    this.#ticking = null;
    place.textContent = "";
    if (on) {
      this.#began ||= Date.now();
      const show = () => {
        const seconds = Math.floor((Date.now() - this.#began) / 1000);
        place.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      };
      show();
      this.#ticking = setInterval(show, 250);
    } else {
      this.#began = 0;
    }
  }
}
