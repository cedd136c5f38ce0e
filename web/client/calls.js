// Calls of functions that the model waits for. It is asked to go on once the
// results of all of them are with the server and it is free: nobody speaks and
// no answer is in progress or asked for. An answer that begins later than a
// result came has read it, and then nothing is asked.

export class Calls {
  #link;
  #ask; // () => whether the model was free, and is asked
  #open = new Map(); // id → the result, if it waits for a connection
  #unread = false; // there are results that no answer has read

  constructor(link, ask) {
    this.#link = link;
    this.#ask = ask;
  }

  // add takes note of a call.
  add(id) {
    this.#open.set(id, undefined);
  }

  // reply sends the result of a call; of one that is not waited for any more it
  // does nothing.
  reply(id, output) {
    if (!this.#open.has(id)) return;
    const item = { type: 'function_call_output', call_id: id, output };
    const sent = this.#link.send('conversation.item.create', { item, event_id: prefix + id });
    this.#open.set(id, sent ? undefined : output);
  }

  // added says that an item is with the server.
  added({ type, call_id: id }) {
    if (type !== 'function_call_output' || !this.#open.delete(id)) return;
    this.#unread = true;
    this.goOn();
  }

  // refused says which event the server refused.
  refused(event) {
    if (event?.startsWith(prefix) && this.#open.delete(event.slice(prefix.length))) this.goOn();
  }

  // read says that an answer begins.
  read() {
    this.#unread = false;
  }

  // goOn asks the model to, if it is time.
  goOn() {
    if (this.#unread && !this.#open.size && this.#ask()) this.#unread = false;
  }

  // resume sends what waited for a connection.
  resume() {
    for (const [id, output] of this.#open) if (output !== undefined) this.reply(id, output);
  }

  clear() {
    this.#open.clear();
    this.#unread = false;
  }
}

const prefix = 'reply ';
