// The microphone, open: blocks of 20 ms and their level, and Opus frames where the browser can make them.

const OPUS = {
  codec: "opus", sampleRate: 48000, numberOfChannels: 1, bitrate: 24000,
  opus: { frameDuration: 20000, application: "voip", useinbandfec: false, usedtx: false },
};
const PCM_RATE = 16000; // what a browser without an encoder sends; the server encodes it
const PRE_ROLL = 10; // blocks from before the press: the first syllable is spoken with the finger still moving

export class Microphone {
  codec = "pcm";
  #heard;
  #stream;
  #context;
  #recent = [];
  #encoder = null;
  #spoken = null; // takes frames while someone speaks

  // `onBlock(db)` is called fifty times a second. Throws what getUserMedia throws.
  static async open(onBlock) {
    const microphone = new Microphone();
    microphone.#heard = onBlock;
    // An echo of a horn cannot be cancelled: the browser does not know what the horn plays.
    const wanted = { channelCount: 1, echoCancellation: false, noiseSuppression: true, autoGainControl: true };
    microphone.#stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    try {
      await microphone.#connect();
    } catch (error) {
      microphone.close();
      throw error;
    }
    return microphone;
  }

  async #connect() {
    const encodes = "AudioEncoder" in window && (await AudioEncoder.isConfigSupported(OPUS).catch(() => ({}))).supported;
    this.#context = encodes ? new AudioContext({ sampleRate: OPUS.sampleRate }) : new AudioContext();
    this.codec = encodes ? "opus" : "pcm";
    const rate = encodes ? OPUS.sampleRate : PCM_RATE;
    await this.#context.audioWorklet.addModule("/static/worklet.js");
    let end = this.#context.createMediaStreamSource(this.#stream);
    if (!encodes) {
      // What lies above half the rate would come back as noise.
      const filter = new BiquadFilterNode(this.#context, { type: "lowpass", frequency: 7000 });
      end.connect(filter);
      end = filter;
    }
    const blocks = new AudioWorkletNode(this.#context, "blocks", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { rate },
    });
    blocks.port.onmessage = ({ data }) => this.#take(data);
    end.connect(blocks);
    await this.#context.resume();
  }

  // From now on, and 200 ms before, `onFrame(bytes)` gets every 20 ms.
  speak(onFrame) {
    this.#spoken = onFrame;
    if (this.codec === "opus") {
      this.#encoder = new AudioEncoder({
        output: (chunk) => {
          const bytes = new Uint8Array(chunk.byteLength);
          chunk.copyTo(bytes);
          onFrame(bytes);
        },
        error: () => this.#spoken?.(null),
      });
      this.#encoder.configure(OPUS);
      this.timestamp = 0;
    }
    this.#recent.splice(0).forEach((block) => this.#encode(block));
  }

  // Resolves when the last frame of what was said until now has been handed over.
  async hush() {
    const encoder = this.#encoder;
    this.#spoken = this.#encoder = null;
    if (encoder?.state === "configured") {
      await encoder.flush().catch(() => {});
      encoder.close();
    }
  }

  close() {
    this.#spoken = this.#encoder = null;
    this.#stream.getTracks().forEach((track) => track.stop());
    this.#context?.close();
  }

  #take({ block, db }) {
    this.#heard(db);
    if (this.#spoken) {
      this.#encode(block);
    } else {
      this.#recent.push(block);
      this.#recent.splice(0, this.#recent.length - PRE_ROLL);
    }
  }

  #encode(block) {
    if (!this.#encoder) {
      const samples = new DataView(new ArrayBuffer(block.length * 2));
      block.forEach((sample, index) => samples.setInt16(index * 2, Math.max(-1, Math.min(1, sample)) * 32767, true));
      this.#spoken(new Uint8Array(samples.buffer));
    } else if (this.#encoder.state === "configured") {
      const { sampleRate } = OPUS;
      const data = new AudioData({
        format: "f32-planar", sampleRate, numberOfFrames: block.length, numberOfChannels: 1, timestamp: this.timestamp, data: block,
      });
      this.timestamp += 20000;
      this.#encoder.encode(data);
      data.close();
    }
  }
}
