package main

import (
	"context"
	"math"
	"slices"
	"time"

	"hark/audio"
	"hark/engine"
	"hark/engine/chat"
	"hark/engine/sample"
)

// benchInstructions are the instructions of conversations that are measured.
const benchInstructions = "You are a helpful voice assistant."

// benchTick is how much sound a microphone hands over at a time.
const benchTick = 20 * time.Millisecond

// benchSpeaker is somebody who says one thing to an engine and hears the
// answer. Long speech becomes several clips, as in a session.
type benchSpeaker struct {
	e     *engine.Engine
	seq   *engine.Sequence
	clips []*engine.Clip
	room  int // samples that the last clip takes still
}

// newBenchSpeaker begins a conversation. The engine reads its beginning in.
func newBenchSpeaker(e *engine.Engine) (*benchSpeaker, error) {
	seq, err := e.Open()
	if err != nil {
		return nil, err
	}
	s := &benchSpeaker{e: e, seq: seq}
	if err := s.newClip(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *benchSpeaker) close() {
	s.seq.Close()
	for _, c := range s.clips {
		c.Close()
	}
}

// newClip begins the next clip, at the end of the prompt.
func (s *benchSpeaker) newClip() error {
	if n := len(s.clips); n > 0 {
		s.clips[n-1].End()
	}
	clip, err := s.e.NewClip()
	if err != nil {
		return err
	}
	s.clips = append(s.clips, clip)
	if s.room = s.e.Model().ClipSamples; s.room <= 0 {
		s.room = math.MaxInt
	}
	return s.set(chat.Options{Open: true})
}

// set makes the sequence hold the conversation.
func (s *benchSpeaker) set(o chat.Options) error {
	said := chat.Message{Role: chat.User}
	var media []engine.Part
	for i, c := range s.clips {
		said.Content = append(said.Content, chat.Content{Kind: chat.Audio, Media: i})
		media = append(media, c)
	}
	parts, err := s.e.Prompt([]chat.Message{
		{Role: chat.System, Content: []chat.Content{{Kind: chat.Text, Text: benchInstructions}}}, said,
	}, media, o)
	if err != nil {
		return err
	}
	_, err = s.seq.Set(parts)
	return err
}

// push says something.
func (s *benchSpeaker) push(samples []float32) error {
	for len(samples) > 0 {
		if s.room == 0 {
			if err := s.newClip(); err != nil {
				return err
			}
		}
		n := min(len(samples), s.room)
		if err := s.clips[len(s.clips)-1].Push(samples[:n]); err != nil {
			return err
		}
		samples, s.room = samples[n:], s.room-n
	}
	return nil
}

// speak says samples at the pace of speech. It returns when the last of them
// was spoken, whatever the engine has heard by then.
func (s *benchSpeaker) speak(ctx context.Context, samples []float32) (ended time.Time, err error) {
	due := time.Now()
	for tick := range slices.Chunk(samples, int(benchTick.Seconds()*float64(audio.ModelRate))) {
		due = due.Add(time.Duration(len(tick)) * time.Second / time.Duration(audio.ModelRate))
		if err := sleepUntil(ctx, due); err != nil {
			return due, err
		}
		if err := s.push(tick); err != nil {
			return due, err
		}
	}
	return due, nil
}

// answer ends the speech and takes so many tokens of the answer. It returns
// when each of them came.
func (s *benchSpeaker) answer(ctx context.Context, tokens int) (came []time.Time, err error) {
	s.clips[len(s.clips)-1].End()
	if err := s.set(chat.Options{Generate: true}); err != nil {
		return nil, err
	}
	options := engine.Generate{Max: tokens, Sample: sample.Options{Suppress: s.e.Model().Stops}}
	for _, err := range s.seq.Generate(ctx, options) {
		if err != nil {
			return nil, err
		}
		came = append(came, time.Now())
	}
	return came, nil
}

// settle waits until the engine has done all that it can: no step has ended for
// longer than one takes.
func settle(ctx context.Context, e *engine.Engine) error {
	const quiet, longest = 100 * time.Millisecond, 500 * time.Millisecond
	before, since := e.Stats(), time.Now()
	for {
		if err := sleepUntil(ctx, time.Now().Add(2*time.Millisecond)); err != nil {
			return err
		}
		now := e.Stats()
		if now.Steps != before.Steps || now.Backlog > 0 {
			before, since = now, time.Now()
		} else if time.Since(since) > max(quiet, min(longest, 3*now.StepTime.Max/2)) {
			return nil
		}
	}
}

// speechOf returns sound for a benchmark: what is said in WAV files, one behind
// the other, or without any a sound with the rhythm and the pitch of speech.
func speechOf(paths []string) ([]float32, error) {
	if len(paths) == 0 {
		return babble(8 * int(audio.ModelRate)), nil
	}
	var all []float32
	for _, path := range paths {
		samples, err := readSound(path)
		if err != nil {
			return nil, err
		}
		if len(samples) == 0 {
			return nil, usage("--in %s: no sound in the file", path)
		}
		all = append(all, samples...)
	}
	return all, nil
}

// babble returns n samples of harmonics of a moving pitch, four syllables a
// second.
func babble(n int) []float32 {
	samples := make([]float32, n)
	phase := 0.0
	for i := range samples {
		t := float64(i) / float64(audio.ModelRate)
		phase += 2 * math.Pi * (120 + 30*math.Sin(2*math.Pi*0.7*t)) / float64(audio.ModelRate)
		loud := math.Max(0, math.Sin(2*math.Pi*2*t))
		v := 0.0
		for k := 1.0; k <= 20; k++ {
			v += math.Sin(k*phase) / k * (1 + math.Cos(k*(0.3+0.2*math.Sin(2*math.Pi*3*t))))
		}
		samples[i] = float32(0.1 * loud * v)
	}
	return samples
}

// stretch returns n samples of a sound that goes round, from a sample on.
func stretch(sound []float32, from, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = sound[(from+i)%len(sound)]
	}
	return out
}
