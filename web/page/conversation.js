// One conversation: what the user says, writes and shows goes out as events
// of the protocol; what comes back becomes captions, history and timing.
//
// It dispatches "change" when hearing, waiting, answering or timing changed,
// "answer" with each finished text, and "fault" with a message to show.

// spoken is the time of a user's turn without the margins that the server's
// turn detection keeps around it.
function spokenSeconds(startMs, endMs, detection) {
  const margins = (detection?.prefix_padding_ms ?? 300) + (detection?.silence_duration_ms ?? 500);
  return Math.max(0.1, (endMs - startMs - margins) / 1000);
}

const quiet = 'A'.repeat(1280); // 20 ms of PCM16 at 24 kHz in base64

const harmless = new Set(['response_cancel_not_active', 'conversation_already_has_active_response']);

export class Conversation extends EventTarget {
  #client;
  #captions;
  #history;
  #recording;
  #show; // () => pictures to go with a turn: [{uri, name, frame}]
  #spoken = new Map(); // item id → {caption, startMs}
  #latest = null; // caption of the utterance going on
  #answer = null; // {caption, text, item, ended} of the running response
  #frame = ''; // item id of the newest camera frame
  #next = null; // what to ask once the running response has ended
  #turnEnd = 0; // when the user's turn ended, by performance.now
  #detection = null; // turn detection as the server states it

  hearing = false; // the user speaks
  waiting = false; // the turn ended and no word has come
  answering = false; // words are coming
  timing = 0; // ms from the end of the turn to the first words

  constructor({ client, captions, history, recording, show }) {
    super();
    this.#client = client;
    this.#captions = captions;
    this.#history = history;
    this.#recording = recording;
    this.#show = show;
    const handlers = {
      'session.updated': (e) => (this.#detection = e.session.audio?.input?.turn_detection),
      'input_audio_buffer.speech_started': (e) => this.#speechStarted(e),
      'input_audio_buffer.speech_stopped': (e) => this.#speechStopped(e),
      'conversation.item.input_audio_transcription.completed': (e) => this.#transcribed(e),
      'response.created': () => this.#responseCreated(),
      'response.output_text.delta': (e) => this.#delta(e),
      'response.output_audio_transcript.delta': (e) => this.#delta(e),
      'response.done': (e) => this.#responseDone(e.response),
      error: (e) => this.#fault(e.error),
    };
    for (const [type, handle] of Object.entries(handlers)) {
      client.addEventListener(type, (event) => handle(event.detail));
    }
  }

  // resume tells a new connection what was said on the old one.
  resume() {
    this.#recording.reset();
    this.#spoken.clear();
    this.#latest?.end(0.1);
    this.#latest = null;
    const unanswered = this.waiting;
    this.#finish('the connection broke');
    this.hearing = false;
    for (const item of this.#history.items) this.#client.send('conversation.item.create', { item });
    if (this.#next) {
      this.#proceed();
    } else if (unanswered) {
      this.#client.send('response.create');
      this.waiting = true;
    }
    this.#changed();
  }

  // clear forgets everything; the caller opens a new connection.
  clear() {
    this.#history.clear();
    this.#captions.clear();
    this.#answer = this.#latest = this.#next = null;
    this.#frame = '';
    this.hearing = this.waiting = this.answering = false;
    this.timing = 0;
    this.#changed();
  }

  // sound carries one frame of the microphone.
  sound(audio, level) {
    if (this.#client.sendSound(audio)) this.#recording.push(audio);
    this.#latest?.level(level);
  }

  // silence carries some of it, so that a turn which was cut off by the end of
  // the microphone is found to have ended.
  silence(ms) {
    for (let sent = 0; sent < ms; sent += 20) this.sound(quiet, 0);
  }

  // ask sends a written question, after the running answer was stopped.
  ask(text) {
    if (this.#answer || this.waiting) {
      this.interrupt();
      this.#next = () => this.#ask(text);
    } else {
      this.#ask(text);
    }
  }

  // interrupt stops the running answer.
  interrupt() {
    if (this.#answer || this.waiting) this.#client.send('response.cancel');
  }

  #ask(text) {
    const pictures = this.#show();
    const frames = pictures.filter((picture) => picture.frame);
    const others = pictures.filter((picture) => !picture.frame);
    this.#captions.written(text, pictures);
    this.#sendFrames(frames);
    this.#create([...others.map(asImage), { type: 'input_text', text }]);
    this.#client.send('response.create');
    this.#turnEnd = performance.now();
    this.waiting = true;
    this.#changed();
  }

  // create sends one message of the user and returns its id.
  #create(content) {
    const item = this.#history.add(this.#history.id(), 'user', content);
    this.#client.send('conversation.item.create', { item });
    return item.id;
  }

  // sendFrames puts the newest camera frame in the place of the one before:
  // the model sees what is now, and frames do not pile up.
  #sendFrames(frames) {
    for (const frame of frames) {
      if (this.#frame) {
        this.#client.send('conversation.item.delete', { item_id: this.#frame });
        this.#history.remove(this.#frame);
      }
      this.#frame = this.#create([asImage(frame)]);
    }
  }

  #speechStarted({ item_id: id, audio_start_ms: startMs }) {
    const pictures = this.#show();
    const caption = this.#captions.spoken(pictures);
    this.#sendFrames(pictures.filter((picture) => picture.frame));
    const others = pictures.filter((picture) => !picture.frame);
    if (others.length) this.#create(others.map(asImage));
    this.#spoken.set(id, { caption, startMs });
    this.#latest = caption;
    this.hearing = true;
    this.#changed();
  }

