// What was said, as items of the protocol, so that a new connection can be
// told the conversation of the old one.

const keptItems = 40;

export class History {
  #items = [];
  #count = 0;

  // id returns an item id that was not used before on this page.
  id() {
    return `page_${++this.#count}`;
  }

  // add takes one item at the end.
  add(id, role, content) {
    const item = { id, type: 'message', role, content };
    this.#items.push(item);
    if (this.#items.length > keptItems) this.#items.shift();
    return item;
  }

  // remove forgets an item.
  remove(id) {
    this.#items = this.#items.filter((item) => item.id !== id);
  }

  // items returns all, oldest first.
  get items() {
    return this.#items;
  }

  // clear forgets everything.
  clear() {
    this.#items = [];
  }
}
