// The sound that was sent over the present connection, as far back as an
// utterance can reach, so that it can be said again after a reconnection.

const frameMs = 20;
const keptFrames = 60000 / frameMs;

export class Recording {
  #frames = [];
  #first = 0; // number of the oldest frame kept

  // push takes a frame that was sent: base64 without padding.
  push(audio) {
    this.#frames.push(audio);
    if (this.#frames.length <= keptFrames) return;
    this.#frames.shift();
    this.#first++;
  }

  // cut returns the sound between two offsets of the connection as one base64
  // text, empty if it is not kept any more.
  cut(startMs, endMs) {
    const from = Math.floor(startMs / frameMs) - this.#first;
    const to = Math.ceil(endMs / frameMs) - this.#first;
    return from < 0 ? '' : this.#frames.slice(from, to).join('');
  }

  // reset begins at offset 0 of a new connection.
  reset() {
    this.#frames = [];
    this.#first = 0;
  }
}
