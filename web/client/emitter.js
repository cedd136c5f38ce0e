// What can be listened to.

export class Emitter extends EventTarget {
  // emit tells the listeners of a name; they find the rest in event.detail.
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // listen calls a function with the rest and returns a function that ends it.
  listen(name, listen) {
    const listener = (event) => listen(event.detail);
    this.addEventListener(name, listener);
    return () => this.removeEventListener(name, listener);
  }
}
