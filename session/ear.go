package session

import (
	"fmt"
	"math"
	"time"

	"hark/audio"
	"hark/audio/endpoint"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/session/realtime"
	"hark/session/turn"
)

// Detector tells speech from other sound. Push takes samples of a stream at
// 16 kHz and returns the frames that they complete.
type Detector interface {
	Push(samples []float32) []turn.Frame
}

// ear turns what a client appends into what may be heard. Positions are
// samples at 16 kHz since the session began.
//
// Sound goes to the model only up to heardAfter behind the last frame of
// speech, or up to where the turn has likely ended; the rest is held back. If
// speech goes on, it follows; if the turn ends, it is dropped. So what is heard
// at the likely end is all that the turn will be if it ends there. Before the
// first speech only the padding is heard.
//
// With semantic_vad an estimate follows each turn, from the padding before its
// first speech on, and the machine asks it in every pause. A turn that begins
// soon after another may be its second half: then the estimate goes on.
type ear struct {
	detector Detector
	machine  turn.Machine
	estimate estimator
	heardTo  int64 // where the estimate has heard to
	before   int64 // samples heard before the first speech
	keep     int64 // samples of a buffer without speech that a commit may take

	format    realtime.Format
	decoder   *pcm.Decoder
	resampler *resample.Stream

	held  []float32 // not handed on; the samples from start to next
	start int64
	next  int64 // the sample that comes next
	begun int64 // where the input buffer began: the last commit or clear
	taken bool  // a turn of this buffer ended by itself
	open  bool  // a turn was begun and has not ended
	hold  bool  // it has likely ended: nothing more is handed on
}

// estimator says how finished a turn seems, 0 to 1, of what was pushed of it.
type estimator interface {
	Push(samples []float32)
	Finished() float32
	Reset()
}

// heard is something that an ear found.
type heard struct {
	what    int
	at      int64     // heardStart, heardStop: where
	silent  bool      // heardStart: there is no speech in it
	samples []float32 // heardSound: valid until the ear is used again
}

// What an ear finds.
const (
	heardStart   = iota // a turn begins; sound follows
	heardSound          // samples of the turn
	heardLikely         // the turn has likely ended
	heardResumed        // it has not; sound follows
	heardStop           // the turn has ended
)

// newEar returns an ear that keeps up to keep samples without speech.
func newEar(d Detector, keep int64) *ear {
	return &ear{detector: d, estimate: endpoint.New(), heardTo: math.MinInt64 / 2, keep: keep}
}

// configure sets the input format and what counts as a turn. The buffer stays;
// if the format changes, half a sample is forgotten.
func (e *ear) configure(f realtime.Format, t *realtime.TurnDetection) error {
	e.machine.Options, e.before = turnOptions(t)
	if f == e.format {
		return nil
	}
	decoder, resampler, err := converters(f)
	if err != nil {
		return err
	}
	e.format, e.decoder, e.resampler = f, decoder, resampler
	return nil
}

// converters makes what turns bytes of a format into 16 kHz samples.
func converters(f realtime.Format) (*pcm.Decoder, *resample.Stream, error) {
	kind := pcm.PCM16
	switch f.Codec {
	case realtime.CodecULaw:
		kind = pcm.MuLaw
	case realtime.CodecALaw:
		kind = pcm.ALaw
	case realtime.CodecPCM:
	}
	decoder, err := pcm.NewDecoder(kind)
	if err != nil {
		return nil, nil, fmt.Errorf("session: %w", err)
	}
	resampler, err := resample.New(audio.Rate(f.Rate), audio.ModelRate)
	if err != nil {
		return nil, nil, fmt.Errorf("session: %w", err)
	}
	return decoder, resampler, nil
}

// turnOptions returns what counts as a turn, and the padding before it. nil is
// push-to-talk: turns begin, so that they can be read in early, but only a
// commit ends them, and no end of them is likelier than another.
func turnOptions(t *realtime.TurnDetection) (turn.Options, int64) {
	o := turn.Options{Threshold: defaultThreshold, Likely: likelyAfter}
	before := turn.Samples(heardBefore)
	switch {
	case t == nil:
		o.Likely = 0
	case t.Type == realtime.SemanticVAD:
		o.Patience, o.Likely = turn.Eager(t.Eagerness), likelySemantic
	default:
		o.Threshold, before = t.Threshold, turn.Samples(t.PrefixPadding)
		// No silence at all would end every turn with its first frame.
		o.Silence = max(t.SilenceDuration, time.Millisecond)
	}
	return o, before
}

