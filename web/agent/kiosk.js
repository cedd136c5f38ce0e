// The life of a kiosk: it sleeps until somebody touches it or is there, talks,
// and after a while without a word forgets everything and sleeps again.
//
// It emits "wake" {by: 'touch', 'presence' or 'call'}, "sleep" {by: 'idle',
// 'visitor' or 'call'} and "countdown" {seconds}, 0 when it was stopped.

import { Emitter } from '../client/emitter.js';
import { Presence } from './presence.js';

const tickMs = 250;
const retryMs = 15000; // before the camera is asked for again
const busy = new Set(['hearing', 'thinking', 'answering']);

export class Kiosk extends Emitter {
  #agent;
  #presence = new Presence(() => this.#came());
  #options = {};
  #timer = 0;
  #watching = 0; // timer, or -1 while it watches
  #active = 0; // when something last happened
  #counted = 0; // seconds shown
  #lock = null; // of the screen

  // on says that this is a kiosk; awake, that somebody talks with it.
  on = false;
  awake = false;

  constructor(agent) {
    super();
    this.#agent = agent;
    this.seen = () => document.visibilityState === 'visible' && this.#keepLight();
  }

  // configure sets {idle, countdown: seconds, presence, threshold, camera,
  // device, screen: the element that fills the screen on touch, or null}.
  configure(options) {
    this.#options = options;
    if (options.threshold) this.#presence.threshold = options.threshold;
    if (this.on && !this.awake) this.#watch();
  }

  start() {
    if (this.on) return;
    this.on = true;
    this.#timer = setInterval(() => this.#tick(), tickMs);
    document.addEventListener('visibilitychange', this.seen);
    this.#keepLight();
    this.#watch();
  }

  stop() {
    if (!this.on) return;
    this.on = this.awake = false;
    clearInterval(this.#timer);
    this.#unwatch();
    document.removeEventListener('visibilitychange', this.seen);
    this.#lock?.release().catch(() => {});
    this.#lock = null;
  }

  // wake begins to listen. By a touch it may fill the screen too.
  async wake(by = 'call') {
    if (!this.on || this.awake || !this.#agent.ready) return;
    this.awake = true;
    this.touch();
    this.#unwatch();
    if (by === 'touch') {
      this.#agent.unlock();
      if (this.#options.screen && !document.fullscreenElement) this.#options.screen.requestFullscreen?.().catch(() => {});
    }
    this.emit('wake', { by });
    const fault = (subject) => (error) => this.emit('fault', { subject, message: error.message });
    await Promise.all([
      this.#agent.start().catch(fault('microphone')),
      this.#options.camera && this.#agent.look(this.#options.device).catch(fault('camera')),
    ]);
    if (!this.awake) this.#rest(); // it fell asleep while the devices were opened
  }

  // sleep forgets the conversation and everything of the visitor.
  sleep(by = 'call') {
    if (!this.on || !this.awake) return;
    this.awake = false;
    this.#count(0);
    this.#rest();
    this.#agent.fresh();
    this.emit('sleep', { by });
    this.#watch();
  }

  // touch says that the visitor is still there.
  touch() {
    this.#active = performance.now();
    this.#count(0);
  }

  #rest() {
    this.#agent.stop({ now: true });
    this.#agent.lookAway();
  }

  #tick() {
    if (!this.awake) return;
    if (busy.has(this.#agent.phase)) return this.touch();
    const { idle, countdown } = this.#options;
    const left = Math.ceil(idle - (performance.now() - this.#active) / 1000);
    if (left <= 0) this.sleep('idle');
    else this.#count(left <= Math.min(countdown, idle) ? left : 0);
  }

  #count(seconds) {
    if (seconds === this.#counted) return;
    this.#counted = seconds;
    this.emit('countdown', { seconds });
  }

  // watch looks for visitors while it sleeps; a camera that is not there is
  // asked for again and again.
  #watch() {
    if (!this.#options.presence) return this.#unwatch();
    if (this.#watching) return;
    this.#watching = -1;
    this.#presence.watch().catch((error) => {
      if (this.#watching !== -1) return;
      this.emit('fault', { subject: 'presence', message: error.message });
      this.#watching = setTimeout(() => {
        this.#watching = 0;
        this.#watch();
      }, retryMs);
    });
  }

  // came: somebody is there. While the server is away it watches on.
  #came() {
    this.#watching = 0;
    if (this.#agent.ready) this.wake('presence');
    else this.#watch();
  }

  #unwatch() {
    clearTimeout(this.#watching);
    this.#watching = 0;
    this.#presence.stop();
  }

  // keepLight keeps the screen on. Browsers take that back from hidden pages.
  async #keepLight() {
    try {
      this.#lock = await navigator.wakeLock?.request('screen');
    } catch {
      // Where that is not allowed, the system's own settings count.
    }
  }
}
