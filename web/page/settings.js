// The settings: read from and kept in the browser, shown in a dialog. The
// access key is kept for the tab only.
//
// It dispatches "change" with the name of the setting that changed, and "open".

import { list } from './client/device.js';
import { find } from './dom.js';

const defaults = {
  instructions: '',
  mode: 'open',
  turns: 'pause',
  silence: 500,
  interrupt: true,
  aloud: true,
  microphone: '',
  camera: '',
  speaker: '',
  transport: 'auto',
  theme: 'auto',
};

// fields of the dialog and the settings that they show.
const texts = { instructions: 'instructions', 'turns-by': 'turns', 'microphone-id': 'microphone', 'camera-id': 'camera', 'speaker-id': 'speaker', transport: 'transport' };
const switches = ['interrupt', 'aloud'];
const choices = ['mode', 'theme'];
const devices = { 'microphone-id': ['audioinput', 'Microphone'], 'camera-id': ['videoinput', 'Camera'], 'speaker-id': ['audiooutput', 'Loudspeaker'] };

export class Settings extends EventTarget {
  #values = { ...defaults };
  #dialog = find('settings');

  key = '';

  constructor() {
    super();
    try {
      Object.assign(this.#values, JSON.parse(localStorage.getItem('hark')));
      this.key = sessionStorage.getItem('hark-key') ?? '';
    } catch {
      // A browser that keeps nothing starts from the defaults each time.
    }
    this.#keyFromAddress();
    this.#bind();
    this.#paint();
  }

  get(name) {
    return this.#values[name];
  }

  get isOpen() {
    return this.#dialog.open;
  }

  // server shows what the server has to offer.
  server({ instructions, voiced }) {
    find('instructions').placeholder = instructions;
    find('voice-hint').textContent = voiced ? "With the server's voice." : 'With a voice of this browser: the server has none. The microphone rests meanwhile.';
  }

  async open() {
    this.#dialog.showModal();
    this.dispatchEvent(new CustomEvent('open'));
    find('speaker-field').hidden = !('setSinkId' in HTMLMediaElement.prototype);
    for (const id of Object.keys(devices)) await this.#devices(id);
  }

  // set changes one setting, as the dialog does.
  set(name, value) {
    this.#values[name] = value;
    try {
      localStorage.setItem('hark', JSON.stringify(this.#values));
    } catch {
      // Private windows may refuse; the setting holds for this visit.
    }
    this.#paint();
    this.dispatchEvent(new CustomEvent('change', { detail: name }));
  }

  // keyFromAddress takes the key of a link that ends in #key=… and hides
  // it from the address bar.
  #keyFromAddress() {
    const key = new URLSearchParams(location.hash.slice(1)).get('key');
    if (!key) return;
    this.#keepKey(key);
    history.replaceState(null, '', location.pathname);
  }

  #keepKey(key) {
    this.key = key;
    try {
      sessionStorage.setItem('hark-key', key);
    } catch {
      // Kept for this page only.
    }
  }

  #bind() {
    const on = (id, event, run) => find(id).addEventListener(event, run);
    for (const [id, name] of Object.entries(texts)) on(id, 'change', (e) => this.set(name, e.target.value.trim()));
    for (const name of switches) on(name, 'change', (e) => this.set(name, e.target.checked));
    for (const name of choices) {
      for (const choice of this.#choices(name)) choice.addEventListener('change', () => this.set(name, choice.value));
    }
    on('silence', 'input', (e) => this.#showSilence(e.target.value));
    on('silence', 'change', (e) => this.set('silence', Number(e.target.value)));
    on('key', 'change', (e) => {
      this.#keepKey(e.target.value.trim());
      this.dispatchEvent(new CustomEvent('change', { detail: 'key' }));
    });
    // Enter in a field is not the wish to close.
    this.#dialog.addEventListener('keydown', (e) => {
      if (e.key === 'Enter' && e.target.matches('input')) {
        e.preventDefault();
        e.target.dispatchEvent(new Event('change'));
      }
    });
    // A click beside the dialog closes it, too.
    this.#dialog.addEventListener('click', (e) => e.target === this.#dialog && this.#dialog.close());
  }

  #choices(name) {
    return this.#dialog.querySelectorAll(`[name=${name}]`);
  }

  #paint() {
    for (const [id, name] of Object.entries(texts)) find(id).value = this.get(name);
    for (const name of switches) find(name).checked = this.get(name);
    for (const name of choices) for (const choice of this.#choices(name)) choice.checked = choice.value === this.get(name);
    find('silence').value = this.get('silence');
    this.#showSilence(this.get('silence'));
    find('open-only').hidden = this.get('mode') !== 'open';
    find('pause-only').hidden = this.get('turns') !== 'pause';
    find('key').value = this.key;
    document.documentElement.dataset.theme = this.get('theme');
  }

  #showSilence(ms) {
    find('silence-value').textContent = `${(ms / 1000).toFixed(1)} s`;
  }

  async #devices(id) {
    const [kind, name] = devices[id];
    const options = [new Option('Default', '')];
    for (const [i, device] of (await list(kind)).entries()) options.push(new Option(device.label || `${name} ${i + 1}`, device.deviceId));
    find(id).replaceChildren(...options);
    find(id).value = this.get(texts[id]);
    if (find(id).selectedIndex < 0) find(id).value = '';
  }
}
