// <hark-agent>: somebody to talk with, on any page.
//
//   <script type="module"> import "…/agent.js"; </script>
//   <hark-agent instructions="You are …" camera></hark-agent>
//
// Its attributes, methods, events and styles are listed in docs/kiosk.md. This
// file connects them to the agent; see view.js for what is seen, kiosk.js for
// the life of a kiosk and tools.js for what the model may call.

import { Agent } from '../client/agent.js';
import { encode, fromFile } from '../client/picture.js';
import { Kiosk } from './kiosk.js';
import { Reach } from './reach.js';
import { Tools } from './tools.js';
import { View } from './view.js';
import { wordsOf } from './words.js';

const defaults = { idle: 45, countdown: 10 }; // seconds

// settings are the attributes that the agent takes as they are, and how.
const settings = {
  instructions: (value) => value ?? '',
  voice: (value) => value ?? '',
  speed: (value) => Number(value) || 1,
  language: (value) => value ?? '',
  mode: (value) => (value === 'press' ? 'press' : 'open'),
  turns: (value) => (value === 'pause' ? 'pause' : 'semantic'),
  silence: (value) => Number(value) || 500,
  quiet: (value) => value === null, // the agent's "aloud"
};

const others = ['server', 'key', 'secret-url', 'transport', 'camera', 'muted', 'keyboard', 'theme', 'kiosk', 'idle', 'countdown', 'presence', 'fullscreen', 'heading', 'subheading', 'logo'];

export class HarkAgent extends HTMLElement {
  #agent = null;
  #reach = null;
  #tools = null;
  #kiosk = null;
  #view;
  #state = 'idle';
  #link = { state: 'closed' };
  #ready = false; // there was a connection
  #wanted = []; // what to ask once there is one
  #hints = [];
  #words = {};
  #pages = new Map();
  #registered = [];

  static observedAttributes = [...Object.keys(settings), ...others];

  constructor() {
    super();
    this.#view = new View(this, this.#actions(), () => this.#agent?.levels ?? { microphone: 0, voice: 0 });
  }

  // What a page reads.

  // state is asleep (kiosks), idle, connecting, offline, listening, muted,
  // hearing, thinking or answering.
  get state() {
    return this.#state;
  }

