// An agent to talk with: everything but its looks. The page and the element
// <hark-agent> are two faces of it.
//
//   const agent = new Agent();          // of the server that this file is from
//   agent.listen('turn', ({ turn }) => …);
//   agent.connect();
//   await agent.start();                // the microphone
//
// It emits
//   link     {state, message, seconds, transport}, see Link
//   phase    connecting, offline, idle, listening, muted, hearing, thinking or
//            answering; see phase
//   turn     {turn, change}, and clear, see Turns
//   timing   {pause, token, sound}, see Conversation
//   answer   the text of each whole answer
//   attached when pictures that waited were taken along
//   device   when the microphone or the camera went on, off or away
//   call     {name, arguments, id}: the model calls a function; see reply
//   fault    {subject, message}: microphone, camera, voice or server
//   session  the session as the server states it
//   event    every event of the server

import { unlock } from './audio.js';
import { Camera } from './camera.js';
import { Conversation } from './conversation.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { Microphone } from './microphone.js';
import { Speech } from './speech.js';

const tailMs = 250; // that is still heard after the button was released
const lateMs = 400; // in which the server may yet find that somebody spoke
const endMs = 4000; // for the server to find the end of a turn

// defaults of what configure takes.
const defaults = {
  instructions: '', // '' are those of the server
  voice: '', // '' is that of the server
  speed: 1,
  aloud: true, // answers are said, not only written
  mode: 'open', // or 'press': a turn is what is said while the button is held
  turns: 'pause', // a turn ends with a pause; or 'semantic': by what was said
  silence: 500, // ms that the pause lasts
  interrupt: true, // by speaking
  transcribe: true, // the user's words
  language: '', // of the user, a hint
  tools: [],
};

export class Agent extends Emitter {
  #link;
  #conversation;
  #microphone = new Microphone();
  #camera = new Camera();
  #speech;
  #config = { ...defaults };
  #phase = '';
  #muted = false;
  #stopping = 0; // the microphone is on its way off
  #timer = 0;
  #sink = '';

  // voiced: the server has a voice. Where it has none, the browser's is used.
  voiced = false;

  // instructions of the server, for who sets none.
  instructions = '';

