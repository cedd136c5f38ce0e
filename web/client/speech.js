// Reading answers aloud with a voice of the browser, sentence by sentence
// while they are still being written.

const sentence = /^[\s\S]*?[.!?…](?=\s)/;

export class Speech {
  #rest = '';
  #waiting = new Set(); // sentences that were handed over and have not ended
  #onchange;

  // onchange(speaking) is called when speaking begins and ends.
  constructor({ onchange }) {
    this.#onchange = onchange;
  }

  // speaking says whether something is being read.
  get speaking() {
    return this.#waiting.size > 0;
  }

  static get available() {
    return 'speechSynthesis' in window;
  }

  // add takes the next piece of an answer.
  add(text) {
    this.#rest += text;
    for (let found; (found = sentence.exec(this.#rest)); ) {
      this.#rest = this.#rest.slice(found[0].length);
      this.#say(found[0]);
    }
  }

  // finish speaks what is left of the answer.
  finish() {
    this.#say(this.#rest);
    this.#rest = '';
  }

  // stop falls silent at once.
  stop() {
    this.#rest = '';
    if (this.#waiting.size === 0) return;
    this.#waiting.clear();
    window.speechSynthesis.cancel();
    this.#onchange(false);
  }

  #say(text) {
    if (!text.trim() || !Speech.available) return;
    const words = new SpeechSynthesisUtterance(text.trim());
    words.lang = document.documentElement.lang;
    words.onend = words.onerror = () => {
      if (this.#waiting.delete(words) && this.#waiting.size === 0) this.#onchange(false);
    };
    this.#waiting.add(words);
    if (this.#waiting.size === 1) this.#onchange(true);
    window.speechSynthesis.speak(words);
  }
}
