package session

import (
	"hark/engine/model"
	"hark/session/conversation"
	"hark/session/realtime"
)

// recorder makes clips of sound and attaches them to a part of an item. Sound
// that is longer than the model hears in one piece becomes several clips.
type recorder struct {
	engine Engine
	info   model.Info
	item   *conversation.Item
	part   int
	clip   Clip  // nil before the first sound
	room   int64 // samples that the clip takes still
	length int64 // samples in all
}

// write adds samples. It reports whether a clip was begun: then the prompt
// that ends with the item's last clip has changed.
func (r *recorder) write(samples []float32) (begun bool, err error) {
	for len(samples) > 0 {
		if r.clip == nil || r.room == 0 {
			r.end()
			if r.clip, err = r.engine.NewClip(); err != nil {
				r.clip = nil
				return begun, err
			}
			r.room = int64(r.info.ClipSamples)
			if r.room <= 0 {
				r.room = 1 << 62
			}
			r.item.Attach(r.part, r.clip)
			begun = true
		}
		n := min(int64(len(samples)), r.room)
		if err := r.clip.Push(samples[:n]); err != nil {
			return begun, err
		}
		samples = samples[n:]
		r.room -= n
		r.length += n
	}
	return begun, nil
}

// end completes the last clip.
func (r *recorder) end() {
	if r.clip != nil {
		r.clip.End()
	}
}

// Listen makes clips of a finished piece of sound at 16 kHz, as a session does
// of an input buffer that is committed: silence around the speech is left out
// beyond 0.3 s, and sound without any speech is heard whole, at most its last
// clip's length. They are attached to part of item. Sound too short for one
// soft token attaches nothing.
func Listen(e Engine, d Detector, samples []float32, item *conversation.Item, part int) error {
	info := e.Model()
	r := &recorder{engine: e, info: info, item: item, part: part}
	ear := newEar(d, int64(info.ClipSamples))
	ear.machine.Options, ear.before = turnOptions(nil)
	var failed error
	found := func(h heard) {
		if h.what == heardSound && failed == nil {
			_, failed = r.write(h.samples)
		}
	}
	ear.push(samples, found)
	ear.commit(found)
	r.end()
	return failed
}

// listenTo makes clips of the sound that came with a part of an item, in the
// session's input format.
func (s *session) listenTo(it *conversation.Item, part int, data []byte) error {
	decoder, resampler, err := converters(s.config.InputFormat)
	if err != nil {
		return err
	}
	samples := append([]float32(nil), resampler.Push(decoder.Push(data))...)
	samples = append(samples, resampler.Flush()...)
	if int64(len(samples)) > s.maxUtterance() {
		return realtime.Invalid(realtime.CodeBufferFull, "", "the sound has %d s, want at most %d s",
			int64(len(samples))/modelRate, s.maxUtterance()/modelRate)
	}
	return Listen(s.engine, s.newDetector(), samples, it, part)
}
