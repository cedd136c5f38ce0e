// How the element comes to its server: with the key of an attribute, or with a
// client secret that the page's own server hands out, fetched anew whenever the
// last one is refused; and what to say when it does not get there.
//
// It emits "fault" {subject: 'server' or 'key', message, code}, where the code is
// origin_not_allowed, unreachable, key, secret or ended.

import { Emitter } from '../client/emitter.js';

const patienceMs = 5000; // between two secrets, and after an end for good

export class Reach extends Emitter {
  #agent;
  #element;
  #address; // of the server
  #ready = false;
  #said = ''; // code of the fault that was told
  #timer = 0;
  #asked = 0; // when a secret was last asked for

  constructor(agent, element, address) {
    super();
    this.#address = address;
    this.#agent = agent;
    this.#element = element;
    agent.listen('link', (link) => this.#linked(link));
  }

  // open connects.
  async open() {
    clearTimeout(this.#timer);
    const element = this.#element;
    const prefer = element.getAttribute('transport') ?? 'auto';
    const source = element.getAttribute('secret-url');
    if (!source) return this.#agent.connect({ key: element.getAttribute('key') ?? '', prefer });
    this.#asked = performance.now();
    try {
      this.#agent.connect({ key: await secretOf(new URL(source, document.baseURI)), prefer });
    } catch (error) {
      this.#fault('secret', 'key', `The page’s server gave no client secret: ${error.message}`);
      this.#later();
    }
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), patienceMs);
  }

  #linked({ state, message }) {
    if (state === 'ready') {
      this.#ready = true;
      this.#said = '';
    }
    if (state === 'locked') this.#locked();
    if (state === 'ended') {
      this.#fault('ended', 'server', message);
      if (this.#element.hasAttribute('kiosk')) this.#later();
    }
    if (state === 'waiting' && !this.#ready) this.#diagnose(message);
  }

  // locked: secrets live for minutes, so a new one may do.
  #locked() {
    if (!this.#element.hasAttribute('secret-url')) return this.#fault('key', 'key', 'This server wants an access key.');
    if (performance.now() - this.#asked > patienceMs) return this.open();
    this.#fault('key', 'key', 'The server does not take the client secret of this page.');
    this.#later();
  }

  // diagnose asks over plain HTTP why there is no connection: a browser tells
  // that of no WebSocket.
  async #diagnose(message) {
    let refusal = null;
    try {
      const answer = await fetch(new URL('v1/models', this.#address), { cache: 'no-store' });
      if (answer.status === 403) refusal = (await answer.json()).error;
    } catch {
      if (!this.#element.hasAttribute('kiosk')) this.#fault('unreachable', 'server', message);
      return;
    }
    if (refusal?.code === 'origin_not_allowed') this.#fault(refusal.code, 'server', `hark takes no pages of ${location.origin}. Whoever runs it can allow them: hark serve --allow-origin ${location.origin}`);
  }

  #fault(code, subject, message) {
    if (code === this.#said) return;
    this.#said = code;
    this.emit('fault', { subject, message, code });
  }
}

// secretOf asks the page's own server for a client secret, as it has it of
// POST /v1/realtime/client_secrets.
async function secretOf(address) {
  const answer = await fetch(address, { method: 'POST', cache: 'no-store' });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  const { value, client_secret: secret } = await answer.json();
  const key = value ?? secret?.value ?? secret;
  if (typeof key !== 'string') throw new Error('the answer has no value');
  return key;
}
