// The page: connects what a person does to the conversation, and the state of
// the conversation to what a person sees.

import { Attachments } from './attachments.js';
import { Camera } from './camera.js';
import { Captions } from './captions.js';
import { Conversation } from './conversation.js';
import { list } from './device.js';
import { find } from './dom.js';
import { History } from './history.js';
import { Microphone } from './microphone.js';
import * as notices from './notices.js';
import { Realtime } from './realtime.js';
import { Recording } from './recording.js';
import { Settings } from './settings.js';
import { Sound } from './sound.js';
import { Speech } from './speech.js';

const pictureQuestion = 'What do you see?'; // for a picture without words

const settings = new Settings();
const client = new Realtime();
const camera = new Camera(find('preview'), { onend: () => paintCamera('The camera was disconnected.') });
const attachments = new Attachments({
  onfault: (message) => notices.show('picture', message),
  onchange: () => (find('text').placeholder = attachments.count ? pictureQuestion : 'Write a message'),
});
const conversation = new Conversation({
  client,
  captions: new Captions(),
  history: new History(),
  recording: new Recording(),
  show: pictures,
});
const speaking = (now) => {
  microphone.held = now; // it would hear the voice
  paint();
};
const speech = new Speech({ onchange: speaking }); // where the server has no voice
const sound = new Sound({ onchange: speaking });
const microphone = new Microphone({
  onframe: (audio, level) => {
    conversation.sound(audio, level);
    find('talk').style.setProperty('--level', level.toFixed(2));
  },
  onend: () => {
    notices.show('microphone', 'The microphone was disconnected.');
    paint();
  },
});

let link = 'connecting';
let starting = false; // the microphone was asked for and is not there yet
let instructions = ''; // of the server, for who writes none
let voiced = false; // the server has a voice

// pictures collects what goes with the turn that begins now.
function pictures() {
  const shown = attachments.take();
  const uri = camera.frame();
  if (uri) shown.push({ uri, name: 'What the camera saw', frame: true });
  return shown;
}

// phase names what is going on; the style of the page follows it.
function phase() {
  if (link !== 'ready') return link === 'connecting' ? 'connecting' : 'offline';
  if (conversation.hearing) return 'hearing';
  if (conversation.answering || microphone.held) return 'answering';
  if (conversation.waiting) return 'thinking';
  return microphone.on ? 'listening' : 'idle';
}

const words = {
  connecting: 'Connecting',
  offline: 'Not connected',
  idle: 'Press to speak',
  listening: 'Listening',
  hearing: 'I hear you',
  thinking: 'Thinking',
  answering: 'Answering',
};

function paint() {
  const now = phase();
  document.body.dataset.phase = now;
  if (find('status').textContent !== words[now]) find('status').textContent = words[now];
  find('talk').setAttribute('aria-pressed', microphone.on);
  find('talk-icon').setAttribute('href', `icons.svg#${microphone.on ? 'mic-on' : 'mic'}`);
  find('talk-name').textContent = microphone.on ? 'Stop the microphone' : 'Start the microphone';
  if (!microphone.on) find('talk').style.setProperty('--level', 0);
  find('stop').hidden = !(conversation.answering || conversation.waiting || microphone.held);
  find('timing').hidden = !conversation.timing;
  find('timing').textContent = `${Math.round(conversation.timing)} ms`;
}

async function talk() {
  if (starting) return;
  notices.clear('microphone');
  if (microphone.on) {
    microphone.stop();
    conversation.silence(settings.get('silence') + 300);
  } else {
    starting = true;
    try {
      await microphone.start(settings.get('microphone'));
    } catch (error) {
      notices.show('microphone', error.message);
    }
    starting = false;
  }
  paint();
}

async function see(device = settings.get('camera')) {
  notices.clear('camera');
  try {
    await camera.start(device);
    paintCamera();
    find('flip').hidden = (await list('videoinput')).length < 2;
  } catch (error) {
    paintCamera(error.message);
  }
}

function paintCamera(fault) {
  if (fault) notices.show('camera', fault);
  find('camera').hidden = !camera.on;
  find('see').setAttribute('aria-pressed', camera.on);
}

function stop() {
  conversation.interrupt();
  hush();
  paint();
}

