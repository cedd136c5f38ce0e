// A client of the realtime protocol over one WebSocket, opened again whenever
// it breaks. It carries events and knows nothing of what they are for.
//
// It dispatches every server event under its own type, and "link" events that
// say how the connection is: {state, message, seconds}. The states are
// connecting, ready, waiting (for the next attempt, in so many seconds), locked
// (a key is wanted) and ended (by the server, for good).

const waits = [0.5, 1, 2, 4, 8]; // seconds before the next attempt
const slowBytes = 256 * 1024; // unsent bytes above which sound is dropped

export class Realtime extends EventTarget {
  #socket = null;
  #timer = 0;
  #attempt = 0;
  #key = '';

  // ready is true between session.created and the end of the connection.
  ready = false;

  // open connects, with an access key if the server wants one. A connection
  // that exists is replaced.
  open(key = this.#key) {
    this.close();
    this.#key = key;
    this.#link('connecting', 'Connecting');
    const offered = ['realtime'];
    if (key) offered.push(`openai-insecure-api-key.${key}`);
    const address = new URL('v1/realtime', location.href);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address, offered);
    this.#socket = socket;
    socket.onmessage = (message) => socket === this.#socket && this.#receive(message.data);
    socket.onclose = (end) => socket === this.#socket && this.#ended(end);
  }

  // close ends the connection and stops trying.
  close() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.ready = false;
    socket?.close(1000);
  }

  // send sends one event and reports whether there was a connection for it.
  send(type, fields = {}) {
    if (!this.ready) return false;
    this.#socket.send(JSON.stringify({ type, ...fields }));
    return true;
  }

  // sendSound appends base64 PCM16. Sound that a slow connection cannot carry
  // is dropped, since late sound is worth nothing; false says so.
  sendSound(audio) {
    if (!this.ready || this.#socket.bufferedAmount > slowBytes) return false;
    return this.send('input_audio_buffer.append', { audio });
  }

  #receive(data) {
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    if (event.type === 'session.created') {
      this.ready = true;
      this.#attempt = 0;
      this.#link('ready', 'Connected');
    }
    this.dispatchEvent(new CustomEvent(event.type, { detail: event }));
  }

  // ended tries again after a while, unless the server said not to.
  async #ended(end) {
    const socket = this.#socket;
    const opened = this.ready;
    this.ready = false;
    const final = end.code === 1008 || (end.code >= 4000 && end.code < 5000);
    if (!final && !opened && (await this.#wantsKey())) {
      if (socket === this.#socket) this.#link('locked', 'This server wants an access key. Enter it in the settings.');
      return;
    }
    if (socket !== this.#socket) return;
    if (final) {
      this.#link('ended', end.reason || 'The server ended the connection.');
      return;
    }
    const seconds = waits[Math.min(this.#attempt++, waits.length - 1)];
    const why = end.reason ? ` (${end.reason})` : '';
    const message = opened ? `The connection to hark broke${why}.` : 'hark cannot be reached.';
    this.#link('waiting', message, seconds);
    this.#timer = setTimeout(() => this.open(), seconds * 1000);
  }

  // wantsKey asks over plain HTTP, because a browser hides why a WebSocket
  // was refused.
  async #wantsKey() {
    try {
      const headers = this.#key ? { Authorization: `Bearer ${this.#key}` } : {};
      const answer = await fetch('v1/models', { headers, cache: 'no-store' });
      return answer.status === 401;
    } catch {
      return false;
    }
  }

  #link(state, message, seconds = 0) {
    this.dispatchEvent(new CustomEvent('link', { detail: { state, message, seconds } }));
  }
}
