// Frames of a camera as events, for a transport without a track for it.

const frameMs = 1000; // between two of them

export class Frames {
  #send;
  #camera = null;
  #timer = 0;

  // send(event) may drop it.
  constructor(send) {
    this.#send = send;
  }

  // show sends what a camera sees from now on; null ends that.
  show(camera) {
    clearInterval(this.#timer);
    const was = this.#camera;
    this.#camera = camera;
    if (camera) {
      this.#timer = setInterval(() => this.look(), frameMs);
      this.look();
    } else if (was) {
      this.#send({ type: 'input_image_buffer.clear' });
    }
  }

  // look sends the present frame.
  look() {
    const image = this.#camera?.frame();
    if (image) this.#send({ type: 'input_image_buffer.append', image });
  }
}
