// The orb: what the agent looks like. It breathes while nobody speaks, and moves
// with the voice of whoever does. It is drawn on a small canvas, seldom enough
// for a machine that runs a model beside it.

const frames = { asleep: 15, idle: 15, other: 30 }; // a second
const calm = matchMedia('(prefers-reduced-motion: reduce)');

// colors of the orb, light to dark: style.js puts them into properties whose
// values a browser works out.
const colors = { a: 'color', b: 'outlineColor', c: 'caretColor', d: 'columnRuleColor' };

export class Orb {
  #canvas;
  #pen;
  #levels; // () => {microphone, voice}
  #level = 0; // smoothed
  #swirl = 0; // how far the insides have turned
  #drawn = 0; // when, ms
  #running = 0;
  #paint = null; // colors as the style has them
  #resized;

  // state is that of the element; what is drawn follows it.
  state = 'idle';

  constructor(canvas, levels) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext('2d');
    this.#levels = levels;
    this.#resized = new ResizeObserver(() => this.#fit());
  }

  start() {
    if (this.#running) return;
    this.#resized.observe(this.#canvas);
    const next = (now) => {
      this.#running = requestAnimationFrame(next);
      const wanted = calm.matches ? 4 : (frames[this.state] ?? frames.other);
      if (now - this.#drawn < 1000 / wanted - 4) return;
      this.#draw(now, Math.min(100, now - this.#drawn));
      this.#drawn = now;
    };
    this.#running = requestAnimationFrame(next);
  }

  stop() {
    cancelAnimationFrame(this.#running);
    this.#running = 0;
    this.#resized.disconnect();
  }

  // restyle reads the colors again.
  restyle() {
    this.#paint = null;
  }

  #fit() {
    const size = Math.round(this.#canvas.clientWidth * Math.min(devicePixelRatio, this.#canvas.clientWidth > 300 ? 1.25 : 2));
    if (size && size !== this.#canvas.width) this.#canvas.width = this.#canvas.height = size;
  }

  #colors() {
    if (!this.#paint) {
      const style = getComputedStyle(this.#canvas);
      this.#paint = {};
      for (const [name, property] of Object.entries(colors)) {
        this.#pen.fillStyle = style[property]; // which makes it #rrggbb
        this.#paint[name] = this.#pen.fillStyle;
        this.#paint[name + name] = `${String(this.#pen.fillStyle).slice(0, 7)}00`; // the same, clear
      }
    }
    return this.#paint;
  }

  #draw(now, passed) {
    const { width } = this.#canvas;
    if (!width) return;
    const { microphone, voice } = this.#levels();
    const heard = this.state === 'hearing' || this.state === 'listening' ? microphone : this.state === 'answering' ? voice : 0;
    const still = calm.matches;
    const breath = 0.5 + 0.5 * Math.sin(now / (this.state === 'asleep' ? 1500 : 1100));
    const wanted = still ? 0 : Math.max(heard, 0.12 * breath);
    this.#level += (wanted - this.#level) * (wanted > this.#level ? 0.45 : 0.16);
    const haste = { thinking: 3.2, answering: 1.6, hearing: 1.8 }[this.state] ?? 0.7;
    if (!still) this.#swirl += (passed / 1000) * (haste + 2.2 * this.#level);
    this.#sphere(width, this.#level, this.#swirl, this.#colors());
  }

  // sphere draws it: a glow, a body, lights that wander through it, the shade of
  // its edge and a thin shine along the top.
  #sphere(size, level, t, { a, b, c, d, aa, bb, cc, dd }) {
    const pen = this.#pen;
    const m = size / 2;
    const r = size * (0.3 + 0.03 * level);
    pen.clearRect(0, 0, size, size);

    const glow = pen.createRadialGradient(m, m, r * 0.8, m, m, m);
    glow.addColorStop(0, b);
    glow.addColorStop(0.45, `${b.slice(0, 7)}40`);
    glow.addColorStop(1, bb);
    pen.globalAlpha = 0.28 + 0.5 * level;
    pen.fillStyle = glow;
    pen.fillRect(0, 0, size, size);
    pen.globalAlpha = 1;

    pen.save();
    this.#outline(m, r, level, t);
    const body = pen.createLinearGradient(m - r * 0.7, m - r, m + r * 0.7, m + r);
    body.addColorStop(0, b);
    body.addColorStop(1, d);
    pen.fillStyle = body;
    pen.fill();
    pen.clip();
    pen.globalCompositeOperation = 'screen';
    for (const [color, clear, speed, phase, reach, wide] of [[c, cc, 0.9, 0, 0.6, 1], [a, aa, -0.7, 2.1, 0.55, 0.8], [b, bb, 0.55, 4.2, 0.5, 0.9]]) {
      const x = m + Math.cos(t * speed + phase) * r * reach;
      const y = m + Math.sin(t * speed * 1.3 + phase) * r * reach;
      const light = pen.createRadialGradient(x, y, 0, x, y, r * (wide + 0.3 * level));
      light.addColorStop(0, color);
      light.addColorStop(1, clear);
      pen.globalAlpha = 0.8;
      pen.fillStyle = light;
      pen.fillRect(m - r * 1.3, m - r * 1.3, r * 2.6, r * 2.6);
    }
    pen.globalCompositeOperation = 'source-over';
    const shade = pen.createRadialGradient(m - r * 0.25, m - r * 0.3, r * 0.55, m, m, r * 1.12);
    shade.addColorStop(0, dd);
    shade.addColorStop(1, d);
    pen.globalAlpha = 0.55;
    pen.fillStyle = shade;
    pen.fillRect(0, 0, size, size);
    pen.globalAlpha = 1;
    const shine = pen.createLinearGradient(0, m - r, 0, m);
    shine.addColorStop(0, 'rgb(255 255 255 / 60%)');
    shine.addColorStop(1, 'rgb(255 255 255 / 0%)');
    pen.strokeStyle = shine;
    pen.lineWidth = Math.max(2, size / 90); // of which the clip leaves the inner half
    this.#outline(m, r, level, t);
    pen.stroke();
    pen.restore();
    if (this.state === 'thinking') this.#ring(m, r * 1.2, t, b, size);
  }

  // outline is a circle that three waves run round.
  #outline(m, r, level, t) {
    const pen = this.#pen;
    pen.beginPath();
    for (let i = 0; i <= 72; i++) {
      const angle = (i / 72) * 2 * Math.PI;
      const wave = Math.sin(3 * angle + 1.7 * t) + 0.7 * Math.sin(5 * angle - 2.3 * t) + 0.5 * Math.sin(2 * angle + 1.1 * t);
      const distance = r * (1 + 0.055 * level * wave);
      pen.lineTo(m + distance * Math.cos(angle), m + distance * Math.sin(angle));
    }
    pen.closePath();
  }

  #ring(m, r, t, color, size) {
    const pen = this.#pen;
    pen.strokeStyle = color;
    pen.lineWidth = Math.max(2, size / 90);
    pen.lineCap = 'round';
    for (let i = 0; i < 3; i++) {
      const from = t * 0.9 + (i * 2 * Math.PI) / 3;
      pen.globalAlpha = 0.55;
      pen.beginPath();
      pen.arc(m, m, r, from, from + 0.9);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
}
