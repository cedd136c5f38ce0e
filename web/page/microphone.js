// The microphone: frames of 20 ms as base64 PCM16 at 24 kHz, each with its
// level, handed to onframe(audio, level).

import { request } from './device.js';

export class Microphone {
  #stream = null;
  #context = null;
  #onframe;
  #onend;

  // held silences the frames without giving the microphone back.
  held = false;

  constructor({ onframe, onend }) {
    this.#onframe = onframe;
    this.#onend = onend;
  }

  get on() {
    return this.#stream !== null;
  }

  // start opens a device ("" is the default one). It throws an Error whose
  // message is for the user.
  async start(device = '') {
    const stream = await request('microphone', {
      audio: {
        deviceId: device ? { exact: device } : undefined,
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    });
    this.#stream = stream;
    const context = new AudioContext({ latencyHint: 'interactive' });
    this.#context = context;
    try {
      await context.audioWorklet.addModule('worklet.js');
      await context.resume();
    } catch (error) {
      this.stop();
      throw new Error(`The microphone did not start: ${error.message}`, { cause: error });
    }
    const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    capture.port.onmessage = (message) => this.#frame(new Int16Array(message.data));
    context.createMediaStreamSource(stream).connect(capture);
    stream.getAudioTracks()[0].onended = () => {
      this.stop();
      this.#onend();
    };
  }

  // stop gives the microphone back.
  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
    this.#stream = null;
    this.#context = null;
    this.held = false;
  }

  #frame(samples) {
    if (!this.on || this.held) return;
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    const loud = Math.sqrt(sum / samples.length) / 32768;
    // The range of a voice is from -56 dB to -6 dB; what is loud stands out.
    const level = Math.min(1, Math.max(0, (20 * Math.log10(loud + 1e-9) + 56) / 50)) ** 1.5;
    this.#onframe(btoa(String.fromCharCode(...new Uint8Array(samples.buffer))), level);
  }
}
