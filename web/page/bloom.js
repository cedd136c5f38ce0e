// The living edge of the talk button: soft waves that grow with the voice of
// whoever speaks. Where people want less motion, a ring that grows and shrinks.

const layers = [
  { waves: 2, speed: 0.8, reach: 1.0, alpha: 0.75 },
  { waves: 3, speed: -0.6, reach: 0.8, alpha: 0.7 },
  { waves: 3, speed: 0.45, reach: 0.6, alpha: 0.8 },
];
const points = 72; // of an outline
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Bloom {
  #canvas;
  #pen;
  #level; // () → 0…1
  #shown = 0; // the level, smoothed
  #energy = 0; // 0: rest, 1: somebody is there
  #wanted = 0;
  #running = 0;
  #before = 0;
  #phase = 0; // of the waves, in radians

  constructor(canvas, level) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d');
    this.#level = level;
    new ResizeObserver(() => this.#wake()).observe(canvas);
    document.addEventListener('visibilitychange', () => this.#wake());
  }

  // set says how lively it is to be: 0 rests.
  set(energy) {
    this.#wanted = energy;
    this.#wake();
  }

  #wake() {
    if (this.#running || document.hidden) return;
    this.#before = performance.now();
    this.#running = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now) {
    const seconds = Math.min(0.05, (now - this.#before) / 1000);
    this.#before = now;
    const level = this.#wanted ? this.#level() : 0;
    const pull = level > this.#shown ? 22 : 7; // rises at once, falls slowly
    this.#shown += (level - this.#shown) * Math.min(1, seconds * pull);
    this.#energy += (this.#wanted - this.#energy) * Math.min(1, seconds * 5);
    if (!calm.matches) this.#phase += seconds * (0.9 + 3.4 * this.#shown);
    this.#draw();
    const rests = !this.#wanted && this.#energy < 0.004;
    this.#running = rests || document.hidden ? 0 : requestAnimationFrame((next) => this.#tick(next));
  }

  #draw() {
    const canvas = this.#canvas;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const size = Math.round(canvas.clientWidth * ratio);
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const pen = this.#pen;
    pen.clearRect(0, 0, size, size);
    if (this.#energy < 0.004) return;
    const style = getComputedStyle(canvas);
    const colours = ['--bloom-1', '--bloom-2', '--bloom-3'].map((name) => style.getPropertyValue(name));
    const radius = size / 4.4; // of the button itself
    for (const [i, layer] of layers.entries()) {
      const grown = radius * (1 + this.#energy * (0.12 + 0.1 * layer.reach) + 0.42 * layer.reach * this.#shown);
      const sway = radius * (0.05 + 0.22 * this.#shown) * this.#energy * layer.reach;
      this.#outline(size / 2, grown, calm.matches ? 0 : sway, layer);
      pen.globalAlpha = layer.alpha * this.#energy;
      const fade = pen.createRadialGradient(size / 2, size / 2, 0.8 * grown, size / 2, size / 2, 1.12 * grown + sway);
      fade.addColorStop(0, colours[i]);
      fade.addColorStop(1, colours[i].replace(/^rgb\((.*)\)$/, 'rgba($1, 0)'));
      pen.fillStyle = fade;
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  #outline(centre, radius, sway, { waves, speed }) {
    const pen = this.#pen;
    const turn = this.#phase * speed;
    pen.beginPath();
    for (let i = 0; i < points; i++) {
      const angle = (i / points) * 2 * Math.PI;
      const swell = Math.sin(waves * angle + 2 * turn) * 0.5 + Math.sin((waves - 1) * angle - 3 * turn + 1) * 0.5;
      const r = radius + sway * swell;
      pen.lineTo(centre + r * Math.cos(angle + turn), centre + r * Math.sin(angle + turn));
    }
    pen.closePath();
  }
}
