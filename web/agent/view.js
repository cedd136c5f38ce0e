// What is seen of the element: its shadow tree, and the painting of states,
// turns and messages into it. It decides nothing.

import { icon, make } from './build.js';
import { Orb } from './orb.js';
import { sheet } from './style.js';

const shownTurns = 30;
const hintMs = 7000;

export class View {
  #host;
  #orbs;
  #turns = new Map(); // turn id → element
  #hints = [];
  #hint = 0;
  #hintTimer = 0;
  #words = {};

  // actions are what the element does when something is pressed: talk, press,
  // release, stop, end, write(text), stay, touch, closePage.
  constructor(host, actions, levels) {
    this.#host = host;
    const shadow = host.attachShadow({ mode: 'open', delegatesFocus: true });
    shadow.adoptedStyleSheets = [sheet];
    this.#build(actions);
    shadow.append(this.root);
    this.#orbs = [this.orb, this.attractOrb].map((canvas) => new Orb(canvas, levels));
  }

  #build(actions) {
    const part = (name, part, properties = {}, ...children) => (this[part] = make(name, { part, className: part, ...properties }, ...children));
    const orb = (name) => (this[name] = make('canvas', { 'aria-hidden': 'true', part: 'orb' }));
    this.list = make('ol', { className: 'list' });
    part('div', 'captions', { role: 'log', 'aria-live': 'off', tabIndex: 0 }, this.list);
    part('p', 'status', { role: 'status' });
    this.talk = make('button', { className: 'talk', part: 'talk', type: 'button' }, orb('orb'), icon('mic'));
    this.talk.addEventListener('click', () => actions.talk());
    this.talk.addEventListener('pointerdown', () => actions.press());
    for (const name of ['pointerup', 'pointercancel', 'pointerleave']) this.talk.addEventListener(name, () => actions.release());
    part('video', 'preview', { muted: true, playsInline: true, autoplay: true, hidden: true });
    this.#buildKeyboard(actions);
    part('button', 'end', { type: 'button', onclick: () => actions.end() });
    part('section', 'page', { hidden: true });
    this.closePage = () => actions.closePage();
    part('p', 'notice', { role: 'alert', hidden: true });
    this.spoken = make('p', { className: 'unseen', role: 'status' });
    const dock = make('div', { className: 'dock' }, this.preview, this.talk, this.status, this.keyboard);
    this.brand = make('p', { className: 'brand', role: 'heading' });
    this.scene = make('div', { className: 'scene' }, this.page, make('div', { className: 'side' }, this.captions, dock), this.brand, this.end);
    this.#buildAttract(actions, orb);
    this.#buildCountdown(actions);
    this.root = make('div', { className: 'root', part: 'root' }, this.scene, this.attract, this.notice, this.countdown, this.spoken);
  }

  #buildKeyboard(actions) {
    this.text = make('input', { type: 'text', maxLength: 4000, autocomplete: 'off', enterKeyHint: 'send', part: 'input' });
    this.send = make('button', { type: 'submit', part: 'send' }, icon('send'));
    this.keyboard = make('form', { className: 'keyboard', part: 'keyboard', hidden: true }, this.text, this.send);
    this.keyboard.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.text.value.trim();
      if (text && actions.write(text)) this.text.value = '';
    });
  }

  #buildAttract(actions, orb) {
    this.logo = make('img', { part: 'logo', alt: '', hidden: true });
    this.title = make('h1', { className: 'title', part: 'title', hidden: true });
    this.subtitle = make('p', { className: 'subtitle', part: 'subtitle', hidden: true });
    this.hint = make('p', { className: 'hint', part: 'hint' });
    this.touch = make('button', { className: 'touch', part: 'touch', type: 'button' });
    this.more = make('p', { className: 'more' });
    const words = make('div', { className: 'words' }, this.logo, this.title, this.subtitle);
    const call = make('div', { className: 'call' }, this.hint, this.touch, this.more);
    this.attract = make('div', { className: 'attract', part: 'attract', hidden: true }, words, orb('attractOrb'), call);
    this.attract.addEventListener('click', () => actions.touch());
  }

  #buildCountdown(actions) {
    this.still = make('p', { className: 'still' });
    this.over = make('p', { className: 'over', part: 'countdown' });
    this.stay = make('button', { type: 'button', part: 'stay', onclick: () => actions.stay() });
    this.countdown = make('div', { className: 'countdown', role: 'status', hidden: true }, make('div', { className: 'card' }, this.still, this.over, this.stay));
  }

  start() {
    for (const orb of this.#orbs) orb.start();
    this.#hintTimer ||= setInterval(() => this.#nextHint(), hintMs);
  }

  stop() {
    for (const orb of this.#orbs) orb.stop();
    clearInterval(this.#hintTimer);
    this.#hintTimer = 0;
  }

  restyle() {
    for (const orb of this.#orbs) orb.restyle();
  }

  // say writes the words of a language; mode is 'open' or 'press'.
  say(words, { mode, kiosk }) {
    this.#words = { ...words, idle: mode === 'press' ? words.hold : words.idle };
    this.root.classList.toggle('kiosk', kiosk);
    this.brand.setAttribute('aria-level', kiosk ? 1 : 2);
    this.touch.textContent = words.touch;
    this.end.textContent = words.done;
    this.still.textContent = words.still;
    this.stay.textContent = words.stay;
    this.text.placeholder = words.write;
    this.text.setAttribute('aria-label', words.write);
    this.send.setAttribute('aria-label', words.send);
    this.captions.setAttribute('aria-label', words.conversation);
    this.preview.setAttribute('aria-label', words.saw);
  }

  // paint shows a state of the element.
  paint(state, { speaking, listening }) {
    this.root.dataset.state = state;
    for (const orb of this.#orbs) orb.state = state;
    const words = this.#words;
    if (this.status.textContent !== (words[state] ?? '')) this.status.textContent = words[state] ?? '';
    this.talk.setAttribute('aria-label', speaking ? words.stop : listening ? words.end : words.idle);
    this.talk.setAttribute('aria-pressed', String(listening));
    const asleep = state === 'asleep';
    this.attract.hidden = !asleep;
    this.scene.inert = asleep;
    this.end.hidden = asleep || !this.root.classList.contains('kiosk');
  }

  // away covers what cannot be done while the server is gone.
  away(gone) {
    this.root.classList.toggle('away', gone);
    this.touch.hidden = gone;
    this.hint.hidden = gone;
    this.more.textContent = gone ? this.#words.awayMore : '';
    this.more.hidden = !gone;
    if (gone) this.tell(this.#words.away, 'calm');
    else if (this.notice.dataset.kind === 'calm') this.tell('');
  }

  // tell shows a message, '' none.
  tell(message, kind = 'fault') {
    this.notice.hidden = !message;
    this.notice.dataset.kind = kind;
    if (this.notice.textContent !== message) this.notice.textContent = message;
  }

  // count shows how many seconds are left, 0 nothing.
  count(seconds) {
    this.countdown.hidden = !seconds;
    if (seconds) this.over.textContent = this.#words.over.replace('{n}', seconds);
  }

  // attraction sets what stands on the screen that waits for visitors.
  attraction({ title, subtitle, hints, logo }) {
    for (const [element, text] of [[this.title, title], [this.subtitle, subtitle]]) {
      element.textContent = text;
      element.hidden = !text;
    }
    this.brand.textContent = title;
    this.logo.hidden = !logo;
    if (logo) this.logo.src = logo;
    this.#hints = hints;
    this.#hint = -1;
    this.#nextHint();
  }

  #nextHint() {
    this.captions.dataset.hint = '';
    if (!this.#hints.length) return this.hint.replaceChildren();
    this.#hint = (this.#hint + 1) % this.#hints.length;
    this.captions.dataset.hint = `“${this.#hints[this.#hint]}”`;
    if (this.hint.textContent === `“${this.#hints[this.#hint]}”`) return;
    const text = make('span', {}, `“${this.#hints[this.#hint]}”`);
    this.hint.replaceChildren(text);
  }

  // turn shows what changed of a turn.
  turn(turn, change) {
    const known = this.#turns.get(turn.id);
    if (change === 'removed') {
      known?.remove();
      this.#turns.delete(turn.id);
      return;
    }
    const item = known ?? make('li', { part: `turn ${turn.side}`, className: turn.side });
    if (!known) {
      this.#turns.set(turn.id, item);
      this.list.append(item);
      while (this.list.children.length > shownTurns) this.list.firstChild.remove();
    }
    this.#write(item, turn);
    this.captions.scrollTop = this.captions.scrollHeight;
  }

  #write(item, { side, text, said, live, spoken, pictures, note }) {
    item.classList.toggle('live', live);
    const children = [];
    const seen = pictures.filter(({ uri }) => uri);
    if (seen.length) children.push(make('span', { className: 'pictures' }, ...seen.map(({ uri, frame }) => make('img', { src: uri, alt: frame ? this.#words.saw : this.#words.picture }))));
    if (text) {
      const heard = side === 'assistant' && spoken ? said : text.length;
      children.push(make('span', { className: 'text' }, text.slice(0, heard), make('span', { className: 'ahead' }, text.slice(heard))));
    } else if (live || side === 'user') {
      children.push(make('span', { className: 'dots', 'aria-hidden': 'true' }, make('i'), make('i'), make('i')));
    }
    if (note && !live) children.push(make('span', { className: 'note' }, note));
    item.replaceChildren(...children);
  }

  clear() {
    this.#turns.clear();
    this.list.replaceChildren();
    this.spoken.textContent = '';
    this.showPage(null);
  }

  // announce tells a screen reader an answer that no voice says.
  announce(text) {
    this.spoken.textContent = text;
  }

  // watch shows what the camera sees, null nothing.
  watch(stream, mirrored) {
    this.preview.hidden = !stream;
    this.preview.classList.toggle('mirrored', mirrored);
    if (this.preview.srcObject !== stream) this.preview.srcObject = stream;
  }

  // showPage shows a page {title, text, image, url}, null none.
  showPage(page) {
    this.page.hidden = !page;
    this.root.classList.toggle('paged', Boolean(page));
    this.page.classList.toggle('filled', Boolean(page?.url || page?.image));
    this.page.replaceChildren();
    if (!page) return;
    const title = page.title ?? page.name ?? '';
    const close = make('button', { type: 'button', className: 'close', 'aria-label': this.#words.close, onclick: this.closePage }, icon('close'));
    this.page.append(make('header', {}, make('h2', {}, title), close));
    if (page.url) this.page.append(make('iframe', { src: page.url, title, referrerPolicy: 'no-referrer', sandbox: 'allow-scripts allow-same-origin allow-forms' }));
    if (page.image) this.page.append(make('img', { src: page.image, alt: page.text ? '' : title }));
    if (page.text) this.page.append(make('div', { className: 'rows' }, ...page.text.split('\n').map((line) => make('p', {}, ...line.split('\t').map((column) => make('span', {}, column))))));
  }
}
