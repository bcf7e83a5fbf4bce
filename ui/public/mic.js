// The microphone's sound as 16-bit samples, 8000 a second, in pieces of 40 ms. Runs beside the page (AudioWorklet).
const RATE = 8000;
const PIECE = 320;

class Mic extends AudioWorkletProcessor {
  constructor() {
    super();
    this.made = new Int16Array(PIECE);
    this.count = 0;
    this.sum = 0;
    this.taken = 0;
    this.left = sampleRate / RATE;
  }

  // Each sample is the mean of those that it stands for: what 8 kHz cannot carry is dampened by that.
  process([[heard]]) {
    for (const sample of heard ?? []) {
      this.sum += sample;
      this.taken += 1;
      this.left -= 1;
      if (this.left > 0) continue;
      this.left += sampleRate / RATE;
      this.made[this.count++] = Math.max(-1, Math.min(1, this.sum / this.taken)) * 32767;
      this.sum = this.taken = 0;
      if (this.count < PIECE) continue;
      this.port.postMessage(this.made.slice());
      this.count = 0;
    }
    return true;
  }
}

registerProcessor("mic", Mic);
