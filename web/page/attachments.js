// Pictures that wait for the next turn: chosen, dropped or pasted.

import { fromFile } from './client/picture.js';
import { element, find, icon } from './dom.js';

export class Attachments {
  #waiting = [];
  #onfault;
  #onchange;

  constructor({ onfault, onchange }) {
    this.#onfault = onfault;
    this.#onchange = onchange;
    this.#bind();
  }

  get count() {
    return this.#waiting.length;
  }

  // list returns the pictures, [{uri, name}].
  get list() {
    return this.#waiting;
  }

  // take returns the pictures, [{uri, name}], and forgets them.
  take() {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#paint();
    return taken;
  }

  async add(files) {
    for (const file of files) {
      try {
        this.#waiting.push({ uri: await fromFile(file), name: file.name || 'Picture' });
      } catch (error) {
        this.#onfault(error.message);
      }
    }
    this.#paint();
  }

  #bind() {
    find('attach').onclick = () => find('file').click();
    find('file').onchange = (e) => {
      this.add([...e.target.files]);
      e.target.value = '';
    };
    document.addEventListener('paste', (e) => {
      const files = [...e.clipboardData.files];
      if (files.length) this.add(files);
    });
    let inside = 0; // enter and leave come for each element passed
    const drop = find('drop');
    const over = (e) => [...(e.dataTransfer?.types ?? [])].includes('Files');
    addEventListener('dragenter', (e) => over(e) && (drop.hidden = ++inside === 0));
    addEventListener('dragleave', (e) => over(e) && (drop.hidden = --inside === 0));
    addEventListener('dragover', (e) => over(e) && e.preventDefault());
    addEventListener('drop', (e) => {
      if (!over(e)) return;
      e.preventDefault();
      inside = 0;
      drop.hidden = true;
      this.add([...e.dataTransfer.files]);
    });
  }

  #paint() {
    const row = find('attached');
    row.hidden = this.#waiting.length === 0;
    row.replaceChildren(
      ...this.#waiting.map((picture) => {
        const image = element('img');
        image.src = picture.uri;
        image.alt = picture.name;
        const remove = element('button', 'icon small', icon('close'));
        remove.type = 'button';
        remove.setAttribute('aria-label', `Remove ${picture.name}`);
        remove.onclick = () => {
          this.#waiting = this.#waiting.filter((other) => other !== picture);
          this.#paint();
        };
        return element('li', '', image, remove);
      }),
    );
    this.#onchange();
  }
}
