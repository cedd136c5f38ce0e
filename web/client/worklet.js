// Runs on the browser's audio thread: microphone samples at the device's rate
// in; 50 times a second {rms}, and once asked for ({samples: true}) with it 20
// ms of 16-bit samples at 24 kHz.

const rate = 24000;
const frameSamples = 480; // 960 bytes, so base64 frames join without padding
const zeroCrossings = 16; // of the filter, each side

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

// Resampler changes the rate by the exact fraction up/down with a windowed
// sinc, one filter a phase. It keeps its state between calls.
class Resampler {
  constructor(from, to) {
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    const cutoff = 0.95 * Math.min(1, to / from); // of the input's half rate
    this.half = Math.ceil(zeroCrossings / cutoff);
    this.filters = Array.from({ length: this.up }, (_, phase) => this.#filter(phase / this.up, cutoff));
    this.past = new Float32Array(2 * this.half); // the last inputs, oldest first
    this.phase = 0; // of the next output, in 1/up inputs
  }

  #filter(offset, cutoff) {
    const taps = new Float32Array(2 * this.half);
    let sum = 0;
    for (let i = 0; i < taps.length; i++) {
      const x = i - this.half + 1 - offset;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
      taps[i] = sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / (this.half + 1)));
      sum += taps[i];
    }
    return taps.map((tap) => tap / sum);
  }

  // push takes one input sample and calls out for each output sample.
  push(sample, out) {
    this.past.copyWithin(0, 1);
    this.past[this.past.length - 1] = sample;
    for (; this.phase < this.up; this.phase += this.down) {
      const taps = this.filters[this.phase];
      let sum = 0;
      for (let i = 0; i < taps.length; i++) sum += taps[i] * this.past[i];
      out(sum);
    }
    this.phase -= this.up;
  }
}

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.wanted = false; // samples are
    this.resampler = sampleRate === rate ? null : new Resampler(sampleRate, rate);
    this.frame = new Int16Array(frameSamples);
    this.filled = 0;
    this.square = 0; // sum since the last message, of so many samples
    this.count = 0;
    this.add = this.add.bind(this);
    this.port.onmessage = ({ data }) => (this.wanted = data.samples);
  }

  add(sample) {
    const value = Math.max(-1, Math.min(1, sample));
    this.frame[this.filled++] = Math.round(value * 32767);
    if (this.filled === frameSamples) {
      this.tell(this.frame.buffer);
      this.frame = new Int16Array(frameSamples);
      this.filled = 0;
    }
  }

  tell(samples) {
    this.port.postMessage({ rms: Math.sqrt(this.square / Math.max(1, this.count)), samples }, samples ? [samples] : []);
    this.square = this.count = 0;
  }

  process([input]) {
    const channel = input[0] ?? [];
    for (const sample of channel) {
      this.square += sample * sample;
      if (!this.wanted) continue;
      if (this.resampler) this.resampler.push(sample, this.add);
      else this.add(sample);
    }
    this.count += channel.length;
    if (!this.wanted && this.count >= sampleRate / 50) this.tell(null);
    return true;
  }
}

registerProcessor('capture', Capture);
