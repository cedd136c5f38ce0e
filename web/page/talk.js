// The talk button and those beside it: how the microphone is turned on and off,
// held, muted, and what the buttons say about it.

import { Bloom } from './bloom.js';
import { find } from './dom.js';
import * as notices from './notices.js';

const words = {
  connecting: 'Connecting',
  offline: 'Not connected',
  idle: 'Press to speak',
  listening: 'Listening',
  muted: 'Muted',
  hearing: 'I hear you',
  thinking: 'Thinking',
  answering: 'Answering',
};

const energies = { listening: 0.7, hearing: 1, thinking: 0.6, answering: 1, muted: 0.2 };

export class Talk {
  #agent;
  #settings;
  #bloom;
  #held = null; // what holds the button: a pointer's id or a key

  constructor(agent, settings) {
    this.#agent = agent;
    this.#settings = settings;
    this.#bloom = new Bloom(find('bloom'), () => {
      const { microphone, voice } = agent.levels;
      return agent.phase === 'answering' ? voice : microphone;
    });
    const button = find('talk');
    button.onclick = () => !this.#holding && this.toggle();
    button.onpointerdown = (event) => {
      if (!this.#holding || event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.hold(event.pointerId);
    };
    button.onpointerup = button.onpointercancel = (event) => this.letGo(event.pointerId);
    button.oncontextmenu = (event) => this.#holding && event.preventDefault(); // of a long touch
    addEventListener('blur', () => this.letGo(this.#held));
    find('mute').onclick = () => this.mute();
  }

  get #holding() {
    return this.#settings.get('mode') === 'press';
  }

  // toggle turns the microphone on or off.
  async toggle() {
    if (this.#agent.listening) this.#agent.stop();
    else await this.start();
  }

  // start turns it on, with the device of the settings.
  async start() {
    notices.clear('microphone');
    try {
      await this.#agent.start(this.#settings.get('microphone'));
      return true;
    } catch (error) {
      notices.show('microphone', error.message);
      return false;
    }
  }

  // hold begins a turn that lasts until the same pointer or key lets go.
  async hold(by) {
    if (this.#held !== null) return;
    this.#held = by;
    if (!this.#agent.listening && !(await this.start())) this.#held = null;
    else if (this.#held === by) this.#agent.press();
  }

  letGo(by) {
    if (by === null || this.#held !== by) return;
    this.#held = null;
    this.#agent.release();
  }

  mute() {
    if (this.#agent.listening) this.#agent.muted = !this.#agent.muted;
  }

  // key takes the space bar; false: it is left to the browser.
  key(event) {
    if (!this.#holding) {
      if (event.target === find('talk')) return false; // the browser clicks it
      if (event.type === 'keydown' && !event.repeat) this.toggle();
      return true;
    }
    if (event.type === 'keyup') this.letGo('key');
    else if (!event.repeat) this.hold('key');
    return true;
  }

  // paint shows what is going on.
  paint() {
    const { phase, listening, muted, turns } = this.#agent;
    const pressed = listening && (!this.#holding || phase === 'hearing');
    document.body.dataset.phase = phase;
    document.body.dataset.mode = this.#settings.get('mode');
    let status = words[phase];
    if (phase === 'idle' && this.#holding) status = 'Hold to speak';
    if (phase === 'hearing' && this.#holding) status = 'Let go to send';
    if (find('status').textContent !== status) find('status').textContent = status;
    find('talk').setAttribute('aria-pressed', pressed);
    find('talk-icon').setAttribute('href', `icons.svg#${pressed ? 'mic-on' : 'mic'}`);
    let name = listening ? 'Stop the microphone' : 'Start the microphone';
    if (this.#holding) name = 'Hold to speak';
    find('talk-name').textContent = name;
    find('mute').disabled = !listening || this.#holding;
    find('mute').setAttribute('aria-pressed', muted);
    find('mute-icon').setAttribute('href', `icons.svg#${muted ? 'muted' : 'unmuted'}`);
    find('stop').disabled = !(phase === 'answering' || phase === 'thinking' || turns.some((turn) => turn.side === 'assistant' && turn.live));
    this.#bloom.set(energies[phase] ?? 0);
  }
}
