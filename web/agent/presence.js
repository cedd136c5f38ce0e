// Somebody is there: told from the picture of the camera by the difference of
// frames alone, on this machine. No frame leaves this file, and none is kept but
// the two that are compared, 64 by 48 grey dots each.
//
// A background follows the picture slowly. What differs from it is something
// that was not there before; when that is large enough (a person near the
// kiosk, or one that comes nearer and grows) and moves, for three frames in a
// row, somebody is there. When almost all differs at once, the light changed.
// After each call of watch the picture has to be calm for a while first, so that
// who walks away does not wake what has just fallen asleep.

import { request } from '../client/device.js';

const wide = 64;
const high = 48;
const everyMs = 200;
const calmFrames = 10; // without motion, before it watches
const longestMs = 20000; // that it waits for them
const neededFrames = 3;
const differs = 18; // steps of grey, of 256
const moves = 9;
const moving = 0.006; // of the dots
const flood = 0.85; // of the dots: the light, not a person
const forgetting = 0.03; // of the background, a frame

export class Presence {
  #onpresence;
  #video = document.createElement('video');
  #pen;
  #stream = null;
  #timer = 0;
  #background = null;
  #last = null;
  #calm = 0;
  #seen = 0;
  #since = 0;

  // threshold is the part of the picture that must be new.
  threshold = 0.08;

  constructor(onpresence) {
    this.#onpresence = onpresence;
    this.#video.muted = true;
    this.#video.playsInline = true;
    const canvas = document.createElement('canvas');
    canvas.width = wide;
    canvas.height = high;
    this.#pen = canvas.getContext('2d', { willReadFrequently: true });
  }

  // watch opens the camera and calls onpresence, once, when somebody is there.
  // It throws an Error whose message is for the user.
  async watch() {
    this.stop();
    const stream = await request('camera', { video: { width: { ideal: 320 }, height: { ideal: 240 }, frameRate: { ideal: 10 } } });
    this.stop();
    this.#stream = stream;
    this.#video.srcObject = stream;
    this.#background = this.#last = null;
    this.#calm = this.#seen = 0;
    this.#since = performance.now();
    await this.#video.play().catch(() => {}); // it was stopped meanwhile
    clearInterval(this.#timer);
    if (this.#stream === stream) this.#timer = setInterval(() => this.#look(), everyMs);
  }

  // stop gives the camera back.
  stop() {
    clearInterval(this.#timer);
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  #look() {
    if (this.#video.readyState < 2) return;
    this.#pen.drawImage(this.#video, 0, 0, wide, high);
    const { data } = this.#pen.getImageData(0, 0, wide, high);
    const grey = new Float32Array(wide * high);
    for (let i = 0; i < grey.length; i++) grey[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    const motion = this.#last ? share(grey, this.#last, moves) : 1;
    this.#last = grey;
    if (!this.#background) {
      this.#calm = motion < moving ? this.#calm + 1 : 0;
      if (this.#calm >= calmFrames || performance.now() - this.#since > longestMs) this.#background = grey.slice();
      return;
    }
    const area = share(grey, this.#background, differs);
    if (area > flood) {
      this.#background = grey.slice();
      return;
    }
    this.#seen = area >= this.threshold && motion >= moving ? this.#seen + 1 : 0;
    for (let i = 0; i < grey.length; i++) this.#background[i] += forgetting * (grey[i] - this.#background[i]);
    if (this.#seen < neededFrames) return;
    this.stop();
    this.#onpresence();
  }
}

// share is the part of the dots that differ by more than so many steps, once
// what all of them changed by is taken out: a camera that adapts to the light is
// no motion.
function share(a, b, steps) {
  const differences = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) differences[i] = a[i] - b[i];
  const middle = differences.slice().sort()[a.length >> 1];
  let count = 0;
  for (const difference of differences) if (Math.abs(difference - middle) > steps) count++;
  return count / a.length;
}
