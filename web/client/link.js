// The line to the server: a transport, another one where the first cannot pass,
// and a new one whenever it breaks, with the conversation of the old one.
//
// A transport has
//   kind                     'webrtc' or 'websocket'
//   voice                    what plays answers: a Player or a Receiver
//   open({address, key, conversation})
//   close()
//   send(event)              whether there was a connection for it
//   microphone(Microphone or null), camera(Camera or null)
//   look()                   the present frame goes before what is sent next
//   interrupted(heard)       the voice was stopped, which returned heard
// and emits "event" with each event of the server, and once at most "end"
// {cause, message, opened}, where the cause is
//   gone         the connection broke, or the server cannot be reached
//   busy         it has no room now
//   key          it wants an access key
//   unknown      it does not keep that conversation any more
//   unsupported  it does not speak this transport
//   blocked      the network lets nothing through
//   final        it ended the connection for good
//
// The link emits "state" {state, message, seconds}: connecting, ready, waiting
// (for the next attempt, in so many seconds), locked (a key is wanted), ended
// (for good) and closed; "opened" {resumed} once the server is there; and each
// event of the server under its own type, and as "event".

import { Emitter } from './emitter.js';
import { WebRTCTransport } from './webrtc.js';
import { WebSocketTransport } from './websocket.js';

const waits = [0.5, 1, 2, 4, 8]; // seconds before the next attempt

export class Link extends Emitter {
  #transport = null;
  #deaf = [];
  #timer = 0;
  #attempt = 0;
  #blocked = false; // WebRTC was tried in vain
  #conversation = ''; // what the server calls it
  #resuming = false;
  #microphone = null;
  #camera = null;

  state = 'closed';

  // address is the server's root; key opens it; prefer is 'auto', 'webrtc' or
  // 'websocket'. They count from the next open on.
  constructor({ address, key = '', prefer = 'auto' }) {
    super();
    Object.assign(this, { address, key, prefer });
    addEventListener('online', () => this.state === 'waiting' && this.open());
  }

  // ready says whether events can be sent.
  get ready() {
    return this.state === 'ready';
  }

  // kind is the transport in use, '' for none.
  get kind() {
    return this.#transport?.kind ?? '';
  }

  // voice plays what the server says; null without a transport.
  get voice() {
    return this.#transport?.voice ?? null;
  }

  // open connects. A connection that exists is replaced, its conversation
  // kept.
  open() {
    this.#hangUp();
    this.#set('connecting', 'Connecting');
    const rtc = WebRTCTransport.available && this.prefer !== 'websocket' && !(this.prefer === 'auto' && this.#blocked);
    const transport = rtc ? new WebRTCTransport() : new WebSocketTransport();
    this.#transport = transport;
    this.#deaf = [
      transport.listen('event', (event) => this.#receive(event)),
      transport.listen('end', (end) => this.#ended(end)),
    ];
    this.#resuming = this.#conversation !== '';
    transport.microphone(this.#microphone);
    transport.camera(this.#camera);
    this.emit('voice', transport.voice);
    transport.open({ address: this.address, key: this.key, conversation: this.#conversation });
  }

  // close hangs up and stops trying.
  close() {
    this.#hangUp();
    this.#set('closed', '');
  }

  // forget makes the next open begin a new conversation.
  forget() {
    this.#conversation = '';
  }

  // retry forgets that WebRTC was tried in vain.
  retry() {
    this.#blocked = false;
    this.open();
  }

  // send sends one event and reports whether there was a connection for it.
  send(type, fields = {}) {
    return this.ready && this.#transport.send({ type, ...fields });
  }

  // microphone is heard, and camera seen, on this connection and those that
  // follow it; null ends that.
  microphone(microphone) {
    this.#microphone = microphone;
    this.#transport?.microphone(microphone);
  }

  camera(camera) {
    this.#camera = camera;
    this.#transport?.camera(camera);
  }

  // look makes what is sent next come after a frame of now.
  look() {
    this.#transport?.look();
  }

  // hush stops the voice.
  hush() {
    const transport = this.#transport;
    if (transport?.voice.speaking) transport.interrupted(transport.voice.stop());
  }

  #hangUp() {
    clearTimeout(this.#timer);
    for (const end of this.#deaf) end();
    this.#deaf = [];
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
  }

  #receive(event) {
    if (event.type === 'error' && event.error?.code === 'conversation_not_found') return; // the end follows
    if (event.type === 'session.created') {
      this.#attempt = 0;
      this.#set('ready', 'Connected');
      this.emit('opened', { resumed: this.#resuming, session: event.session });
    }
    const conversation = event.response?.conversation_id;
    if (event.type === 'response.created' && conversation) this.#conversation = conversation;
    this.emit(event.type, event);
    this.emit('event', event);
  }

  #ended({ cause, message, opened }) {
    this.#hangUp();
    switch (cause) {
      case 'unknown':
        this.forget();
        this.open();
        return;
      case 'unsupported':
      case 'blocked':
        if (this.prefer === 'auto') {
          this.#blocked = true;
          this.open();
          return;
        }
        break;
      case 'key':
        this.#set('locked', this.key ? 'The access key is wrong. Enter another in the settings.' : 'This server wants an access key. Enter it in the settings.');
        return;
      case 'final':
        this.#set('ended', message || 'The server ended the connection.');
        return;
    }
    const seconds = waits[Math.min(this.#attempt++, waits.length - 1)];
    this.#set('waiting', this.#why(cause, message, opened), seconds);
    this.#timer = setTimeout(() => this.open(), seconds * 1000);
  }

  #why(cause, message, opened) {
    const more = message ? ` (${message})` : '';
    if (cause === 'busy') return `hark has no room for another conversation now${more}.`;
    if (cause === 'blocked') return 'The network lets no WebRTC through. Choose WebSocket in the settings.';
    if (cause === 'unsupported') return `This server does not take WebRTC${more}. Choose WebSocket in the settings.`;
    return opened ? `The connection to hark broke${more}.` : 'hark cannot be reached.';
  }

  #set(state, message, seconds = 0) {
    this.state = state;
    this.emit('state', { state, message, seconds });
  }
}
