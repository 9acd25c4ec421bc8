// Live voice: hold to talk. Knows nothing of the page; whoever makes one shows what it says.
//
//   const talk = new Talk({
//     audience: () => ({ areas: [1, 2], gateways: ["g1"] }),   // asked at arm() and again at press()
//     mode: () => "actual",                                    // or "test", "drill"; asked likewise
//     onState: (state, detail) => {},                          // every change; see below
//     onLevel: (db) => {},                                     // of the microphone, -90 to 0 dBFS, 15 times a second
//   });
//   await talk.arm();    // in a click: opens microphone and socket; nothing is sent, only the level moves
//   talk.press();        // pointerdown, space down, or the screen reader's first press
//   talk.release();      // pointerup, pointercancel, space up, or the second press; safe to call at any time
//                        // both take the event's own timeStamp: on a slow phone a tap is handled late, not held long
//   talk.disarm();       // closes microphone and socket
//   talk.state           // the last one; talk.isArmed says whether press() would talk at once
//
// state               | means                                                    | detail
// --------------------|----------------------------------------------------------|--------------------------------
// idle                | neither microphone nor socket                            |
// arming              | asking for the microphone, opening the socket            |
// refused_microphone  | the person or the browser said no                        |
// no_microphone       | there is none, or another program holds it               |
// insecure            | not HTTPS and not localhost: browsers give no microphone |
// armed               | ready: press() talks                                     | gateways, longestMs
// opening             | pressed; the order is on its way: what is said is kept.  | announcedMs: so long a test or a drill is
//                     | Announced first, it is not: wait until `talking`         | announced; 0 before the order is there
// talking             | ordered, and frames go out                               | emergencyId, broadcastId, gateways, longestMs, droppedMs
// closed              | released or stopped; still armed, press() talks again    | saidMs, clipSha256 (or null), reason, droppedMs,
//                     |                                                          | isKept: null until it is known
// bad_link            | the line does not carry a voice: it is recorded here     | stage: recording, uploading, sent, failed; then
//                     | instead and sent to be played at release; likewise when  | problem, emergencyId
//                     | the server has lost the gateways                         |
// lost                | the socket is gone, and nobody is talking                |
// error               | the server refused                                       | problem: { code, message, field }
//
// `closed.reason`: released, limit (the longest time was over), stopped (someone stopped everything or ended the
// emergency), hidden (the page went out of sight), too_short (a tap: nothing was sent).
// `error` with problem.code "step_up_needed": prove again who one is, then press(); the microphone stays open.
// While the microphone is open, a socket that is lost is opened again by itself (`lost`, then `armed`); pressed
// meanwhile, it is bad_link at once. After refused_microphone, no_microphone, insecure, and `error` with talk.isArmed
// false: arm() again, in a click. A page out of sight closes the microphone: `idle`.
// `droppedMs` grows while talking when frames had to be left out because the line was full; say so.
// `bad_link` goes on by itself: keep showing that it records until release(), then that it uploads, then that it was
// sent (emergencyId: an emergency of its own, which supersedes the one that was cut off) or failed (the recording is
// kept: talk.retry() sends it again, talk.discard() forgets it).

import { call, csrfToken, Problem, problemOf, unreachable } from "./api.js";
import { Microphone } from "./microphone.js";
import { fileOf } from "./recording.js";

const TAP_MS = 150; // shorter was no wish to speak
const FULL = 16 * 1024; // bytes that wait for the line: with more, what is said now would be heard too late
const BAD_MS = 1000; // so much left out, and hardly anything carried in between
const DROPPED_STEP_MS = 200; // said at the first frame that is left out, and then five times a second
const PING_MS = 10_000;
const AGAIN_MS = [1000, 2000, 4000, 8000];
const LEVEL_EVERY = 3; // blocks
const POLL_MS = 400;

export class Talk {
  state = "idle";
  #page;
  #microphone = null;
  #socket = null;
  #ready = false; // the server has said that it is armed
  #pressed = null; // while the button is held: { at, frames, number, ... }
  #unsent = null; // what a bad line has left to be uploaded
  #failures = 0;
  #longestMs = null;
  #title = document.title;
  #droppedMs = 0;
  #timers = new Set();
  #blocks = 0;

