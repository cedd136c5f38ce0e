// The microphone: a track for a peer connection, frames for a WebSocket, and
// a level for who speaks.
//
// It emits "frame" {audio, level} 50 times a second, where audio is base64
// PCM16 at 24 kHz if samples was set, else null; and "end" when the device was
// taken away.

import { contextAt, loudness } from './audio.js';
import { request } from './device.js';
import { Emitter } from './emitter.js';

const loud = 0.15; // from this level on somebody speaks

export class Microphone extends Emitter {
  #stream = null;
  #source = null;
  #capture = null;
  #starting = null;
  #muted = false;
  #samples = false;

  // level of the newest frame, 0…1; 0 while muted or off.
  level = 0;

  // loudAt is when somebody was last heard, by performance.now.
  loudAt = 0;

  get on() {
    return this.#stream !== null;
  }

  // track is what it records, null while it is off.
  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  get stream() {
    return this.#stream;
  }

  // muted sends silence without giving the device back.
  get muted() {
    return this.#muted;
  }

  set muted(value) {
    this.#muted = value;
    if (this.track) this.track.enabled = !value;
    if (value) this.level = 0;
  }

  // samples asks for sound in the frames.
  set samples(value) {
    this.#samples = value;
    this.#capture?.port.postMessage({ samples: value });
  }

  // start opens a device ("" is the default one). It throws an Error whose
  // message is for the user. A second call waits for the first.
  start(device = '') {
    this.#starting ??= this.#open(device).finally(() => (this.#starting = null));
    return this.#starting;
  }

  async #open(device) {
    const stream = await request('microphone', {
      audio: {
        deviceId: device ? { exact: device } : undefined,
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    });
    this.stop();
    const context = contextAt();
    try {
      if (!context.captures) {
        await context.audioWorklet.addModule(new URL('worklet.js', import.meta.url));
        context.captures = true;
      }
      await context.resume();
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      throw new Error(`The microphone did not start: ${error.message}`, { cause: error });
    }
    this.#stream = stream;
    this.#capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    this.#capture.port.onmessage = ({ data }) => this.#frame(data);
    this.samples = this.#samples;
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#capture);
    this.muted = this.#muted;
    this.track.onended = () => {
      this.stop();
      this.emit('end');
    };
  }

  // stop gives the device back.
  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#source?.disconnect();
    if (this.#capture) this.#capture.port.onmessage = null;
    this.#stream = this.#source = this.#capture = null;
    this.level = 0;
  }

  #frame({ rms, samples }) {
    this.level = this.#muted ? 0 : loudness(rms);
    if (this.level > loud) this.loudAt = performance.now();
    const audio = samples && btoa(String.fromCharCode(...new Uint8Array(samples)));
    this.emit('frame', { audio, level: this.level });
  }
}
