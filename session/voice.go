package session

import (
	"context"
	"slices"
	"time"

	"hark/audio/pcm"
	"hark/audio/speech"
	"hark/media"
	"hark/session/realtime"
)

// voice says the answer of one response aloud while the model still writes it.
// The session hands its goroutine a piece at a time, and gets the piece's sound
// back in chunks, each with the words that begin in it. What must wait until
// all before it was said, the end of a message or a call, stands in the same
// queue as the pieces.
//
// Its fields belong to the session's goroutine; those of the first group do not
// change, and runVoice reads them too.
type voice struct {
	r       *response
	speaker speech.Speaker
	options speech.Options
	format  realtime.Format
	track   bool       // the connection plays: sound stays as it is
	orders  chan order // one order: the session waits for its end before the next

	splitter speech.Splitter
	queue    []cue
	cancel   context.CancelFunc
	saying   bool // an order is being carried out
	running  bool // runVoice was started
	broken   bool // the speaker failed: words come without sound
	messages []*message
}

// cue is the next thing to do: a piece to say, or what follows pieces.
type cue struct {
	order order
	then  func() // instead of an order
}

// order asks for a piece of the message being said.
type order struct {
	text     string
	silent   bool   // there is nothing to hear in it, only to read
	language string // of the answer so far, "" if it is not known
	end      bool   // the message ends: what sound is held back comes out
}

// chunk is a piece of sound, or something else that a voice has to tell.
type chunk struct {
	words   string        // what begins to be said in it
	start   time.Duration // where that is in the message's sound
	ends    []wordEnd     // of the words in it
	length  time.Duration // of the sound
	data    []byte        // the sound in the response's format,
	samples []float32     // or as it is, where the connection plays

	done   bool  // the order has been carried out
	err    error // the speaker failed; words still come
	played bool  // all sound has been played
	last   bool  // runVoice ends
}

// wordEnd is where a word ends: in the message's sound, and in its text.
type wordEnd struct {
	at time.Duration
	to int
}

// newVoice returns the voice of a response that is given in sound.
func (s *session) newVoice(r *response) *voice {
	v := &voice{
		r:       r,
		speaker: s.speaker,
		options: speech.Options{Voice: r.wire.Voice, Speed: s.config.Speed},
		format:  r.wire.Format,
		track:   s.player != nil,
		orders:  make(chan order, 1), // never full: one order at a time
		cancel:  func() {},
	}
	if t := s.config.Transcription; t != nil {
		v.options.Language = t.Language
	}
	return v
}

// add puts something into the queue of a response. Without a voice it is done
// at once.
func (s *session) add(r *response, c cue) {
	if r.voice == nil {
		c.then()
		return
	}
	r.voice.queue = append(r.voice.queue, c)
	s.advance(r.voice)
}

// speak queues the pieces of a message.
func (s *session) speak(r *response, pieces []speech.Piece) {
	for _, p := range pieces {
		s.add(r, cue{order: order{text: p.Text, silent: p.Silent, language: speech.LanguageOf(r.writing.text)}})
	}
}

// advance does what is in the queue as far as that needs no waiting.
func (s *session) advance(v *voice) {
	for !v.saying && len(v.queue) > 0 {
		c := v.queue[0]
		v.queue = v.queue[1:]
		if c.then != nil {
			c.then()
			continue
		}
		c.order.silent = c.order.silent || v.broken
		v.saying = true
		s.startVoice(v)
		v.orders <- c.order
	}
}

// startVoice starts the goroutine of a voice, unless it runs.
func (s *session) startVoice(v *voice) {
	if v.running {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel, v.running = cancel, true
	s.voices[v] = true
	s.readers.Go(func() {
		defer cancel()
		runVoice(ctx, v, s.steps)
	})
}

// quit ends the goroutine of a voice: at once, or once what it has given is
// played.
func (v *voice) quit(atOnce bool) {
	v.queue = nil
	if atOnce {
		v.cancel()
	}
	if v.running {
		close(v.orders)
	}
}

// sounded takes what a voice has to tell.
func (s *session) sounded(v *voice, c chunk) {
	switch {
	case c.last:
		delete(s.voices, v)
	case c.played:
		if i := slices.Index(s.playing, v); i >= 0 {
			s.playing = slices.Delete(s.playing, i, i+1)
			s.send(realtime.OutputStopped{ResponseID: v.r.wire.ID})
		}
	case v.r.closed: // interrupted: what was still said is not heard
	case c.err != nil:
		v.broken = true
		s.log.Error("the voice failed, words come without sound", "response", v.r.wire.ID, "err", c.err)
	case c.done:
		v.saying = false
		s.advance(v)
	default:
		s.sound(v, c)
	}
}

// sound sends a chunk.
func (s *session) sound(v *voice, c chunk) {
	r, m := v.r, v.r.message
	if c.length > 0 {
		if r.firstAudio == 0 {
			r.firstAudio = r.elapsed()
		}
		if v.track && !slices.Contains(s.playing, v) {
			s.playing = append(s.playing, v)
			s.send(realtime.OutputStarted{ResponseID: r.wire.ID})
		}
		m.length += c.length
		m.ends = append(m.ends, c.ends...)
		if now := time.Now(); s.soundUntil.Before(now) {
			s.soundUntil = now
		}
		s.soundUntil = s.soundUntil.Add(c.length)
	}
	if c.words != "" {
		m.item.Content[0].Transcript += c.words
		s.send(realtime.TranscriptDelta{Place: r.place(), Delta: c.words, Start: c.start.Seconds()})
	}
	switch {
	case c.length == 0:
	case v.track:
		format := realtime.Format{Codec: realtime.CodecPCM, Rate: v.speaker.Rate()}
		s.sounds.add(m.item.ID, 0, format, pcm.Append(nil, pcm.PCM16, c.samples))
		if err := s.player.Play(media.Audio{Rate: v.speaker.Rate(), Samples: c.samples}); err != nil {
			s.end(err)
		}
	default:
		s.sounds.add(m.item.ID, 0, r.wire.Format, c.data)
		s.send(realtime.AudioDelta{Place: r.place(), Audio: c.data})
	}
}
