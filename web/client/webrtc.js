// The protocol over WebRTC: events on the data channel, the microphone, the
// camera and the voice as tracks. See link.js for what a transport is.

import { Emitter } from './emitter.js';
import { Frames } from './frames.js';
import { Receiver } from './receiver.js';
import { causeOf, eventOf } from './websocket.js';

const connectMs = 6000; // from the answer to the open data channel, at most
const patienceMs = 2500; // for a line that is broken to come back
const goneMs = 30000; // after which the server has given a lost line up, too
const watchMs = 1000; // between two looks at whether the server still sends
const edge = 640; // pixels; the model sees no finer

// causes of refusals by the server, by status.
const causes = { 401: 'key', 403: 'final', 404: 'unsupported', 405: 'unsupported', 415: 'unsupported', 429: 'busy', 501: 'unsupported', 503: 'busy' };

export class WebRTCTransport extends Emitter {
  kind = 'webrtc';
  voice = new Receiver();
  #peer = null;
  #channel = null;
  #opened = false;
  #timer = 0;
  #watch = 0;
  #packets = 0; // of sound that came, and
  #missed = 0; // how often in a row no more had come
  #audio = null; // transceivers
  #video = null;
  #microphone = null;
  #camera = null;
  #frames = null; // where the server takes no video

  static get available() {
    return 'RTCPeerConnection' in window;
  }

  async open({ address, key, conversation }) {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    peer.ontrack = ({ track, streams }) => this.voice.attach(streams[0] ?? new MediaStream([track]));
    peer.onconnectionstatechange = () => peer === this.#peer && this.#changed(peer.connectionState);
    const channel = peer.createDataChannel('oai-events');
    this.#channel = channel;
    channel.onmessage = ({ data }) => peer === this.#peer && this.#receive(data);
    channel.onclose = () => peer === this.#peer && this.#end('gone');
    this.#audio = peer.addTransceiver(this.#microphone?.track ?? 'audio', { direction: 'sendrecv' });
    this.#video = peer.addTransceiver(this.#camera?.track ?? 'video', { direction: 'sendonly', sendEncodings: [this.#encoding()] });
    try {
      await peer.setLocalDescription();
      const answer = await this.#post(peer.localDescription.sdp, { address, key, conversation });
      if (peer !== this.#peer) return;
      if (answer.cause) {
        this.#end(answer.cause, answer.message);
        return;
      }
      await peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
      if (this.#video.currentDirection !== 'sendonly') this.#frames = new Frames((event) => this.send(event));
    } catch (error) {
      if (peer === this.#peer) this.#end('unsupported', error.message);
      return;
    }
    this.#timer = setTimeout(() => peer === this.#peer && !this.#opened && this.#end('blocked'), connectMs);
  }

  // close hangs up. Of a line that is lost the server is not told: should it get
  // that after all, it would forget a conversation that is to go on.
  close(lost = false) {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const [peer, channel] = [this.#peer, this.#channel];
    for (const sender of peer?.getSenders() ?? []) sender.replaceTrack(null).catch(() => {});
    this.#peer = this.#channel = this.#audio = this.#video = null;
    this.#frames?.show(null);
    this.voice.close();
    const end = () => (channel?.close(), peer?.close());
    if (lost) setTimeout(end, goneMs);
    else end();
  }

  send(event) {
    if (this.#channel?.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(event));
    return true;
  }

  microphone(microphone) {
    this.#microphone = microphone;
    this.#audio?.sender.replaceTrack(microphone?.track ?? null).catch(() => {});
  }

  camera(camera) {
    const was = this.#camera;
    this.#camera = camera;
    if (this.#frames) {
      this.#frames.show(camera);
      return;
    }
    const sender = this.#video?.sender;
    if (!sender) return;
    sender.replaceTrack(camera?.track ?? null).catch(() => {});
    if (camera) {
      const parameters = sender.getParameters();
      Object.assign(parameters.encodings[0] ?? {}, this.#encoding());
      parameters.degradationPreference = 'maintain-resolution';
      sender.setParameters(parameters).catch(() => {});
    } else if (was) {
      this.send({ type: 'input_image_buffer.clear' });
    }
  }

  look() {
    this.#frames?.look();
  }

  interrupted() {
    this.send({ type: 'output_audio_buffer.clear' });
  }

  // encoding keeps a camera at what the model sees.
  #encoding() {
    const { width = edge, height = edge } = this.#camera?.track?.getSettings() ?? {};
    return { maxFramerate: 10, maxBitrate: 1_500_000, scaleResolutionDownBy: Math.max(1, Math.max(width, height) / edge) };
  }

  // post sends the offer and returns {sdp}, or {cause, message}.
  async #post(sdp, { address, key, conversation }) {
    const target = new URL('v1/realtime/calls', address);
    if (conversation) target.searchParams.set('conversation_id', conversation);
    const headers = { 'Content-Type': 'application/sdp', ...(key && { Authorization: `Bearer ${key}` }) };
    let answer;
    try {
      answer = await fetch(target, { method: 'POST', headers, body: sdp, cache: 'no-store' });
    } catch {
      return { cause: 'gone' };
    }
    const text = await answer.text();
    if (answer.ok) return { sdp: text };
    let error = {};
    try {
      error = JSON.parse(text).error ?? {};
    } catch {
      // A proxy may answer with anything.
    }
    if (error.code === 'conversation_not_found') return { cause: 'unknown' };
    return { cause: causes[answer.status] ?? 'gone', message: error.message };
  }

  #receive(data) {
    const event = eventOf(data);
    if (!event) return;
    if (!this.#opened) this.#begin();
    switch (event.type) {
      case 'output_audio_buffer.started':
        this.voice.started(event.response_id);
        break;
      case 'output_audio_buffer.stopped':
      case 'output_audio_buffer.cleared':
        this.voice.stopped(event.response_id);
    }
    if (event.type === 'error' && event.error?.code === 'session_closed') {
      this.#end(causeOf(event.error.close_code), event.error.message); // a data channel has no close code
      return;
    }
    this.emit('event', event);
  }

  #begin() {
    this.#opened = true;
    clearTimeout(this.#timer);
    this.#watch = setInterval(() => this.#check(), watchMs);
    this.#frames?.show(this.#camera);
  }

  // check finds that the line is lost, much sooner than the browser does: the
  // server sends sound all the time, if only silence.
  async #check() {
    const peer = this.#peer;
    const stats = await this.#audio?.receiver.getStats().catch(() => null);
    if (!stats || peer !== this.#peer) return;
    let packets = 0;
    for (const report of stats.values()) if (report.type === 'inbound-rtp') packets = report.packetsReceived;
    this.#missed = packets && packets === this.#packets ? this.#missed + 1 : 0;
    this.#packets = packets;
    if (this.#missed >= 3) this.#end('gone');
  }

  #changed(state) {
    if (this.#opened) clearTimeout(this.#timer);
    if (state === 'failed') this.#end(this.#opened ? 'gone' : 'blocked');
    if (state === 'disconnected') this.#timer = setTimeout(() => this.#end('gone'), patienceMs);
  }

  #end(cause, message = '') {
    const opened = this.#opened;
    this.close(opened && cause === 'gone');
    this.emit('end', { cause, message, opened });
  }
}
