// The settings: read from and kept in the browser, shown in a dialog. The
// access key is kept for the tab only.
//
// It dispatches "change" with the name of the setting that changed.

import { list } from './device.js';
import { find } from './dom.js';

const defaults = { instructions: '', microphone: '', camera: '', silence: 500, aloud: false, theme: 'auto' };

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

  // suggest shows what the server uses if nothing is written.
  suggest(instructions) {
    find('instructions').placeholder = instructions;
  }

  async open() {
    this.#dialog.showModal();
    await this.#devices('microphone-id', 'audioinput', this.get('microphone'));
    await this.#devices('camera-id', 'videoinput', this.get('camera'));
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
    on('instructions', 'change', (e) => this.set('instructions', e.target.value.trim()));
    on('microphone-id', 'change', (e) => this.set('microphone', e.target.value));
    on('camera-id', 'change', (e) => this.set('camera', e.target.value));
    on('silence', 'input', (e) => this.#showSilence(e.target.value));
    on('silence', 'change', (e) => this.set('silence', Number(e.target.value)));
    on('aloud', 'change', (e) => this.set('aloud', e.target.checked));
    on('key', 'change', (e) => {
      this.#keepKey(e.target.value.trim());
      this.dispatchEvent(new CustomEvent('change', { detail: 'key' }));
    });
    for (const choice of this.#dialog.querySelectorAll('[name=theme]')) {
      choice.addEventListener('change', () => this.set('theme', choice.value));
    }
    // A click beside the dialog closes it, too.
    this.#dialog.addEventListener('click', (e) => e.target === this.#dialog && this.#dialog.close());
  }

  #paint() {
    find('instructions').value = this.get('instructions');
    find('silence').value = this.get('silence');
    this.#showSilence(this.get('silence'));
    find('aloud').checked = this.get('aloud');
    find('key').value = this.key;
    document.documentElement.dataset.theme = this.get('theme');
    for (const choice of this.#dialog.querySelectorAll('[name=theme]')) choice.checked = choice.value === this.get('theme');
  }

  #showSilence(ms) {
    find('silence-value').textContent = `${(ms / 1000).toFixed(1)} s`;
  }

  async #devices(id, kind, chosen) {
    const options = [new Option('Default', '')];
    for (const [i, device] of (await list(kind)).entries()) {
      options.push(new Option(device.label || `${kind === 'audioinput' ? 'Microphone' : 'Camera'} ${i + 1}`, device.deviceId));
    }
    find(id).replaceChildren(...options);
    find(id).value = chosen;
    if (find(id).selectedIndex < 0) find(id).value = '';
  }
}
