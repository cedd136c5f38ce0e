// The camera: a preview, and single frames when somebody asks for one.

import { list, request } from './device.js';
import { encode } from './picture.js';

export class Camera {
  #video;
  #stream = null;
  #onend;

  constructor(video, { onend }) {
    this.#video = video;
    this.#onend = onend;
  }

  get on() {
    return this.#stream !== null;
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
    stream.getVideoTracks()[0].onended = () => {
      this.stop();
      this.#onend();
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
    const current = this.#stream?.getVideoTracks()[0].getSettings().deviceId;
    const at = devices.findIndex((device) => device.deviceId === current);
    return devices[(at + 1) % devices.length].deviceId;
  }
}
