// The server's voice: pieces of PCM16 at 24 kHz, played one after the other.

const rate = 24000;
const lead = 0.06; // seconds that the first piece waits, so that the next is there in time

export class Sound {
  #context = null;
  #sources = new Set(); // pieces that have not ended
  #item = ''; // item id of what is played
  #begun = 0; // when its first piece begins, by the context's clock
  #end = 0; // when the last piece ends
  #onchange;

  // onchange(speaking) is called when sound begins and ends.
  constructor({ onchange }) {
    this.#onchange = onchange;
  }

  // play adds a piece of an item, in base64.
  play(item, base64) {
    this.#context ??= new AudioContext({ sampleRate: rate });
    this.#context.resume();
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const buffer = this.#context.createBuffer(1, Math.max(1, bytes.length >> 1), rate);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < bytes.length >> 1; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
    const from = Math.max(this.#end, this.#context.currentTime + (this.#sources.size ? 0 : lead));
    if (item !== this.#item) [this.#item, this.#begun] = [item, from];
    this.#end = from + buffer.duration;
    this.#start(buffer, from);
  }

  // stop falls silent at once and returns what was being played and how much
  // of it was heard, {item, ms}, or null.
  stop() {
    if (!this.#sources.size) return null;
    for (const source of this.#sources) source.onended = source.stop();
    this.#sources.clear();
    this.#end = 0;
    this.#onchange(false);
    const heard = { item: this.#item, ms: Math.max(0, Math.round(1000 * (this.#context.currentTime - this.#begun))) };
    this.#item = '';
    return heard;
  }

  #start(buffer, from) {
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.onended = () => {
      if (this.#sources.delete(source) && !this.#sources.size) this.#onchange(false);
    };
    this.#sources.add(source);
    if (this.#sources.size === 1) this.#onchange(true);
    source.start(from);
  }
}
