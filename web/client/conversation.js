// One conversation: what the user says, writes and shows goes out as events of
// the protocol; what comes back becomes turns, timing and state.
//
// It emits "change" when hearing, waiting or answering changed, "timing" with
// the timing of a turn as it becomes known, "delta" with each piece of an
// answer and "answer" with each whole one, "call" {name, arguments, id} when
// the model calls a function, and "fault" with a message to show.
//
// A timing is {pause, token, sound}, in ms: from the end of speech to the
// moment at which the turn was taken for ended, from there to the first word of
// the answer, and to its first sound. What did not happen is null.

import { Calls } from './calls.js';
import { Emitter } from './emitter.js';
import { Reader } from './reader.js';
import { Turns } from './turns.js';

const keptTurns = 40; // that a new server is told
const newerFrameMs = 10000; // an utterance of that length takes newer frames

const harmless = new Set(['response_cancel_not_active', 'conversation_already_has_active_response']);

const notes = { cancelled: 'stopped', incomplete: 'cut at the limit of length' };

export class Conversation extends Emitter {
  #link;
  #microphone;
  #camera;
  #reader;
  #calls;
  #spoken = new Map(); // item id → turn of the user
  #live = null; // turn that the user is speaking
  #startMs = 0; // where it begins in the sound
  #pressed = false; // it is spoken with the button held
  #asked = null; // turn that was written, and not answered yet
  #attached = []; // pictures for the turn that begins next
  #answer = null; // turn that the model is speaking
  #voiced = null; // turn whose sound is played, or waits to be
  #offset = 0; // characters of it in items before the one that is said
  #item = ''; // of the answer, which is said
  #next = null; // what to ask once the running response has ended
  #cut = false; // the running response was stopped here
  #ended = 0; // when the user's turn ended, by performance.now
  #detection = null; // turn detection as the server states it

  turns = new Turns();
  hearing = false; // the user speaks
  waiting = false; // the turn ended and no word has come
  answering = false; // words are coming
  timing = null; // of the newest turn

  // interruptible: the voice falls silent when the user speaks.
  interruptible = true;

