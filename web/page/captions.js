// The conversation as one reads it: turns of both sides, written while they
// happen. What the voice has not said yet is paler.

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

const time = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

// stages of a timing: what it is called, and how long it took.
function stages({ pause, token, sound }) {
  const list = [];
  if (pause) list.push(['pause', 'pause', pause]);
  if (token !== null) list.push(['token', 'first word', token]);
  if (sound !== null) list.push(['sound', 'first sound', sound]);
  return list;
}

export class Captions {
  #log = find('log');
  #turns = find('turns');
  #shown = new Map(); // turn id → its parts

  constructor() {
    // The camera, a message or a keyboard may take room from the conversation.
    new ResizeObserver(() => this.#follow()).observe(this.#log);
  }

  // show brings a turn that was added, changed or removed up to date.
  show({ turn, change }) {
    if (change === 'removed') {
      this.#shown.get(turn.id)?.row.remove();
      this.#shown.delete(turn.id);
      return;
    }
    const added = !this.#shown.has(turn.id);
    if (added) this.#shown.set(turn.id, this.#add(turn));
    const parts = this.#shown.get(turn.id);
    this.#paint(turn, parts);
    this.#follow(added && turn.side === 'user');
  }

  // time writes the timing of the newest turns again.
  time(turns) {
    for (const turn of turns.slice(-2)) {
      const parts = this.#shown.get(turn.id);
      if (parts) this.#note(turn, parts);
    }
  }

  // clear begins a new conversation.
  clear() {
    this.#turns.replaceChildren();
    this.#shown.clear();
    document.body.classList.add('fresh');
  }

  #add(turn) {
    document.body.classList.remove('fresh');
    const user = turn.side === 'user';
    const box = element('div', 'turn', element('span', 'unseen', user ? 'You: ' : 'hark: '));
    const row = element('li', turn.side, box);
    const parts = { row, box, pictures: element('div', 'pictures'), said: element('span', 'said'), rest: element('span', 'rest'), note: element('p', 'note'), keys: '' };
    parts.text = element('p', 'text', parts.said, parts.rest);
    parts.dots = element('span', 'dots', element('i'), element('i'), element('i'));
    parts.dots.setAttribute('aria-hidden', 'true');
    parts.length = element('span', 'length');
    const { svg, path } = wave();
    parts.path = path;
    parts.voice = element('p', 'voice-line', svg, parts.length);
    if (user) box.append(parts.pictures, parts.voice, parts.text, parts.note);
    else box.append(parts.dots, parts.text, parts.note);
    this.#turns.append(row);
    return parts;
  }

  #paint(turn, parts) {
    parts.box.classList.toggle('live', turn.live);
    parts.said.textContent = turn.text.slice(0, turn.said);
    parts.rest.textContent = turn.text.slice(turn.said);
    parts.text.hidden = !turn.text;
    parts.dots.hidden = turn.text !== '' || !turn.live;
    parts.voice.hidden = !turn.spoken || turn.side !== 'user';
    if (!parts.voice.hidden) {
      draw(parts.path, turn.levels);
      parts.length.textContent = turn.live ? 'speaking' : `${turn.seconds.toFixed(1)} s`;
    }
    this.#pictures(turn, parts);
    this.#note(turn, parts);
  }

  #pictures(turn, parts) {
    const keys = turn.pictures.map((picture) => `${picture.name}${picture.uri.length}${picture.uri.slice(-60)}`).join();
    if (keys === parts.keys) return;
    parts.keys = keys;
    parts.pictures.replaceChildren(
      ...turn.pictures.map(({ uri, name, frame }) => {
        const image = element('img', frame ? 'frame' : '');
        image.src = uri;
        image.alt = name;
        image.onload = () => this.#follow();
        return image;
      }),
    );
  }

  // note is the line below an answer: how fast it came, or why it is not whole.
  #note(turn, parts) {
    const list = turn.side === 'assistant' && turn.timing ? stages(turn.timing) : [];
    const key = JSON.stringify([list, turn.note]);
    if (key === parts.noted) return;
    parts.noted = key;
    const words = [];
    if (list.length) {
      const bar = element('span', 'timeline');
      bar.setAttribute('aria-hidden', 'true');
      let past = 0;
      for (const [name, , ms] of list) {
        const piece = element('i', name);
        const length = name === 'sound' ? ms - past : ms;
        if (name === 'token') past = ms;
        piece.style.flexGrow = Math.max(0, length);
        bar.append(piece);
      }
      words.push(bar, ...list.map(([name, label, ms]) => element('span', `time ${name}`, `${label} `, element('b', '', time(ms)), ' ')));
    }
    if (turn.note) words.push(element('span', 'why', turn.note));
    parts.note.replaceChildren(...words);
    parts.note.hidden = words.length === 0;
  }

  // follow keeps the newest words in sight, unless the reader scrolled away.
  #follow(always = false) {
    if (document.body.classList.contains('fresh')) return;
    const below = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    if (always || below < 240) this.#log.scrollTop = this.#log.scrollHeight;
  }
}