  // address is the root of a hark server, the one of this file by default; key
  // opens it; prefer is 'auto', 'webrtc' or 'websocket'; config as in configure.
  constructor({ address = new URL('../', import.meta.url), key = '', prefer = 'auto', config = {} } = {}) {
    super();
    Object.assign(this.#config, config);
    const link = (this.#link = new Link({ address, key, prefer }));
    const microphone = this.#microphone;
    const camera = this.#camera;
    const conversation = (this.#conversation = new Conversation({ link, microphone, camera }));
    this.#speech = new Speech({ onchange: () => this.#hold() });
    link.listen('state', (state) => this.#linked(state));
    link.listen('opened', ({ resumed, session }) => this.#opened(resumed, session));
    link.listen('session.updated', ({ session }) => this.emit('session', session));
    link.listen('event', (event) => this.emit('event', event));
    link.listen('voice', (voice) => this.#listenTo(voice));
    microphone.listen('frame', ({ level }) => conversation.level(level));
    microphone.listen('end', () => this.#lost('microphone'));
    camera.listen('end', () => this.#lost('camera'));
    conversation.turns.listen('turn', (change) => this.emit('turn', change));
    conversation.turns.listen('clear', () => this.emit('clear'));
    for (const name of ['timing', 'call', 'attached']) conversation.listen(name, (detail) => this.emit(name, detail));
    conversation.listen('change', () => this.#hold());
    conversation.listen('fault', (message) => this.emit('fault', { subject: 'server', message }));
    conversation.listen('delta', (text) => this.#aloudHere && this.#speech.add(text));
    conversation.listen('answer', (text) => {
      if (this.#aloudHere) this.#speech.finish();
      this.emit('answer', text);
    });
    link.listen('input_audio_buffer.speech_started', () => this.#config.interrupt && this.#speech.stop());
  }

  // phase names what is going on:
  //   connecting, offline   there is no server
  //   idle                  the microphone is off
  //   listening, muted      it is on, and nobody speaks
  //   hearing               the user speaks
  //   thinking              the answer has not begun
  //   answering             it is written or said
  get phase() {
    const { hearing, answering, waiting, speaking } = this.#conversation;
    if (this.#link.state !== 'ready') return this.#link.state === 'connecting' ? 'connecting' : 'offline';
    if (hearing) return 'hearing';
    if (answering || speaking || this.#speech.speaking) return 'answering';
    if (waiting) return 'thinking';
    if (!this.listening || this.#config.mode === 'press') return 'idle';
    return this.#muted ? 'muted' : 'listening';
  }

  // config is what configure set.
  get config() {
    return this.#config;
  }

  // turns, in order; see Turns.
  get turns() {
    return this.#conversation.turns.list;
  }

  get timing() {
    return this.#conversation.timing;
  }

  // transport in use: 'webrtc', 'websocket' or ''.
  get transport() {
    return this.#link.kind;
  }

  get ready() {
    return this.#link.ready;
  }

  // listening: the microphone is on.
  get listening() {
    return this.#microphone.on && !this.#stopping;
  }

  // camera is the device, for its stream and frames.
  get camera() {
    return this.#camera;
  }

  // levels are those of the microphone and of the voice, 0…1, now.
  get levels() {
    return { microphone: this.#microphone.level, voice: this.#link.voice?.level() ?? 0 };
  }

  get muted() {
    return this.#muted;
  }

  // muted lets the microphone hear nothing, without giving it back.
  set muted(value) {
    this.#muted = value;
    this.#hold();
    this.emit('device');
  }

  // connect opens the line; key and prefer replace those before.
  connect({ key = this.#link.key, prefer = this.#link.prefer } = {}) {
    Object.assign(this.#link, { key, prefer });
    this.#link.retry();
  }

  // close ends everything.
  close() {
    this.stop({ now: true });
    this.lookAway();
    this.#speech.stop();
    this.#link.close();
  }

  // fresh begins a new conversation.
  fresh() {
    this.interrupt();
    this.#conversation.clear();
    this.#link.forget();
    this.#link.open();
  }

  // configure changes some of the defaults above.
  configure(config) {
    Object.assign(this.#config, config);
    this.#conversation.interruptible = this.#config.interrupt;
    if (!this.#config.aloud) this.hush();
    this.#configure();
    this.#hold();
  }

  // start begins to listen on a device ("" is the default one). It throws an
  // Error whose message is for the user.
  async start(device = '') {
    clearTimeout(this.#stopping);
    this.#stopping = 0;
    await this.#microphone.start(device);
    this.#link.microphone(this.#microphone);
    this.#hold();
    this.emit('device');
  }

  // stop ends that. What is being said is still answered, unless now is set.
  stop({ now = false } = {}) {
    if (!this.#microphone.on) return;
    clearTimeout(this.#stopping);
    const until = performance.now() + endMs;
    const off = () => {
      if (!now && this.#conversation.hearing && performance.now() < until) {
        this.#stopping = setTimeout(off, 50);
        return;
      }
      this.#stopping = 0;
      this.#link.microphone(null);
      this.#microphone.stop();
      this.#muted = false;
      this.#hold();
      this.emit('device');
    };
    if (now) return off();
    this.#stopping = setTimeout(off, lateMs); // muted until then
    this.#hold();
    this.emit('device');
  }

  // press begins a turn, with the microphone on, and release ends it: for the
  // mode 'press'.
  press() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.ready || !this.listening) return;
    this.#speech.stop();
    this.#conversation.press();
  }

  release() {
    if (this.#timer || !this.#conversation.hearing) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#conversation.release();
    }, tailMs);
  }

  // look turns the camera on, with a device ("" is the default one). It throws
  // an Error whose message is for the user.
  async look(device = '') {
    await this.#camera.start(device);
    this.#link.camera(this.#camera);
    this.emit('device');
  }

  // lookAway turns it off.
  lookAway() {
    if (!this.#camera.on) return;
    this.#camera.stop();
    this.#link.camera(null);
    this.emit('device');
  }

  // ask sends a written question, with pictures [{uri, name}]; false: there is
  // no connection.
  ask(text, pictures = []) {
    if (!this.ready) return false;
    this.#speech.stop();
    this.#conversation.ask(text, pictures);
    return true;
  }

  // attach keeps pictures for what is said next; "attached" tells that they
  // went.
  attach(pictures) {
    this.#conversation.attach(pictures);
  }

  // interrupt stops the answer and the voice.
  interrupt() {
    this.#speech.stop();
    this.#conversation.interrupt();
  }

  // hush stops the voice only.
  hush() {
    this.#speech.stop();
    this.#conversation.hush();
  }

  // reply gives the model the result of a call.
  reply(id, output) {
    this.#conversation.reply(id, output);
  }

  // send sends one event of the protocol as it is.
  send(type, fields) {
    return this.#link.send(type, fields);
  }

  // sink chooses the loudspeaker, "" is the default one.
  async sink(device) {
    this.#sink = device;
    await this.#link.voice?.sink(device);
  }

  // unlock lets sound be played. It must be called from a key or a pointer.
  unlock() {
    unlock();
    this.#link.voice?.unlock();
  }

  // aloudHere: the browser's own voice reads answers.
  get #aloudHere() {
    return this.#config.aloud && !this.voiced;
  }

  #opened(resumed, session) {
    if (!resumed) this.instructions = session.instructions ?? '';
    if (!resumed) this.voiced = session.output_modalities?.includes('audio') ?? false;
    this.#configure();
    this.#conversation.resume(resumed);
    this.emit('session', session);
  }

  // configure tells the server how to talk.
  #configure() {
    const c = this.#config;
    const replies = { create_response: true, interrupt_response: c.interrupt };
    const detection = c.turns === 'semantic' ? { type: 'semantic_vad', eagerness: 'auto', ...replies } : { type: 'server_vad', silence_duration_ms: c.silence, ...replies };
    const audio = {
      input: {
        format: { type: 'audio/pcm', rate: 24000 },
        turn_detection: c.mode === 'press' ? null : detection,
        transcription: c.transcribe ? { model: 'hark', ...(c.language && { language: c.language }) } : null,
      },
      output: { format: { type: 'audio/pcm', rate: 24000 }, speed: c.speed, ...(c.voice && { voice: c.voice }) },
    };
    const session = { type: 'realtime', output_modalities: [c.aloud && this.voiced ? 'audio' : 'text'], audio, tools: c.tools };
    session.instructions = c.instructions || this.instructions;
    this.#link.send('session.update', { session });
  }

  #linked(state) {
    if (state.state !== 'ready') this.#speech.stop();
    this.emit('link', { ...state, transport: this.#link.kind });
    this.#hold();
  }

  #listenTo(voice) {
    voice.listen('blocked', () => this.emit('fault', { subject: 'voice', message: 'The browser plays sound only after you have pressed something.' }));
    if (this.#sink) voice.sink(this.#sink).catch(() => {});
  }

  // hold mutes the microphone while it must not hear, and tells the phase.
  #hold() {
    const here = this.#speech.speaking; // no browser takes that out of what it hears
    const voice = here || (!this.#config.interrupt && this.#conversation.speaking);
    const resting = this.#config.mode === 'press' && !this.#conversation.hearing;
    const muted = this.#muted || this.#stopping !== 0 || voice || resting;
    if (muted !== this.#microphone.muted) this.#microphone.muted = muted;
    const phase = this.phase;
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.emit('phase', phase);
  }

  #lost(device) {
    if (device === 'microphone') this.#link.microphone(null);
    else this.#link.camera(null);
    this.emit('fault', { subject: device, message: `The ${device} was disconnected.` });
    this.emit('device');
    this.#hold();
  }
}
