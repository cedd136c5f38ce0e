// The turns of a conversation as one reads them, apart from how they look.
//
// A turn is {id, side, spoken, text, said, live, levels, seconds, pictures,
// note, timing}: side is 'user' or 'assistant'; spoken: it was said, not
// written; text is what is known of its words, said how many characters of them
// the voice has reached (all, where no voice speaks); live: it still grows;
// levels are those of a user's voice, 50 a second, seconds its length; pictures
// are [{uri, name, frame}], frame: the camera saw it; timing is {pause, token,
// sound} in ms, see Conversation.
//
// It emits "turn" {turn, change} with 'added', 'changed' or 'removed', and
// "clear".

import { Emitter } from './emitter.js';

export class Turns extends Emitter {
  #count = 0;

  list = [];

  // add begins a turn.
  add(side, fields = {}) {
    const turn = {
      id: `turn-${++this.#count}`,
      side,
      spoken: false,
      text: '',
      said: 0,
      live: true,
      levels: [],
      seconds: 0,
      pictures: [],
      note: '',
      timing: null,
      ...fields,
    };
    this.list.push(turn);
    this.emit('turn', { turn, change: 'added' });
    return turn;
  }

  // change sets fields of a turn.
  change(turn, fields) {
    Object.assign(turn, fields);
    this.emit('turn', { turn, change: 'changed' });
  }

  remove(turn) {
    this.list = this.list.filter((other) => other !== turn);
    this.emit('turn', { turn, change: 'removed' });
  }

  clear() {
    this.list = [];
    this.emit('clear');
  }
}
