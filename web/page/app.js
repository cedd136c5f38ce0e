// The page: connects what a person does to the agent, and what the agent does
// to what a person sees.

import { Attachments } from './attachments.js';
import { Captions } from './captions.js';
import { Agent } from './client/agent.js';
import { find } from './dom.js';
import * as notices from './notices.js';
import { Settings } from './settings.js';
import { Talk } from './talk.js';
import { Viewfinder } from './viewfinder.js';

const pictureQuestion = 'What do you see?'; // for a picture without words
const configured = ['instructions', 'mode', 'turns', 'silence', 'interrupt', 'aloud']; // settings that are the agent's

const settings = new Settings();
const config = () => Object.fromEntries(configured.map((name) => [name, settings.get(name)]));
// agent is what this page is a face of; scripts and tests may listen to it.
export const agent = new Agent({ address: new URL('.', document.baseURI), key: settings.key, prefer: settings.get('transport'), config: config() });
const captions = new Captions();
const talk = new Talk(agent, settings);
const viewfinder = new Viewfinder(agent, settings);
const attachments = new Attachments({
  onfault: (message) => notices.show('picture', message),
  onchange: () => {
    find('text').placeholder = attachments.count ? pictureQuestion : 'Write a message';
    agent.attach(attachments.list);
  },
});

const links = { connecting: 'Connecting', ready: 'Connected', waiting: 'Not connected', locked: 'Locked', ended: 'Not connected', closed: 'Not connected' };
const kinds = { webrtc: 'WebRTC', websocket: 'WebSocket' };

function paint() {
  talk.paint();
  viewfinder.paint();
  const aloud = settings.get('aloud');
  find('loud').setAttribute('aria-pressed', aloud);
  find('loud-icon').setAttribute('href', `icons.svg#${aloud ? 'loud' : 'quiet'}`);
}

function reconnect() {
  agent.connect({ key: settings.key, prefer: settings.get('transport') });
}

// ask sends what is written, or the question for a picture without words.
function ask(text) {
  if (!text && attachments.count) text = pictureQuestion;
  if (!text) return;
  if (!agent.ready) {
    notices.show('link', 'Not connected: the message was not sent.', { name: 'Try now', run: reconnect });
    return;
  }
  find('text').value = '';
  agent.ask(text, attachments.take());
}

agent.listen('link', ({ state, message, seconds, transport }) => {
  const retry = { name: 'Try now', run: reconnect };
  find('link').dataset.state = state;
  find('link').title = state === 'ready' ? `Connected over ${kinds[transport]}` : message;
  find('link-text').textContent = state === 'ready' ? kinds[transport] : links[state];
  if (state === 'ready') notices.clear('link');
  if (state === 'waiting') notices.show('link', `${message} Trying again in ${seconds} s.`, retry);
  if (state === 'ended') notices.show('link', message, retry);
  if (state === 'locked') notices.show('link', message, { name: 'Settings', run: () => settings.open() });
  paint();
});
agent.listen('session', () => settings.server(agent));
agent.listen('phase', paint);
agent.listen('device', paint);
agent.listen('clear', () => captions.clear());
agent.listen('turn', (change) => {
  captions.show(change);
  if (change.change === 'added' && change.turn.pictures.some((picture) => picture.frame)) viewfinder.shown();
});
agent.listen('timing', () => captions.time(agent.turns));
agent.listen('attached', () => attachments.take());
agent.listen('answer', (text) => {
  if (!settings.get('aloud')) find('spoken').textContent = text; // for screen readers, once and whole
});
agent.listen('fault', ({ subject, message }) => {
  notices.show(subject, message, subject === 'voice' ? { name: 'Play', run: () => (agent.unlock(), notices.clear('voice')) } : undefined);
});

settings.addEventListener('change', async ({ detail: name }) => {
  if (configured.includes(name)) agent.configure(config());
  if (name === 'key' || name === 'transport') reconnect();
  if (name === 'mode' && agent.listening) agent.stop();
  if (name === 'camera' && agent.camera.on) await viewfinder.start();
  if (name === 'microphone' && agent.listening) await talk.start();
  if (name === 'speaker') agent.sink(settings.get('speaker')).catch((error) => notices.show('voice', `The loudspeaker cannot be used: ${error.message}`));
  paint();
});

find('stop').onclick = () => agent.interrupt();
find('loud').onclick = () => settings.set('aloud', !settings.get('aloud'));
find('open-settings').onclick = () => settings.open();
find('fresh').onclick = () => agent.fresh();
find('composer').onsubmit = (event) => {
  event.preventDefault();
  ask(find('text').value.trim());
};
for (const idea of document.querySelectorAll('[data-ask]')) idea.onclick = () => ask(idea.dataset.ask);

// keys of the page as a whole. Fields keep their own, and buttons the space bar.
const keys = {
  m: () => talk.mute(),
  c: () => viewfinder.toggle(),
  s: () => settings.set('aloud', !settings.get('aloud')),
  '/': () => find('text').focus(),
};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || settings.isOpen) return;
  const down = event.type === 'keydown';
  if (event.key === 'Escape') {
    if (down) agent.interrupt();
    return;
  }
  if (event.target.closest('input, textarea, select')) return;
  if (event.key === ' ') {
    const control = event.target.closest('button, a, video');
    if ((!control || control === find('talk')) && talk.key(event)) event.preventDefault();
  } else if (down && keys[event.key] && !event.repeat) {
    event.preventDefault();
    keys[event.key]();
  }
}
addEventListener('keydown', key);
addEventListener('keyup', key);

// Browsers play sound after the first gesture on the page.
for (const gesture of ['pointerdown', 'keydown']) addEventListener(gesture, () => agent.unlock(), { capture: true });

// Who leaves the page leaves nothing behind, and may come back by the browser's
// button.
addEventListener('pagehide', () => agent.close());
addEventListener('pageshow', (event) => event.persisted && reconnect());

if (settings.get('speaker')) agent.sink(settings.get('speaker')).catch(() => {});
reconnect();
