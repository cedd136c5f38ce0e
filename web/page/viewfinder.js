// The camera on the page: its preview, its button, and a sign when the model
// is shown what it sees.

import { list } from './client/device.js';
import { find } from './dom.js';
import * as notices from './notices.js';

export class Viewfinder {
  #agent;
  #settings;

  constructor(agent, settings) {
    this.#agent = agent;
    this.#settings = settings;
    find('see').onclick = () => this.toggle();
    find('flip').onclick = async () => settings.set('camera', await agent.camera.next());
  }

  async toggle() {
    if (this.#agent.camera.on) this.#agent.lookAway();
    else await this.start();
  }

  // start turns the camera on, with the device of the settings.
  async start() {
    notices.clear('camera');
    try {
      await this.#agent.look(this.#settings.get('camera'));
      find('flip').hidden = (await list('videoinput')).length < 2;
    } catch (error) {
      notices.show('camera', error.message);
    }
  }

  // paint shows whether it is on.
  paint() {
    const { camera } = this.#agent;
    const preview = find('preview');
    if (preview.srcObject !== camera.stream) {
      preview.srcObject = camera.stream;
      if (camera.on) preview.play().catch(() => {});
    }
    find('camera').hidden = !camera.on;
    find('camera').classList.toggle('mirrored', camera.mirrored);
    find('see').setAttribute('aria-pressed', camera.on);
  }

  // shown marks that the model is shown what the camera sees now.
  shown() {
    const card = find('camera');
    card.classList.remove('shown');
    void card.offsetWidth; // begins the animation anew
    card.classList.add('shown');
  }
}
