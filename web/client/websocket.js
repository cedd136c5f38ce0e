// The protocol over one WebSocket: sound and frames of the camera are events.
// See link.js for what a transport is.

import { Emitter } from './emitter.js';
import { Frames } from './frames.js';
import { Player } from './player.js';

const slowBytes = 256 * 1024; // unsent bytes above which sound is dropped

export class WebSocketTransport extends Emitter {
  kind = 'websocket';
  voice = new Player();
  #socket = null;
  #opened = false; // an event came
  #microphone = null;
  #deaf = null; // ends the listening to the microphone
  #frames = new Frames((event) => this.#sendLate(event));

  open({ address, key, conversation }) {
    const offered = ['realtime'];
    if (key) offered.push(`openai-insecure-api-key.${key}`);
    const target = new URL('v1/realtime', address);
    target.protocol = target.protocol === 'https:' ? 'wss:' : 'ws:';
    if (conversation) target.searchParams.set('conversation_id', conversation);
    const socket = new WebSocket(target, offered);
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = (end) => socket === this.#socket && this.#ended(end, address, key);
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    this.microphone(null);
    this.camera(null);
    this.voice.stop();
    socket?.close(1000);
  }

  send(event) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(event));
    return true;
  }

  // microphone sends what it records from now on; null ends that.
  microphone(microphone) {
    this.#deaf?.();
    if (this.#microphone && !microphone) this.#microphone.samples = false;
    this.#microphone = microphone;
    if (!microphone) return;
    microphone.samples = true;
    this.#deaf = microphone.listen('frame', ({ audio }) => audio && this.#sendLate({ type: 'input_audio_buffer.append', audio }));
  }

  camera(camera) {
    this.#frames.show(camera);
  }

  look() {
    this.#frames.look();
  }

  // interrupted is called when an answer was stopped: the server is told how
  // much of it was heard.
  interrupted(heard) {
    if (heard) this.send({ type: 'conversation.item.truncate', item_id: heard.item, content_index: 0, audio_end_ms: heard.ms });
  }

  // sendLate sends what is worth nothing when it is late: a slow connection
  // does not get it.
  #sendLate(event) {
    if (this.#socket?.bufferedAmount < slowBytes) this.send(event);
  }

  #receive(data) {
    const event = eventOf(data);
    if (!event) return;
    this.#opened = true;
    if (event.type === 'response.output_audio.delta') this.voice.play(event.item_id, event.delta);
    this.emit('event', event);
  }

  async #ended({ code, reason }, address, key) {
    const socket = this.#socket;
    let cause = causeOf(code);
    if (cause === 'gone' && !this.#opened && (await refused(address, key)) === 401) cause = 'key';
    if (socket !== this.#socket) return;
    this.close();
    this.emit('end', { cause, message: reason, opened: this.#opened });
  }
}

// eventOf reads an event of the server; what is none is null.
export function eventOf(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

// causeOf says what a close code of the server means.
export function causeOf(code) {
  if (code === 4004) return 'unknown';
  return code === 1008 || (code >= 4000 && code < 5000) ? 'final' : 'gone';
}

// refused asks over plain HTTP what the server thinks of the key, because a
// browser hides why a WebSocket was refused. 0: it does not answer.
async function refused(address, key) {
  try {
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    return (await fetch(new URL('v1/models', address), { headers, cache: 'no-store' })).status;
  } catch {
    return 0;
  }
}
