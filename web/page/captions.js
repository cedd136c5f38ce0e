// The conversation as one reads it: turns of both sides, written while they
// happen.

import { element, find } from './dom.js';

const bars = 44; // of a drawn voice, at most

// draw makes the outline of a voice from its levels, in a box of 100 by 24.
function draw(path, levels) {
  const count = Math.min(bars, Math.ceil(levels.length / 2));
  let d = '';
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * levels.length) / count);
    const to = Math.max(from + 1, Math.floor(((i + 1) * levels.length) / count));
    const height = 1 + 10 * Math.max(...levels.slice(from, to));
    const x = 1.5 + (i * 97) / bars;
    d += `M${x.toFixed(1)} ${(12 - height).toFixed(1)}V${(12 + height).toFixed(1)}`;
  }
  path.setAttribute('d', d);
}

function wave() {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 100 24');
  svg.setAttribute('class', 'wave');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  svg.append(path);
  return { svg, path };
}

export class Captions {
  #log = find('log');
  #turns = find('turns');

  constructor() {
    // The camera, a message or a keyboard may take room from the conversation.
    new ResizeObserver(() => this.#follow()).observe(this.#log);
  }

  // written adds a turn that the user typed.
  written(text, pictures) {
    const turn = this.#add('user', 'You');
    turn.append(...this.#pictures(pictures));
    if (text) turn.append(element('p', 'text', text));
    this.#follow(true);
  }

  // spoken adds a turn that the user is speaking: level(x) draws it, end(s)
  // closes it, transcript(text) says what it was.
  spoken(pictures) {
    const turn = this.#add('user', 'You');
    turn.classList.add('live');
    turn.append(...this.#pictures(pictures));
    const { svg, path } = wave();
    const length = element('span', 'length', 'speaking');
    const voice = element('p', 'voice-line', svg, length);
    turn.append(voice);
    const levels = [];
    this.#follow(true);
    return {
      level: (x) => {
        levels.push(x);
        if (levels.length % 3 === 1) draw(path, levels);
      },
      end: (seconds) => {
        turn.classList.remove('live');
        length.textContent = `spoken, ${seconds.toFixed(1)} s`;
        if (levels.length) draw(path, levels);
      },
      transcript: (text) => {
        turn.querySelector('.text')?.remove();
        turn.append(element('p', 'text', text));
        this.#follow();
      },
    };
  }

  // answer adds a turn of the assistant: add(text) writes on, note(text) puts
  // a line below it, end() closes it, drop() takes it away.
  answer() {
    const turn = this.#add('assistant', 'hark');
    turn.classList.add('live');
    const text = element('p', 'text');
    const dots = element('span', 'dots', element('i'), element('i'), element('i'));
    dots.setAttribute('aria-hidden', 'true');
    text.append(dots);
    const note = element('p', 'note');
    turn.append(text, note);
    this.#follow();
    return {
      add: (piece) => {
        dots.remove();
        text.append(piece);
        this.#follow();
      },
      note: (line) => {
        note.textContent = line;
        this.#follow();
      },
      end: () => {
        dots.remove();
        turn.classList.remove('live');
      },
      drop: () => turn.parentElement.remove(),
    };
  }

  // clear begins a new conversation.
  clear() {
    this.#turns.replaceChildren();
    document.body.classList.add('fresh');
  }

  #add(side, name) {
    document.body.classList.remove('fresh');
    const turn = element('div', 'turn', element('span', 'unseen', `${name}:`));
    this.#turns.append(element('li', side, turn));
    return turn;
  }

  #pictures(pictures) {
    if (!pictures.length) return [];
    const images = pictures.map(({ uri, name, frame }) => {
      const image = element('img', frame ? 'frame' : '');
      image.src = uri;
      image.alt = name;
      image.onload = () => this.#follow();
      return image;
    });
    return [element('div', 'pictures', ...images)];
  }

  // follow keeps the newest words in sight, unless the reader scrolled away.
  #follow(always = false) {
    const below = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    if (always || below < 240) this.#log.scrollTop = this.#log.scrollHeight;
  }
}