// hush stops the voice; the model is told how much of its answer was heard.
function hush() {
  speech.stop();
  const heard = sound.stop();
  if (heard && client.ready) client.send('conversation.item.truncate', { item_id: heard.item, content_index: 0, audio_end_ms: heard.ms });
}

// ask sends what is written, or the question for a picture without words.
function ask(text) {
  if (!text && attachments.count) text = pictureQuestion;
  if (!text) return;
  if (!client.ready) {
    notices.show('link', 'Not connected: the message was not sent.');
    return;
  }
  find('text').value = '';
  hush();
  conversation.ask(text);
}

// configure tells the server how this page wants to talk.
function configure() {
  const detection = { type: 'server_vad', silence_duration_ms: settings.get('silence'), create_response: true, interrupt_response: true };
  const session = {
    type: 'realtime',
    output_modalities: [settings.get('aloud') && voiced ? 'audio' : 'text'],
    audio: { input: { format: { type: 'audio/pcm', rate: 24000 }, turn_detection: detection } },
  };
  session.instructions = settings.get('instructions') || instructions;
  client.send('session.update', { session });
}

client.addEventListener('session.created', ({ detail }) => {
  instructions = detail.session.instructions ?? '';
  voiced = detail.session.output_modalities?.includes('audio') ?? false;
  find('aloud').closest('.switch').hidden = !voiced && !Speech.available;
  settings.suggest(instructions);
  configure();
  conversation.resume();
});

client.addEventListener('link', ({ detail: { state, message, seconds } }) => {
  const retry = { name: 'Try now', run: () => client.open(settings.key) };
  link = state;
  find('link').dataset.state = state;
  find('link-text').textContent = { connecting: 'Connecting', ready: 'Connected', waiting: 'Not connected', locked: 'Locked', ended: 'Not connected' }[state];
  if (state === 'ready') notices.clear('link');
  if (state === 'waiting') notices.show('link', `${message} Trying again in ${seconds} s.`, retry);
  if (state === 'ended') notices.show('link', message, retry);
  if (state === 'locked') notices.show('link', message, { name: 'Settings', run: () => settings.open() });
  if (state !== 'ready') hush();
  paint();
});

client.addEventListener('input_audio_buffer.speech_started', hush);
client.addEventListener('response.output_audio.delta', ({ detail }) => sound.play(detail.item_id, detail.delta));
conversation.addEventListener('change', paint);
conversation.addEventListener('fault', ({ detail }) => notices.show('fault', detail));
conversation.addEventListener('delta', ({ detail }) => settings.get('aloud') && !voiced && speech.add(detail));
conversation.addEventListener('answer', ({ detail }) => {
  find('spoken').textContent = detail; // for screen readers, once and whole
  if (settings.get('aloud') && !voiced) speech.finish();
});

settings.addEventListener('change', async ({ detail: name }) => {
  if (name === 'instructions' || name === 'silence' || name === 'aloud') configure();
  if (name === 'key') client.open(settings.key);
  if (name === 'aloud' && !settings.get('aloud')) hush();
  if (name === 'camera' && camera.on) see();
  if (name === 'microphone' && microphone.on) {
    microphone.stop();
    await talk();
  }
});

find('talk').onclick = talk;
find('stop').onclick = stop;
find('open-settings').onclick = () => settings.open();
find('see').onclick = () => (camera.on ? (camera.stop(), paintCamera()) : see());
find('flip').onclick = async () => settings.set('camera', await camera.next());
find('fresh').onclick = () => {
  stop();
  conversation.clear();
  client.open(settings.key);
};
find('composer').onsubmit = (event) => {
  event.preventDefault();
  ask(find('text').value.trim());
};
for (const idea of document.querySelectorAll('[data-ask]')) idea.onclick = () => ask(idea.dataset.ask);

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || find('settings').open) return;
  if (event.key === 'Escape') stop();
  if (event.target.closest('input, textarea, select, button, a, video')) return;
  if (event.key === ' ') {
    event.preventDefault();
    talk();
  } else if (event.key === '/') {
    event.preventDefault();
    find('text').focus();
  }
});
addEventListener('online', () => link === 'waiting' && client.open());

client.open(settings.key);
