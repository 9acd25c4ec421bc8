// Cuts what the microphone hears into blocks of 20 ms and says how loud each is. Runs in the audio thread.

class Blocks extends AudioWorkletProcessor {
  // The context's rate, and the one wanted of us: equal, or a browser that cannot encode sends 16 kHz.
  constructor({ processorOptions: { rate } }) {
    super();
    this.step = sampleRate / rate;
    this.size = rate / 50;
    this.begin();
    this.at = 0; // where in the incoming samples the next outgoing one lies; -1 is the last one of before
    this.before = 0;
  }

  process([[samples]]) {
    if (samples) {
      for (; this.at <= samples.length - 1; this.at += this.step) {
        const left = Math.floor(this.at);
        const from = left < 0 ? this.before : samples[left];
        const share = this.at - left;
        this.put(share ? from + (samples[left + 1] - from) * share : from);
      }
      this.at -= samples.length;
      this.before = samples[samples.length - 1];
    }
    return true;
  }

  put(sample) {
    this.block[this.filled++] = sample;
    if (this.filled === this.size) {
      const energy = this.block.reduce((sum, each) => sum + each * each, 0) / this.filled;
      const db = Math.max(-90, 10 * Math.log10(energy + 1e-9));
      this.port.postMessage({ block: this.block, db }, [this.block.buffer]);
      this.begin(); // the old one now belongs to the page
    }
  }

  begin() {
    this.block = new Float32Array(this.size);
    this.filled = 0;
  }
}

registerProcessor("blocks", Blocks);