  constructor({ link, microphone, camera }) {
    super();
    this.#link = link;
    this.#microphone = microphone;
    this.#camera = camera;
    this.#reader = new Reader({
      position: () => this.#link.voice?.position(this.#item) ?? 0,
      reached: (to) => this.#voiced && this.turns.change(this.#voiced, { said: Math.max(this.#voiced.said, to) }),
    });
    this.#calls = new Calls(link, () => this.#goOn());
    const handlers = {
      'session.updated': (e) => (this.#detection = e.session.audio?.input?.turn_detection),
      'input_audio_buffer.speech_started': (e) => this.#speechStarted(e),
      'input_audio_buffer.speech_stopped': (e) => this.#speechStopped(e),
      'input_audio_buffer.committed': (e) => this.#committed(e),
      'conversation.item.added': (e) => this.#added(e.item),
      'conversation.item.input_audio_transcription.delta': (e) => this.#transcribed(e.item_id, e.delta, true),
      'conversation.item.input_audio_transcription.completed': (e) => this.#transcribed(e.item_id, e.transcript, false),
      'response.created': () => this.#responseCreated(),
      'response.output_text.delta': (e) => this.#delta(e),
      'response.output_audio_transcript.delta': (e) => this.#delta(e),
      'response.output_item.done': (e) => this.#itemDone(e.item),
      'response.done': (e) => this.#responseDone(e.response),
      error: (e) => this.#fault(e.error),
    };
    for (const [type, handle] of Object.entries(handlers)) link.listen(type, handle);
    link.listen('voice', (voice) => this.#listenTo(voice));
  }

  // speaking says whether the voice can be heard.
  get speaking() {
    return this.#link.voice?.speaking ?? false;
  }

  // resume goes on with a new connection. Unless the server kept the
  // conversation, it is told what was said.
  resume(kept) {
    if (this.#live) this.#endLive({ note: 'the connection broke' });
    this.#spoken.clear();
    const unanswered = this.waiting;
    this.#finish('the connection broke');
    this.hearing = false;
    if (!kept) {
      this.#calls.clear();
      for (const item of this.#told()) this.#link.send('conversation.item.create', { item });
    }
    this.#calls.resume();
    if (this.#next) {
      this.#proceed();
    } else if (unanswered) {
      this.#link.send('response.create');
      this.waiting = true;
    }
    this.emit('change');
  }

  // clear forgets everything; the caller opens a new connection.
  clear() {
    this.#reader.stop();
    this.#spoken.clear();
    this.#calls.clear();
    this.#answer = this.#live = this.#next = this.#voiced = null;
    this.hearing = this.waiting = this.answering = false;
    this.timing = null;
    this.turns.clear();
    this.emit('change');
  }

  // attach keeps pictures, [{uri, name}], for what the user says next.
  attach(pictures) {
    this.#attached = pictures;
  }

  // ask sends a written question with pictures, after the running answer was
  // stopped.
  ask(text, pictures = []) {
    this.hush();
    if (this.#answer || this.waiting) {
      this.interrupt();
      this.#next = () => this.#ask(text, pictures);
    } else {
      this.#ask(text, pictures);
    }
  }

  // interrupt stops the running answer, and the voice.
  interrupt() {
    if (this.#answer || this.waiting) {
      this.#cut = true;
      this.#link.send('response.cancel');
    }
    this.hush();
  }

  // press begins a turn that ends with release, not with a silence.
  press() {
    if (this.#live) return;
    this.interrupt();
    this.#link.send('input_audio_buffer.clear');
    this.#pressed = true;
    this.#begin();
  }

  // release ends it, and asks for the answer.
  release() {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.#markEnd(0);
    this.hearing = false;
    this.waiting = true;
    this.#link.send('input_audio_buffer.commit', { event_id: 'release' });
    this.emit('change');
  }

  // hush stops the voice; what was not heard is taken out of the turn, as the
  // server takes it out of what the model remembers.
  hush() {
    this.#reader.stop();
    const turn = this.#voiced;
    const cut = this.speaking || (turn && turn === this.#answer);
    this.#voiced = null;
    this.#link.hush();
    if (!turn || !cut || turn.said >= turn.text.length) return;
    if (turn.said || turn.live) this.turns.change(turn, { text: turn.text.slice(0, turn.said).trimEnd(), note: 'stopped' });
    else this.turns.remove(turn);
  }

  // reply gives the model the result of a call. It goes on once it has those of
  // all calls and is free; see Calls.
  reply(id, output) {
    this.#calls.reply(id, output);
  }

  // goOn asks the model to go on, unless it has other things to do.
  #goOn() {
    if (this.#answer || this.waiting || this.hearing) return false;
    this.#link.send('response.create');
    this.waiting = true;
    this.emit('change');
    return true;
  }

  #ask(text, pictures) {
    this.#cut = false;
    const turn = this.turns.add('user', { text, said: text.length, live: false, pictures: [...pictures, ...this.#seen()] });
    this.#link.look();
    const content = [...pictures.map(asImage), { type: 'input_text', text }];
    this.#link.send('conversation.item.create', { item: { type: 'message', role: 'user', content } });
    this.#link.send('response.create');
    this.#asked = turn;
    this.#clock(turn, null);
    this.waiting = true;
    this.emit('change');
  }

  // seen is what the camera sees now, which the server shows with the turn.
  #seen() {
    const uri = this.#camera.frame();
    return uri ? [{ uri, name: 'What the camera saw', frame: true }] : [];
  }

  // begin adds the turn that the user is speaking.
  #begin() {
    const attached = this.#attached;
    if (attached.length) {
      this.#link.send('conversation.item.create', { item: { type: 'message', role: 'user', content: attached.map(asImage) } });
      this.#attached = [];
      this.emit('attached');
    }
    this.#live = this.turns.add('user', { spoken: true, pictures: [...attached, ...this.#seen()] });
    this.hearing = true;
    this.emit('change');
  }

  // level draws the voice of the user; called for each frame.
  level(value) {
    if (!this.hearing || !this.#live) return;
    this.#live.levels.push(value);
    if (this.#live.levels.length % 3 === 1) this.turns.change(this.#live, {});
  }

  #speechStarted({ item_id: id, audio_start_ms: startMs }) {
    if (this.interruptible) this.hush();
    if (this.#live) this.#endLive();
    this.#begin();
    this.#spoken.set(id, this.#live);
    this.#startMs = startMs;
  }

  #speechStopped({ audio_end_ms: endMs }) {
    if (!this.#live) return;
    const fixed = this.#detection?.type === 'server_vad' ? (this.#detection.silence_duration_ms ?? 500) : null;
    const pause = fixed ?? Math.min(10000, Math.max(0, performance.now() - this.#microphone.loudAt));
    this.#markEnd(pause);
    const padding = this.#detection?.prefix_padding_ms ?? 300;
    this.#endLive({ seconds: Math.max(0.1, (endMs - this.#startMs - padding - pause) / 1000) });
    this.waiting = true;
    this.emit('change');
  }

  // markEnd notes the end of the user's turn, and what was seen of it last.
  #markEnd(pause) {
    const turn = this.#live;
    this.#clock(turn, Math.round(pause));
    if (turn.levels.length * 20 > newerFrameMs || !turn.pictures.some((picture) => picture.frame)) return;
    this.turns.change(turn, { pictures: [...turn.pictures.filter((picture) => !picture.frame), ...this.#seen()] });
  }

  #clock(turn, pause) {
    this.#ended = performance.now();
    this.timing = { pause, token: null, sound: null };
    turn.timing = this.timing;
    this.emit('timing', this.timing);
  }

  #endLive(fields = {}) {
    const turn = this.#live;
    this.#live = null;
    this.#pressed = false;
    this.hearing = false;
    this.turns.change(turn, { live: false, seconds: turn.levels.length / 50, ...fields });
  }

  // committed comes behind the end of each turn; where the button was held it
  // asks for the answer.
  #committed({ item_id: id }) {
    if (!this.#live || this.hearing) return;
    this.#spoken.set(id, this.#live);
    this.#endLive();
    this.#link.send('response.create');
    this.emit('change');
  }

  // added says whether the model was shown what the camera saw: with what was
  // said, or in a message of its own in front of the answer to what was written.
  #added(item) {
    this.#calls.added(item);
    const { id, role, content } = item;
    if (role !== 'user') return;
    const picture = content?.some((part) => part.type === 'input_image');
    const turn = this.#spoken.get(id);
    if (turn && !picture) this.#unseen(turn);
    if (picture && !turn && content.length === 1) this.#asked = null;
  }

  // unseen takes out of a turn what the model was not shown.
  #unseen(turn) {
    if (turn.pictures.some((picture) => picture.frame)) this.turns.change(turn, { pictures: turn.pictures.filter((picture) => !picture.frame) });
  }

  #transcribed(id, words, more) {
    const turn = this.#spoken.get(id);
    if (!turn) return;
    const text = more ? turn.text + words : words.trim();
    this.turns.change(turn, { text, said: text.length });
  }

  #responseCreated() {
    this.#cut = false;
    this.#calls.read();
    if (this.#asked) this.#unseen(this.#asked);
    this.#asked = null;
    this.#answer = this.turns.add('assistant');
    this.waiting = true;
    this.emit('change');
  }

  #delta({ type, item_id: id, delta, start_time: start }) {
    const turn = this.#answer;
    if (!turn || this.#cut) return;
    if (!turn.text) this.#firstWords(turn);
    const text = turn.text + delta;
    if (type === 'response.output_audio_transcript.delta') {
      if (id !== this.#item) [this.#item, this.#offset] = [id, turn.text.length];
      this.#voiced = turn;
      turn.spoken = true;
      this.turns.change(turn, { text });
      this.#reader.mark(this.#offset ? 0 : (start ?? 0), text.length);
    } else {
      this.turns.change(turn, { text, said: text.length });
    }
    this.emit('delta', delta);
  }

  #firstWords(turn) {
    if (this.timing && this.timing.token === null) {
      this.timing.token = Math.round(performance.now() - this.#ended);
      turn.timing = this.timing;
      this.emit('timing', this.timing);
    }
    this.waiting = false;
    this.answering = true;
    this.emit('change');
  }

  // listenTo takes notice of what a voice does.
  #listenTo(voice) {
    voice.listen('sound', () => {
      if (!this.timing || this.timing.sound !== null) return;
      this.timing.sound = Math.round(performance.now() - this.#ended);
      this.emit('timing', this.timing);
    });
    voice.listen('speaking', (speaking) => {
      if (!speaking && !this.#answer) this.#heard();
      this.emit('change');
    });
  }

  // heard ends the following of the voice: all was said.
  #heard() {
    this.#reader.stop();
    const turn = this.#voiced;
    this.#voiced = null;
    if (turn) this.turns.change(turn, { said: turn.text.length });
  }

  #itemDone(item) {
    if (item.type !== 'function_call' || item.status !== 'completed') return;
    this.#calls.add(item.call_id);
    this.emit('call', { name: item.name, arguments: item.arguments, id: item.call_id });
  }

  #responseDone({ status, status_details: details }) {
    this.#finish(notes[status] ?? (status === 'failed' ? (details?.error?.message ?? 'the answer failed') : ''));
    this.#proceed();
    this.#calls.goOn();
    this.emit('change');
  }

  // proceed asks what had to wait for the end of an answer.
  #proceed() {
    const next = this.#next;
    this.#next = null;
    next?.();
  }

  // finish closes the running answer, with a note if it is not whole.
  #finish(note) {
    const turn = this.#answer;
    this.#answer = null;
    this.answering = this.waiting = false;
    if (!turn) return;
    if (!turn.text) {
      this.turns.remove(turn);
      if (note && !['stopped', 'the connection broke'].includes(note)) this.emit('fault', note);
      return;
    }
    this.turns.change(turn, { live: false, note: note || turn.note });
    if (!this.speaking) this.#heard();
    this.emit('answer', turn.text);
  }

  #fault({ code, message, event_id: id }) {
    if (harmless.has(code)) return;
    if (id === 'release' && this.#live) {
      this.turns.remove(this.#live);
      this.#live = null;
      message = 'Nothing was heard. Hold the button while you speak.';
    }
    this.waiting = this.#answer !== null;
    this.#calls.refused(id);
    this.emit('fault', message);
    this.emit('change');
  }

  // told is what was said, as items for a server that does not know it.
  #told() {
    return this.turns.list
      .filter((turn) => !turn.live && (turn.text || turn.pictures.length))
      .slice(-keptTurns)
      .map((turn) => {
        if (turn.side === 'assistant') return message('assistant', [{ type: 'output_text', text: turn.text }]);
        return message('user', [...turn.pictures.map(asImage), ...(turn.text ? [{ type: 'input_text', text: turn.text }] : [])]);
      });
  }
}

const asImage = ({ uri }) => ({ type: 'input_image', image_url: uri });
const message = (role, content) => ({ type: 'message', role, content });
