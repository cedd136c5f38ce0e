// Follows the voice through the words of an answer: which of them were heard.

const tickMs = 40;

export class Reader {
  #marks = []; // {seconds, at}: from there on the voice says what begins at that character
  #position;
  #reached;
  #timer = 0;

  // position() is where the voice is, in seconds; reached(characters) is called
  // when it comes to further words.
  constructor({ position, reached }) {
    this.#position = position;
    this.#reached = reached;
  }

  // mark notes that the text from a character up to another is said from so
  // many seconds on.
  mark(seconds, to) {
    this.#marks.push({ seconds, to });
    if (!this.#timer) this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  // stop ends it.
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#marks = [];
  }

  #tick() {
    const now = this.#position();
    let to = 0;
    while (this.#marks.length && this.#marks[0].seconds <= now) to = this.#marks.shift().to;
    if (to) this.#reached(to);
  }
}