  #speechStopped({ item_id: id, audio_end_ms: endMs }) {
    this.#turnEnd = performance.now();
    const turn = this.#spoken.get(id);
    if (turn) {
      turn.caption.end(spokenSeconds(turn.startMs, endMs, this.#detection));
      const audio = this.#recording.cut(turn.startMs, endMs);
      if (audio) this.#history.add(id, 'user', [{ type: 'input_audio', audio }]);
    }
    this.#latest = null;
    this.hearing = false;
    this.waiting = true;
    this.#changed();
  }

  #transcribed({ item_id: id, transcript }) {
    this.#spoken.get(id)?.caption.transcript(transcript);
  }

  #responseCreated() {
    this.#answer = { caption: this.#captions.answer(), text: '', item: '' };
    this.waiting = true;
    this.#changed();
  }

  #delta({ item_id: id, delta }) {
    if (!this.#answer) return;
    if (!this.#answer.text) {
      this.timing = performance.now() - this.#turnEnd;
      this.#answer.caption.note(`answered after ${Math.round(this.timing)} ms`);
      this.waiting = false;
      this.answering = true;
      this.#changed();
    }
    this.#answer.text += delta;
    this.#answer.item = id;
    this.#answer.caption.add(delta);
    this.dispatchEvent(new CustomEvent('delta', { detail: delta }));
  }

  #responseDone({ status, status_details: details }) {
    const notes = {
      cancelled: 'stopped',
      incomplete: 'cut at the limit of length',
      failed: details?.error?.message ?? 'the answer failed',
    };
    this.#finish(notes[status] ?? '');
    this.#proceed();
    this.#changed();
  }

  // proceed asks what had to wait for the end of an answer.
  #proceed() {
    const next = this.#next;
    this.#next = null;
    next?.();
  }

  // finish closes the running answer, with a note if it is not whole.
  #finish(note) {
    const answer = this.#answer;
    this.#answer = null;
    this.answering = this.waiting = false;
    if (!answer) return;
    answer.caption.end();
    if (note) answer.caption.note(note);
    if (!answer.text) {
      if (note === 'stopped' || note === 'the connection broke') answer.caption.drop();
      return;
    }
    this.#history.add(answer.item, 'assistant', [{ type: 'output_text', text: answer.text }]);
    this.dispatchEvent(new CustomEvent('answer', { detail: answer.text }));
  }

  #fault({ code, message }) {
    if (harmless.has(code)) return;
    this.waiting = this.#answer !== null;
    this.dispatchEvent(new CustomEvent('fault', { detail: message }));
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}

const asImage = ({ uri }) => ({ type: 'input_image', image_url: uri });
