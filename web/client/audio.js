// The browser's sound graph: one context for each rate, and meters.

const contexts = new Map(); // by rate, 0 is that of the device

// contextAt returns the context of a rate. Browsers let it run only after a
// person pressed something; see unlock.
export function contextAt(rate = 0) {
  let context = contexts.get(rate);
  if (!context || context.state === 'closed') {
    context = new AudioContext({ latencyHint: 'interactive', ...(rate && { sampleRate: rate }) });
    contexts.set(rate, context);
  }
  return context;
}

// unlock lets all contexts run. It must be called from a key or a pointer.
export function unlock() {
  for (const context of contexts.values()) if (context.state !== 'running') context.resume().catch(() => {});
}

// loudness brings a root mean square (1 is full scale) to 0…1. The range of a
// voice is from -56 dB to -6 dB; what is loud stands out.
export function loudness(rms) {
  return Math.min(1, Math.max(0, (20 * Math.log10(rms + 1e-9) + 56) / 50)) ** 1.5;
}

// Meter says how loud a node of a context is now.
export class Meter {
  #analyser;
  #samples;

  constructor(context) {
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#samples = new Float32Array(1024);
  }

  // node is what the sound is to be connected to; it passes it on.
  get node() {
    return this.#analyser;
  }

  // level is 0…1.
  level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return loudness(Math.sqrt(sum / this.#samples.length));
  }
}
