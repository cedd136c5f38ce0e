// The page at /kiosk/: the element over the whole screen, set up by the file that
// hark serve --kiosk names, and by what the address says: /kiosk/?title=…&idle=30.

import './element.js';

const file = 'settings.json';

// attributes of the element, by their names in the file and in the address.
const attributes = {
  title: 'heading',
  subtitle: 'subheading',
  logo: 'logo',
  instructions: 'instructions',
  voice: 'voice',
  speed: 'speed',
  language: 'language',
  idle: 'idle',
  countdown: 'countdown',
  camera: 'camera',
  keyboard: 'keyboard',
  transport: 'transport',
  theme: 'theme',
  fullscreen: 'fullscreen',
};

const retryMs = 2000;

// load reads the file; the server may just be starting.
async function load() {
  for (;;) {
    try {
      const answer = await fetch(file, { cache: 'no-store' });
      if (answer.ok) return await answer.json();
    } catch {
      // It is asked again.
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

// read takes what the address says for what the file says. A value is a text
// there, and one that is empty or 0 or false turns something off.
function read(settings) {
  const address = new URLSearchParams(location.search);
  for (const [name, value] of address) settings[name] = ['false', '0', ''].includes(value) ? false : value;
  if (address.has('hints')) settings.hints = address.get('hints').split('|').filter(Boolean);
  return settings;
}

function open(settings) {
  const element = document.createElement('hark-agent');
  const set = (attribute, value) => value !== undefined && value !== null && value !== false && element.setAttribute(attribute, value === true ? '' : value);
  for (const [name, attribute] of Object.entries(attributes)) set(attribute, name === 'logo' && settings.logo ? new URL(`../${settings.logo}`, location.href).href : settings[name]);
  if (settings.presence) set('presence', settings.sensitivity ?? settings.presence);
  set('key', new URLSearchParams(location.hash.slice(1)).get('key'));
  set('fullscreen', settings.fullscreen ?? true);
  set('kiosk', true);
  if (settings.language) document.documentElement.lang = settings.language;
  for (const [name, value] of Object.entries(settings.colors ?? {})) element.style.setProperty(`--hark-${name}`, value);
  element.hints = settings.hints ?? [];
  element.words = settings.words ?? {};
  element.pages = (settings.pages ?? []).map((page) => ({ ...page, image: page.image && new URL(`../${page.image}`, location.href).href }));
  document.getElementById('main').replaceChildren(element);
  return element;
}

const settings = read(await load());
const element = open(settings);

// A newer server may bring a newer page: it is loaded once nobody talks.
let lost = false;
element.addEventListener('hark-link', async ({ detail: { state } }) => {
  lost ||= state === 'waiting';
  if (state !== 'ready' || !lost) return;
  lost = false;
  const { version } = await load();
  if (version === settings.version) return;
  if (element.state === 'asleep') location.reload();
  else element.addEventListener('hark-sleep', () => location.reload());
});
