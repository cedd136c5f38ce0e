// The voice over WebRTC: a track that an audio element plays, so that the
// browser takes it out of what the microphone hears. It emits what Player does.

import { contextAt, Meter } from './audio.js';
import { Emitter } from './emitter.js';

const audible = 0.02; // level from which on something is heard

export class Receiver extends Emitter {
  #element = new Audio();
  #meter = null;
  #source = null;
  #begun = 0; // when the server began to play, by performance.now
  #timer = 0;
  #response = ''; // whose sound is played

  speaking = false;

  constructor() {
    super();
    this.#element.autoplay = true;
  }

  // attach plays a remote stream.
  attach(stream) {
    this.#element.srcObject = stream;
    this.#play();
    this.#source?.disconnect();
    const context = contextAt();
    this.#meter = new Meter(context);
    this.#source = context.createMediaStreamSource(stream);
    this.#source.connect(this.#meter.node);
  }

  level() {
    return this.speaking && this.#meter ? this.#meter.level() : 0;
  }

  // position is how many seconds of the answer were heard.
  position() {
    return this.speaking ? (performance.now() - this.#begun) / 1000 : 0;
  }

  // started is called when the server says that it plays a response.
  started(response) {
    this.#response = response;
    this.#element.muted = false;
    this.#begun = performance.now();
    this.#set(true);
    if (this.#element.paused) this.#play();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#listen(), 10);
  }

  // stopped is called when the server says that all was played, or cleared.
  stopped(response) {
    if (response && response !== this.#response) return;
    this.#set(false);
  }

  // stop falls silent at once; what is under way is not heard any more. The
  // server counts for itself what was played, so nothing is returned.
  stop() {
    if (!this.speaking) return null;
    this.#element.muted = true;
    this.#set(false);
    return null;
  }

  async sink(device) {
    await this.#element.setSinkId?.(device);
  }

  unlock() {
    if (this.#element.srcObject && this.#element.paused) this.#play();
  }

  close() {
    this.#set(false);
    this.#source?.disconnect();
    this.#element.srcObject = null;
  }

  #play() {
    this.#element.play().catch((error) => error.name === 'NotAllowedError' && this.emit('blocked'));
  }

  // listen waits for the first sound of an answer.
  #listen() {
    const waited = performance.now() - this.#begun;
    const blind = contextAt().state !== 'running'; // the meter shows nothing
    if (this.#meter.level() < audible && !blind && waited < 1500) return;
    clearInterval(this.#timer);
    this.emit('sound');
  }

  #set(speaking) {
    clearInterval(this.#timer);
    if (speaking === this.speaking) return;
    this.speaking = speaking;
    this.emit('speaking', speaking);
  }
}
