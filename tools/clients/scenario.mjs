// What every client does in its conversation; scenario.py has the same for Python.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const samples = process.env.HARK_SAMPLES;
const cases = Object.fromEntries(JSON.parse(readFileSync(join(samples, 'cases.json'))).map((c) => [c.name, c]));
const spoken = cases['kiosk-3'];
const shown = cases['picture-0'];

export const base = process.argv[2].replace(/\/$/, '');
export const websocket = base.replace(/^http/, 'ws') + '/realtime';
export const instructions = spoken.system;
export const text = 'What are your opening hours on Saturday?';
export const followUp = 'And on Sunday?';
export const look = 'What do you see?';
export const saturday = ['2:30 pm'];
export const sunday = ['8 am', '6 pm'];
export const waitingRoom = ['third floor'];
export const seen = ['heart', 'rectangle'];
export const picture = 'data:image/png;base64,' + readFileSync(join(samples, shown.image)).toString('base64');
export const tool = {
  type: 'function',
  name: 'set_light',
  description: 'Switches the light of a room.',
  parameters: {
    type: 'object',
    properties: { room: { type: 'string', enum: ['hall', 'kitchen'] }, on: { type: 'boolean' } },
    required: ['room', 'on'],
    additionalProperties: false,
  },
};

// speech is the spoken question as 16-bit PCM at 24 kHz, more silence behind it than any turn is waited for.
export function speech() {
  const wav = readFileSync(join(samples, spoken.audio));
  const rate = wav.readUInt32LE(24);
  const from = wav.indexOf('data') + 8;
  const n = (wav.length - from) >> 1;
  const out = Buffer.alloc(2 * (Math.floor((n * 24000) / rate) + 108000));
  for (let i = 0; i < Math.floor((n * 24000) / rate); i++) {
    const at = (i * rate) / 24000;
    const a = wav.readInt16LE(from + 2 * Math.floor(at));
    const b = wav.readInt16LE(from + 2 * Math.min(Math.ceil(at), n - 1));
    out.writeInt16LE(Math.round(a + (b - a) * (at % 1)), 2 * i);
  }
  return out;
}

export function* pieces(pcm, size = 4800) {
  for (let at = 0; at < pcm.length; at += size) yield pcm.subarray(at, at + size);
}

export function fail(what, shown) {
  console.log(`FAILED ${what}: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`);
  process.exit(1);
}

export function check(what, good, shown) {
  if (!good) fail(what, shown);
  console.log(`ok ${what}`);
}

// expect ends the program unless answer holds all words.
export function expect(what, answer, words) {
  const missing = words.filter((w) => !answer.toLowerCase().includes(w));
  check(`${what}: ${answer}`, answer.trim() && !missing.length, missing);
}

// expectCall ends the program unless a call is valid to the tool's schema.
export function expectCall(what, name, args) {
  const v = typeof args === 'string' ? JSON.parse(args) : args;
  const good = name === tool.name && Object.keys(v).length === 2 && ['hall', 'kitchen'].includes(v.room) && typeof v.on === 'boolean';
  check(`${what} ${name} ${JSON.stringify(v)}`, good, args);
}

export const done = () => process.exit(0);

// queue is a list of events that can be waited for, in order.
export function queue() {
  const waiting = [];
  let wake = () => {};
  return {
    put(e) {
      waiting.push(e);
      wake();
    },
    async until(wanted, ms = 20000) {
      const end = Date.now() + ms;
      for (;;) {
        while (waiting.length) {
          const e = waiting.shift();
          if (wanted(e)) return e;
        }
        if (Date.now() > end) fail('event in time', String(wanted));
        await new Promise((resolve) => {
          wake = resolve;
          setTimeout(resolve, 500);
        });
      }
    },
  };
}
