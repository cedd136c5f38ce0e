// The camera: a track for a peer connection, and single frames. It emits "end"
// when the device was taken away.

import { list, request } from './device.js';
import { Emitter } from './emitter.js';
import { encode } from './picture.js';

export class Camera extends Emitter {
  #video = document.createElement('video'); // frames come from it
  #stream = null;

  constructor() {
    super();
    this.#video.muted = true;
    this.#video.playsInline = true;
  }

  get on() {
    return this.#stream !== null;
  }

  get track() {
    return this.#stream?.getVideoTracks()[0] ?? null;
  }

  // stream is for the srcObject of a preview; null while the camera is off.
  get stream() {
    return this.#stream;
  }

  // mirrored says whether people expect a preview like a mirror: the camera
  // looks at them.
  get mirrored() {
    const facing = this.track?.getSettings().facingMode;
    return facing === 'user';
  }

  // start opens a device ("" is the default one) and resolves once a picture
  // is there. It throws an Error whose message is for the user.
  async start(device = '') {
    const stream = await request('camera', {
      video: {
        deviceId: device ? { exact: device } : undefined,
        facingMode: device ? undefined : 'environment',
        width: { ideal: 1280 },
        height: { ideal: 720 },
        resizeMode: { ideal: 'none' }, // all that the camera sees
      },
    });
    this.stop();
    this.#stream = stream;
    this.track.contentHint = 'detail'; // what it shows is read, not watched
    this.track.onended = () => {
      this.stop();
      this.emit('end');
    };
    this.#video.srcObject = stream;
    await this.#video.play();
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.#video.srcObject = null;
  }

  // frame returns what the camera sees as a JPEG data URI, or null while it
  // is off or has not seen anything yet.
  frame() {
    const { videoWidth, videoHeight } = this.#video;
    if (!this.on || !videoWidth) return null;
    return encode(this.#video, videoWidth, videoHeight);
  }

  // next returns the device after the one in use, or "" if there is only one.
  async next() {
    const devices = await list('videoinput');
    if (devices.length < 2) return '';
    const current = this.track?.getSettings().deviceId;
    const at = devices.findIndex((device) => device.deviceId === current);
    return devices[(at + 1) % devices.length].deviceId;
  }
}
