// The voice over a WebSocket: pieces of PCM16 at 24 kHz, played one after the
// other. It emits "speaking" with true and false, "sound" when an answer's
// first sound can be heard, and "blocked" when the browser wants a gesture.

import { contextAt, Meter } from './audio.js';
import { Emitter } from './emitter.js';

const rate = 24000;
const lead = 0.06; // seconds that the first piece waits, so that the next is there in time

export class Player extends Emitter {
  #meter = null;
  #sources = new Set(); // pieces that have not ended
  #item = ''; // item id of what is played
  #begun = 0; // when its first piece begins, by the context's clock
  #end = 0; // when the last piece ends

  get #context() {
    return contextAt(rate);
  }

  // speaking says whether something is played or waits to be.
  get speaking() {
    return this.#sources.size > 0;
  }

  // level of what is heard now, 0…1.
  level() {
    return this.speaking && this.#meter ? this.#meter.level() : 0;
  }

  // position is how many seconds of an item were heard.
  position(item) {
    return item === this.#item ? Math.max(0, this.#context.currentTime - this.#begun) : 0;
  }

  // play adds a piece of an item, in base64.
  play(item, base64) {
    const context = this.#context;
    if (context.state !== 'running') {
      context.resume().catch(() => {});
      setTimeout(() => context.state !== 'running' && this.emit('blocked'), 300);
    }
    if (!this.#meter) {
      this.#meter = new Meter(context);
      this.#meter.node.connect(context.destination);
    }
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const buffer = context.createBuffer(1, Math.max(1, bytes.length >> 1), rate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < bytes.length >> 1; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
    const from = Math.max(this.#end, context.currentTime + (this.#sources.size ? 0 : lead));
    if (item !== this.#item) {
      [this.#item, this.#begun] = [item, from];
      setTimeout(() => item === this.#item && this.emit('sound'), 1000 * (from - context.currentTime + (context.outputLatency || 0)));
    }
    this.#end = from + buffer.duration;
    this.#start(buffer, from);
  }

  // stop falls silent at once and returns what was being played and how much
  // of it was heard, {item, ms}, or null.
  stop() {
    if (!this.#sources.size) return null;
    for (const source of this.#sources) source.onended = source.stop();
    this.#sources.clear();
    this.#end = 0;
    const heard = { item: this.#item, ms: Math.round(1000 * this.position(this.#item)) };
    this.#item = '';
    this.emit('speaking', false);
    return heard;
  }

  // sink chooses the loudspeaker, "" is the default one.
  async sink(device) {
    await this.#context.setSinkId?.(device);
  }

  unlock() {
    if (this.speaking) this.#context.resume().catch(() => {});
  }

  #start(buffer, from) {
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#meter.node);
    source.onended = () => {
      if (this.#sources.delete(source) && !this.#sources.size) this.emit('speaking', false);
    };
    this.#sources.add(source);
    if (this.#sources.size === 1) this.emit('speaking', true);
    source.start(from);
  }
}