  constructor(page) {
    this.#page = page;
    const away = () => this.#away();
    document.addEventListener("visibilitychange", () => document.hidden && away());
    addEventListener("pagehide", away);
    addEventListener("blur", () => this.#release("hidden"));
  }

  get isArmed() {
    return this.#microphone !== null && this.#ready;
  }

  async arm() {
    if (this.#microphone || this.state === "arming") {
      return;
    }
    if (!isSecureContext || !navigator.mediaDevices) {
      this.#tell("insecure");
      return;
    }
    this.#tell("arming");
    try {
      this.#microphone = await Microphone.open((db) => this.#level(db));
    } catch (error) {
      this.#tell(error.name === "NotAllowedError" ? "refused_microphone" : "no_microphone");
      return;
    }
    if (document.hidden) {
      this.disarm();
      return;
    }
    this.#connect();
  }

  disarm() {
    this.#release("hidden");
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    this.#microphone?.close();
    this.#microphone = null;
    this.#hangUp();
    if (this.state !== "bad_link") {
      this.#tell("idle");
    }
  }

  press(at = performance.now()) {
    if (!this.#microphone || this.#pressed || this.#unsent) {
      return;
    }
    const press = { at, frames: [], number: 0, droppedMs: 0, badMs: 0, live: this.#ready, order: null, codec: this.#microphone.codec };
    this.#pressed = press;
    if (press.live) {
      this.#tell("opening", { announcedMs: 0 });
      this.#send({ type: "press", audience: this.#page.audience(), mode: this.#page.mode(), alone_because: this.#page.reason?.() ?? "" });
    } else {
      this.#record();
    }
    this.#microphone.speak((frame) => this.#frame(press, frame));
  }

  release(at = performance.now()) {
    this.#release("released", at);
  }

  // Sends again what a bad line has left, after `bad_link` with stage "failed".
  retry() {
    if (this.#unsent) {
      this.#upload();
    }
  }

  discard() {
    this.#unsent = null;
    this.#tell(this.isArmed ? "armed" : this.#microphone ? "lost" : "idle");
  }

  #connect() {
    const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/api/v1/live`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#send({ type: "arm", csrf_token: csrfToken, audience: this.#page.audience(), mode: this.#page.mode(), codec: this.#microphone.codec });
      this.#later(PING_MS, () => this.#ping(socket));
    });
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data)));
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  #ping(socket) {
    if (socket === this.#socket && this.#ready) {
      this.#send({ type: "ping" });
      this.#later(PING_MS, () => this.#ping(socket));
    }
  }

  #hear({ type, ...said }) {
    if (type === "armed") {
      this.#ready = true;
      this.#failures = 0;
      if (!this.#pressed && this.state !== "bad_link") {
        this.#tell("armed", { gateways: said.gateways, longestMs: said.longest_ms });
      }
      this.#longestMs = said.longest_ms;
      this.#title = said.title;
    } else if (type === "open" && this.#pressed?.live) {
      this.#pressed.order = { emergencyId: said.emergency_id, broadcastId: said.broadcast_id, gateways: said.gateways, longestMs: this.#longestMs };
      if (said.opens_in_ms > 0) {
        this.#tell("opening", { announcedMs: said.opens_in_ms });
      }
      this.#later(said.opens_in_ms, () => this.#talking());
    } else if (type === "ended" || type === "closed") {
      this.#closed({ type, ...said });
    } else if (type === "refused") {
      this.#refused(new Problem(said.problem));
    }
  }

  #talking() {
    if (this.#pressed?.live && this.#pressed.order) {
      this.#tell("talking", { ...this.#pressed.order, droppedMs: this.#pressed.droppedMs });
    }
  }

  #closed({ type, reason, broadcast_id: broadcastId, said_ms: saidMs, clip_sha256: clipSha256 = null }) {
    const droppedMs = this.#pressed?.droppedMs ?? this.#droppedMs;
    if (this.#pressed) {
      if (!this.#pressed.live || broadcastId !== this.#pressed.order?.broadcastId) {
        return; // of one before
      }
      if (reason === "unheard") {
        this.#record(); // it gets no further than the server: what was said since the press is sent at release
        return;
      }
      this.#hush(); // the server ended it: nothing more goes out, however long the button is held
    }
    if (["closed", "opening", "talking"].includes(this.state)) {
      this.#tell("closed", { reason, saidMs, clipSha256, droppedMs, isKept: type === "closed" ? clipSha256 !== null : null });
    }
  }

  #refused(problem) {
    if (this.#pressed?.live || !this.#ready) {
      this.#hush();
      if (!this.#ready) {
        this.#microphone?.close();
        this.#microphone = null;
        this.#hangUp();
      }
      this.#tell("error", { problem });
    }
  }

  #lost() {
    this.#socket = null;
    this.#ready = false;
    if (this.#pressed?.live) {
      this.#record();
    } else if (this.#microphone && this.state !== "bad_link") {
      this.#tell("lost");
    }
    if (this.#microphone) {
      this.#later(AGAIN_MS[Math.min(this.#failures++, AGAIN_MS.length - 1)], () => this.#socket ?? this.#connect());
    }
  }

  #frame(press, frame) {
    if (frame === null) {
      this.#tell("no_microphone"); // the encoder gave up; what it made before has gone out
      return;
    }
    press.frames.push(frame);
    const number = press.number++;
    if (!press.live || !this.#socket) {
      return;
    }
    if (this.#socket.bufferedAmount > FULL) {
      press.droppedMs += 20;
      press.badMs += 20;
      if (press.droppedMs % DROPPED_STEP_MS === 20) {
        this.#talking();
      }
      if (press.badMs >= BAD_MS) {
        this.#hangUp();
        this.#lost();
      }
      return;
    }
    press.badMs = Math.max(0, press.badMs - 5);
    const message = new Uint8Array(4 + frame.length);
    new DataView(message.buffer).setUint32(0, number);
    message.set(frame, 4);
    this.#socket.send(message);
  }

  // The line does not carry it: from now on it is only kept.
  #record() {
    this.#pressed.live = false;
    this.#tell("bad_link", { stage: "recording" });
  }

  async #release(reason, at = performance.now()) {
    const press = this.#pressed;
    if (!press) {
      return;
    }
    this.#pressed = null; // a second release finds nothing
    this.#droppedMs = press.droppedMs;
    const isTap = at - press.at < TAP_MS;
    const last = this.#microphone.hush();
    if (press.live && (isTap || reason === "hidden")) {
      press.live = false; // what the encoder still has in hand stays here
      this.#send({ type: "release", reason: isTap ? "too_short" : reason });
      this.#tell("closed", { reason: isTap ? "too_short" : reason, saidMs: 0, clipSha256: null, droppedMs: press.droppedMs, isKept: null });
      return;
    }
    await last;
    if (press.live && this.#socket) {
      this.#send({ type: "release", reason });
    } else if (isTap || !press.frames.length) {
      this.discard();
    } else {
      this.#unsent = { id: crypto.randomUUID(), frames: press.frames, codec: press.codec, order: press.order, audience: this.#page.audience(), mode: this.#page.mode(), reason: this.#page.reason?.() ?? "" };
      this.#upload();
    }
  }

  #hush() {
    if (this.#pressed) {
      this.#pressed.live = false;
      this.#pressed = null;
    }
    this.#microphone?.hush();
  }

  async #upload() {
    const said = this.#unsent;
    this.#tell("bad_link", { stage: "uploading" });
    try {
      said.clip ??= await this.#prepare(said);
      const { id } = await call("POST", "/api/v1/emergencies", {
        id: said.id, source: "recording", clip_sha256: said.clip, title: this.#title, audience: said.audience, mode: said.mode,
        supersedes: said.order ? [said.order.emergencyId] : [], alone_because: said.reason,
      });
      this.#unsent = null;
      this.#tell("bad_link", { stage: "sent", emergencyId: id });
    } catch (problem) {
      this.#tell("bad_link", { stage: "failed", problem });
    }
  }

  async #prepare({ frames, codec }) {
    const body = new FormData();
    body.append("file", fileOf(frames, codec));
    body.append("opening_chime", "false");
    const answer = await fetch("/api/v1/preparations/upload", { method: "POST", headers: { "X-CSRF-Token": csrfToken }, body }).catch(() => {
      throw unreachable();
    });
    const told = await answer.text();
    if (!answer.ok) {
      throw problemOf(answer.status, told);
    }
    let preparation = JSON.parse(told);
    while (!["ready", "refused"].includes(preparation.state)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      preparation = await call("GET", `/api/v1/preparations/${preparation.id}`);
    }
    if (preparation.state === "refused") {
      throw new Problem(preparation.problem);
    }
    return preparation.clip.sha256;
  }

  #away() {
    if (this.#microphone || this.state === "arming") {
      this.disarm();
    }
  }

  #level(db) {
    if (this.#blocks++ % LEVEL_EVERY === 0) {
      this.#page.onLevel(db);
    }
  }

  #hangUp() {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    socket?.close();
  }

  #later(delay, what) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, delay);
    this.#timers.add(timer);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  #tell(state, detail = {}) {
    this.state = state;
    this.#page.onState(state, detail);
  }
}