// semantic reports whether the end of a turn depends on what was said.
func (e *ear) semantic() bool { return e.machine.Patience != (turn.Patience{}) }

// appendBytes takes sound in the input format and calls found for what it
// brings about, in order.
func (e *ear) appendBytes(data []byte, found func(heard)) {
	e.push(e.resampler.Push(e.decoder.Push(data)), found)
}

// push takes 16 kHz samples.
func (e *ear) push(samples []float32, found func(heard)) {
	e.held = append(e.held, samples...)
	e.next += int64(len(samples))
	for _, f := range e.detector.Push(samples) {
		e.step(f, found)
	}
	if !e.open {
		e.forget(e.next - e.keep)
	}
}

// step takes one frame's verdict.
func (e *ear) step(f turn.Frame, found func(heard)) {
	now := f.Start + turn.FrameSamples
	if e.open && e.semantic() {
		e.judge(f.Start, now)
		f.Finished = e.estimate.Finished()
	}
	edge := e.machine.Step(f)
	first, end := e.machine.Speech()
	if edge == turn.Started {
		if e.semantic() {
			from := e.heardTo
			if now-from > min(turn.Samples(judgedAnew), e.keep) {
				e.estimate.Reset()
				from = first - e.before
			}
			e.judge(from, now)
		}
		e.forget(first - e.before)
		e.open = true
		found(heard{what: heardStart, at: e.start})
	}
	if !e.open {
		return
	}
	if edge == turn.Resumed {
		e.hold = false
		found(heard{what: heardResumed})
	}
	// Not beyond this frame, so that a turn is the same however it came in.
	e.release(min(end+turn.Samples(heardAfter), now), found)
	switch edge {
	case turn.Likely:
		e.hold = true
		found(heard{what: heardLikely})
	case turn.Stopped:
		at := end + turn.Samples(e.machine.Silence)
		if e.semantic() {
			at = now
		}
		e.close()
		found(heard{what: heardStop, at: at})
	case turn.None, turn.Started, turn.Resumed:
	}
}

// close ends a turn by itself.
func (e *ear) close() { e.open, e.hold, e.taken = false, false, true }

// release hands on what lies before a position, unless it is held back.
func (e *ear) release(until int64, found func(heard)) {
	n := min(until, e.next) - e.start
	if n <= 0 || e.hold {
		return
	}
	found(heard{what: heardSound, samples: e.held[:n]})
	e.held = e.held[n:]
	e.start += n
}

// judge lets the estimate hear the samples from one position to another, as far
// as they are held.
func (e *ear) judge(from, to int64) {
	from, to = max(from, e.start), min(to, e.next)
	if from < to {
		e.estimate.Push(e.held[from-e.start : to-e.start])
	}
	e.heardTo = to
}

// forget drops what lies before a position.
func (e *ear) forget(before int64) {
	if n := min(before, e.next) - e.start; n > 0 {
		e.held = e.held[n:]
		e.start += n
	}
}

// empty reports whether the input buffer is too short to be committed.
func (e *ear) empty() bool {
	return !e.open && e.next-e.begun < turn.Samples(minCommit)
}

// length returns the length of the input buffer in samples.
func (e *ear) length() int64 { return e.next - e.begun }

// commit ends the buffer. It calls found for the sound that belongs to it
// still; a buffer without any speech is heard as a whole, as far as it is
// kept, so that music and noises can be asked about. It ends with heardStop if
// there was a turn.
func (e *ear) commit(found func(heard)) {
	_, end := e.machine.Speech()
	switch {
	case e.open:
		e.release(end+turn.Samples(heardAfter), found)
		found(heard{what: heardStop, at: e.next})
	case e.start < e.next:
		found(heard{what: heardStart, at: e.start, silent: true})
		e.release(e.next, found)
		found(heard{what: heardStop, at: e.next})
	}
	e.clear()
}

// stop ends a turn that has become too long, as silence would.
func (e *ear) stop(found func(heard)) {
	if !e.open {
		return
	}
	_, end := e.machine.Speech()
	e.release(end+turn.Samples(heardAfter), found)
	e.machine.Reset()
	e.close()
	found(heard{what: heardStop, at: e.next})
}

// clear empties the buffer.
func (e *ear) clear() {
	e.machine.Reset()
	e.held, e.start, e.begun = e.held[:0], e.next, e.next
	e.heardTo = math.MinInt64 / 2
	e.open, e.hold, e.taken = false, false, false
}