  // turns are the conversation: copies of the turns of the agent.
  get turns() {
    return (this.#agent?.turns ?? []).map((turn) => ({ ...turn, levels: undefined }));
  }

  get muted() {
    return this.#agent?.muted ?? this.hasAttribute('muted');
  }

  set muted(value) {
    this.toggleAttribute('muted', Boolean(value));
  }

  // hints are questions to try, shown in turn while a kiosk sleeps.
  get hints() {
    return this.#hints;
  }

  set hints(list) {
    this.#hints = [...list];
    this.#attract();
  }

  // words replace some of those of the language; see words.js.
  get words() {
    return this.#words;
  }

  set words(own) {
    this.#words = { ...own };
    this.#say();
  }

  // pages are those that the model can show, [{name, title, text, image, url}].
  get pages() {
    return [...this.#pages.values()];
  }

  set pages(list) {
    this.#pages = new Map(list.map((page) => [page.name, page]));
    if (this.#pages.size) this.registerTool(showPage([...this.#pages.keys()]), ({ page }) => this.showPage(page));
    else this.unregisterTool('show_page');
  }

  // What a page does.

  // start connects and listens to the microphone; a kiosk wakes. It must be
  // called when the user did something, or browsers play no sound.
  async start() {
    if (!this.#agent) throw new Error('<hark-agent> is not in the document');
    this.#agent.unlock();
    if (this.#kiosk.on) return this.#kiosk.wake('call');
    this.#connect();
    try {
      await Promise.all([this.#agent.start(), this.hasAttribute('camera') && this.#agent.look(this.#device)]);
    } catch (error) {
      this.#fault({ subject: 'microphone', message: error.message });
      throw error;
    }
  }

  // stop ends the listening; what is being said is still answered. A kiosk
  // sleeps.
  stop() {
    if (this.#kiosk?.on) return this.#kiosk.sleep('call');
    this.#agent?.stop();
    this.#agent?.lookAway();
  }

  // interrupt stops the answer.
  interrupt() {
    this.#agent?.interrupt();
  }

  // reset begins a new conversation.
  reset() {
    if (this.#ready) this.#agent.fresh();
    else this.#view.clear();
  }

  // connect opens the line before it is needed, disconnect hangs up.
  connect() {
    this.#connect();
  }

  disconnect() {
    this.#agent?.close();
  }

  // sendText asks in writing, with pictures as sendImage takes them.
  async sendText(text, pictures = []) {
    const shown = await Promise.all(pictures.map(asPicture));
    this.#active();
    this.#connect();
    if (!this.#agent.ask(text, shown)) this.#wanted.push(() => this.#agent.ask(text, shown));
  }

  // sendImage shows a Blob, an image, video or canvas element, or a data URI:
  // with what is said next, or with a question at once.
  async sendImage(source, text = '') {
    if (text) return this.sendText(text, [source]);
    const picture = await asPicture(source);
    this.#connect();
    this.#agent.attach([picture]);
  }

  // registerTool declares a function {name, description, parameters: a JSON
  // Schema}. run(arguments, call) returns what the model is told, or a promise of
  // it; without run each call is an event "hark-tool".
  registerTool(declaration, run) {
    if (!this.#tools) {
      this.#registered.push([declaration, run]);
      return;
    }
    this.#tools.add(declaration, run);
    this.#agent.configure({ tools: this.#tools.declarations });
  }

  unregisterTool(name) {
    this.#registered = this.#registered.filter(([declaration]) => declaration.name !== name);
    this.#tools?.remove(name);
    this.#agent?.configure({ tools: this.#tools.declarations });
  }

  // showPage shows one of the pages, or any {title, text, image, url}; null
  // closes it.
  showPage(page) {
    const found = typeof page === 'string' ? this.#pages.get(page) : page;
    if (page && !found) return { error: `there is no page ${page}` };
    if (found && !this.#emit('hark-page', { page: found }, true)) return { ok: true }; // the host shows it
    this.#view.showPage(found);
    return { ok: true };
  }

  // The life of the element.

  connectedCallback() {
    if (this.#agent) return; // it was moved
    this.#build();
    for (const [declaration, run] of this.#registered.splice(0)) this.#tools.add(declaration, run);
    const config = { tools: this.#tools.declarations };
    for (const [name, read] of Object.entries(settings)) config[name === 'quiet' ? 'aloud' : name] = read(this.getAttribute(name));
    this.#agent.configure(config);
    this.#say();
    this.#attract();
    this.#theme();
    this.#agent.muted = this.hasAttribute('muted');
    this.#view.keyboard.hidden = !this.hasAttribute('keyboard');
    this.#view.start();
    this.#kioskChanged();
    this.#paint();
  }

  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || !this.#agent || this.#tearDown());
  }

  #tearDown() {
    this.#kiosk.stop();
    this.#reach.stop();
    this.#agent.close();
    this.#view.stop();
    this.#view.clear();
    this.#registered = this.#tools.entries;
    this.#agent = this.#tools = this.#kiosk = this.#reach = null;
    this.#link = { state: 'closed' };
    this.#ready = false;
    this.#wanted = [];
  }

  attributeChangedCallback(name, before, value) {
    if (!this.#agent || before === value) return;
    if (name in settings) this.#agent.configure({ [name === 'quiet' ? 'aloud' : name]: settings[name](value) });
    if (name === 'language' || name === 'mode') this.#say();
    if (name === 'server') this.#move();
    if (['key', 'secret-url', 'transport'].includes(name) && this.#link.state !== 'closed') this.#reach.open();
    if (name === 'muted') this.#agent.muted = value !== null;
    if (name === 'keyboard') this.#view.keyboard.hidden = value === null;
    if (name === 'theme') this.#theme();
    if (['heading', 'subheading', 'logo'].includes(name)) this.#attract();
    if (['kiosk', 'idle', 'countdown', 'presence', 'camera', 'fullscreen'].includes(name)) this.#kioskChanged();
    if (name === 'camera' && this.#agent.listening) value === null ? this.#agent.lookAway() : this.#agent.look(this.#device).catch((error) => this.#fault({ subject: 'camera', message: error.message }));
  }

  #build() {
    const server = this.getAttribute('server');
    const address = server ? new URL(server.replace(/\/*$/, '/'), document.baseURI) : new URL('../', import.meta.url);
    const agent = (this.#agent = new Agent({ address, prefer: this.getAttribute('transport') ?? 'auto' }));
    this.#reach = new Reach(agent, this, address);
    this.#tools = new Tools(agent, (call) => this.#asked(call));
    const kiosk = (this.#kiosk = new Kiosk(agent));
    agent.listen('link', (link) => this.#linked(link));
    agent.listen('phase', () => this.#paint());
    agent.listen('device', () => this.#devices());
    agent.listen('turn', ({ turn, change }) => this.#turn(turn, change));
    agent.listen('clear', () => this.#view.clear());
    agent.listen('answer', (text) => this.#answered(text));
    agent.listen('fault', (fault) => this.#fault(fault));
    this.#reach.listen('fault', (fault) => this.#fault(fault));
    kiosk.listen('fault', (fault) => this.#fault(fault));
    kiosk.listen('wake', (detail) => this.#turnOver('hark-wake', detail));
    kiosk.listen('sleep', (detail) => this.#turnOver('hark-sleep', detail));
    kiosk.listen('countdown', ({ seconds }) => {
      this.#view.count(seconds);
      this.#emit('hark-countdown', { seconds });
    });
  }

  #actions() {
    const pressing = () => this.getAttribute('mode') === 'press';
    return {
      touch: () => this.#kiosk?.wake('touch'),
      stay: () => this.#kiosk.touch(),
      end: () => this.#kiosk.sleep('visitor'),
      closePage: () => this.showPage(null),
      write: (text) => {
        this.sendText(text);
        return true;
      },
      press: () => {
        this.#active();
        this.#agent?.unlock();
        if (!pressing() || !this.#agent) return;
        if (this.#agent.listening) this.#agent.press();
        else this.start().catch(() => {}); // told already; the next press is heard
      },
      release: () => pressing() && this.#agent?.release(),
      talk: () => {
        if (!this.#agent || pressing()) return;
        if (this.#agent.phase === 'answering' || this.#agent.phase === 'thinking') this.interrupt();
        else if (this.#agent.listening && !this.#kiosk.on) this.stop();
        else if (!this.#agent.listening) this.#listen();
      },
    };
  }

  // listen is start by the button; faults are told already.
  #listen() {
    if (this.#kiosk.on) this.#agent.start().catch((error) => this.#fault({ subject: 'microphone', message: error.message }));
    else this.start().catch(() => {});
  }

  get #device() {
    return this.getAttribute('camera') ?? '';
  }

  #connect() {
    if (this.#link.state === 'closed') this.#reach.open();
  }

  // move goes to another server, with a new conversation.
  #move() {
    const connected = this.#link.state !== 'closed';
    this.#tearDown();
    this.connectedCallback();
    if (connected) this.#connect();
  }

  #linked(link) {
    this.#link = link;
    if (link.state === 'ready') {
      this.#ready = true;
      this.#view.away(false);
      this.#view.tell('');
      for (const ask of this.#wanted.splice(0)) queueMicrotask(ask);
    } else if (link.state === 'waiting' && (this.#ready || this.#kiosk.on)) {
      this.#view.away(true);
    }
    this.#emit('hark-link', link);
    this.#paint();
  }

  #devices() {
    this.#view.watch(this.#agent.camera.stream, this.#agent.camera.mirrored);
    this.#paint();
  }

  #turn(turn, change) {
    this.#active();
    this.#view.turn(turn, change);
    const { id, side, text, said, live, spoken, note } = turn;
    this.#emit('hark-caption', { id, side, text, said, live, spoken, note, removed: change === 'removed' });
  }

  #answered(text) {
    if (!this.#agent.voiced || this.hasAttribute('quiet')) this.#view.announce(text);
    this.#emit('hark-answer', { text });
  }

  // asked hands a call that nobody registered a function for to the host page.
  // undefined: nobody answers.
  #asked(call) {
    let answer;
    this.#emit('hark-tool', { ...call, respondWith: (value) => (answer = Promise.resolve(value)) });
    return answer;
  }

  #fault({ subject, message, code = '' }) {
    if (this.#emit('hark-error', { subject, message, code }, true) && subject !== 'presence') this.#view.tell(message);
  }

  #turnOver(name, detail) {
    this.#view.tell('');
    this.#view.showPage(null);
    this.#emit(name, detail);
    this.#paint();
  }

  #active() {
    this.#kiosk?.touch();
  }

  #kioskChanged() {
    const number = (name) => Math.max(1, Number(this.getAttribute(name)) || defaults[name]);
    this.#kiosk.configure({
      idle: number('idle'),
      countdown: number('countdown'),
      presence: this.hasAttribute('presence'),
      threshold: Number(this.getAttribute('presence')) || 0,
      camera: this.hasAttribute('camera'),
      device: this.#device,
      screen: this.hasAttribute('fullscreen') ? this : null,
    });
    if (this.hasAttribute('kiosk')) {
      this.#kiosk.start();
      this.#connect();
    } else {
      this.#kiosk.stop();
    }
    this.#say();
    this.#paint();
  }

  #say() {
    this.#view.say(wordsOf(this.getAttribute('language') ?? this.lang ?? 'en', this.#words), { mode: this.getAttribute('mode'), kiosk: this.hasAttribute('kiosk') });
    this.#paint();
  }

  #attract() {
    this.#view.attraction({ title: this.getAttribute('heading') ?? '', subtitle: this.getAttribute('subheading') ?? '', logo: this.getAttribute('logo'), hints: this.#hints });
  }

  #theme() {
    this.#view.root.dataset.theme = this.getAttribute('theme') ?? 'auto';
    requestAnimationFrame(() => this.#view.restyle());
  }

  #paint() {
    const before = this.#state;
    const phase = this.#link.state === 'closed' ? 'idle' : (this.#agent?.phase ?? 'idle');
    this.#state = this.#kiosk?.on && !this.#kiosk.awake ? 'asleep' : phase;
    this.#view.paint(this.#state, { speaking: phase === 'answering' || phase === 'thinking', listening: this.#agent?.listening ?? false });
    this.setAttribute('state', this.#state);
    if (before !== this.#state) this.#emit('hark-state', { state: this.#state, before });
  }

  // emit tells the host page; false: it wants to do the rest itself.
  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(name, { detail, cancelable, bubbles: true, composed: true }));
  }
}

// showPage is the tool that shows pages.
const showPage = (names) => ({
  name: 'show_page',
  description: 'Show a page on the screen',
  parameters: { type: 'object', properties: { page: { type: 'string', description: 'Name of the page', enum: names } }, required: ['page'] },
});

// asPicture makes {uri, name} of what sendImage takes.
async function asPicture(source) {
  if (typeof source === 'string') return { uri: source, name: '' };
  if (source instanceof Blob) return { uri: await fromFile(source), name: source.name ?? '' };
  const width = source.videoWidth || source.naturalWidth || source.width;
  return { uri: encode(source, width, source.videoHeight || source.naturalHeight || source.height), name: '' };
}

if (!customElements.get('hark-agent')) customElements.define('hark-agent', HarkAgent);
