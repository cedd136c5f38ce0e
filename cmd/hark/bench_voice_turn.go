package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"hark/audio"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/audio/vad"
)

// utterance is something to be said to a server.
type utterance struct {
	sound  []byte        // PCM16 at protocolRate
	speech time.Duration // where the last frame of speech ends
}

// speaks is the probability of speech down to which a voice that is speaking
// counts, as turns have it.
const speaks = 0.35

// spoken returns the samples from the first frame of speech to the last.
func spoken(samples []float32) []float32 {
	first, last := int64(-1), int64(0)
	for _, f := range vad.New().Push(samples) {
		if f.Probability < speaks {
			continue
		}
		if first < 0 {
			first = f.Start
		}
		last = f.Start + vad.Window
	}
	if first < 0 {
		return nil
	}
	return samples[first:min(last, int64(len(samples)))]
}

// newUtterance makes an utterance of samples at 16 kHz.
func newUtterance(samples []float32) (*utterance, error) {
	r, err := resample.New(audio.ModelRate, protocolRate)
	if err != nil {
		return nil, err
	}
	last := int64(0)
	for _, f := range vad.New().Push(samples) {
		if f.Probability >= speaks {
			last = f.Start + vad.Window
		}
	}
	if last == 0 {
		return nil, errors.New("no speech in it")
	}
	u := &utterance{speech: time.Duration(last) * time.Second / time.Duration(audio.ModelRate)}
	u.sound = pcm.Append(nil, pcm.PCM16, append(slices.Clone(r.Push(samples)), r.Flush()...))
	return u, nil
}

// heardTurn is what came of an utterance: when, after the last sample of
// speech. What did not happen is 0.
type heardTurn struct {
	token, audio time.Duration // the first of the answer
	window       time.Duration // the turn counts as ended
	cut          bool          // a turn was ended before that sample
	ended        time.Time     // when the turn did
}

// voiceEvent is what is read of a server's event.
type voiceEvent struct {
	Type  string
	Error struct{ Code, Message string }

	Response struct {
		Status  string
		Timings struct {
			FirstToken float64 `json:"first_token_ms"`
		}
	}
}

// voiceCall is a session whose turns are measured.
type voiceCall struct {
	link    voiceLink
	waits   bool      // the answer's sound comes outside the events
	started time.Time // when the first sample was spoken
	speech  time.Time // when the last one of speech was
}

// dialVoice opens a session that finds turns in a way, and answers aloud or in
// text.
func dialVoice(ctx context.Context, target, key, turns string, calls, aloud bool, tokens int) (*voiceCall, error) {
	dial := dialSocket
	if calls {
		dial = dialCall
	}
	link, err := dial(ctx, target, key)
	if err != nil {
		return nil, err
	}
	modality := "text"
	if aloud {
		modality = "audio"
	}
	v := &voiceCall{link: link, waits: calls && aloud}
	err = link.send(ctx, map[string]any{"type": "session.update", "session": map[string]any{
		"type": "realtime", "output_modalities": []string{modality}, "instructions": benchInstructions, "max_output_tokens": tokens,
		"audio": map[string]any{"input": map[string]any{
			"format":         map[string]any{"type": "audio/pcm", "rate": protocolRate},
			"turn_detection": map[string]any{"type": turns},
		}},
	}})
	if err == nil {
		err = v.await(ctx, "session.updated")
	}
	if err != nil {
		link.close()
		return nil, err
	}
	return v, nil
}

// say speaks an utterance, and silence behind it, at the pace of a microphone
// until ctx ends.
func (v *voiceCall) say(ctx context.Context, u *utterance) error {
	size := int(benchTick.Seconds()*float64(protocolRate)) * 2
	quiet := make([]byte, size)
	due := v.started
	for sound := u.sound; ; {
		tick := quiet
		if len(sound) > 0 {
			tick, sound = sound[:min(size, len(sound))], sound[min(size, len(sound)):]
		}
		due = due.Add(time.Duration(len(tick)/2) * time.Second / time.Duration(protocolRate))
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		if err := v.link.speak(ctx, tick); err != nil {
			return err
		}
	}
}

// turn says an utterance and listens to the answer. nil: none came, because
// the turn had been ended early and little was left to say.
func (v *voiceCall) turn(ctx context.Context, u *utterance) (*heardTurn, error) {
	ctx, cancel := context.WithTimeout(ctx, u.speech+voiceReply)
	defer cancel()
	v.started = time.Now()
	v.speech = v.started.Add(u.speech)
	speaking := make(chan error, 1)
	var speaker sync.WaitGroup
	speaker.Go(func() { speaking <- v.say(ctx, u) })
	h, err := v.listen(ctx)
	cancel()
	speaker.Wait()
	if said := <-speaking; err == nil && !errors.Is(said, context.Canceled) {
		err = said
	}
	return h, err
}

// listen reads events to the end of the answer.
func (v *voiceCall) listen(ctx context.Context) (*heardTurn, error) {
	h := &heardTurn{}
	var text time.Time
	after := func(at time.Time) time.Duration { return at.Sub(v.speech) }
	for {
		data, err := v.link.recv(ctx)
		now := time.Now()
		if err != nil {
			return nil, fmt.Errorf("the server ended the connection: %w", err)
		}
		var e voiceEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		switch e.Type {
		case "error":
			return nil, fmt.Errorf("server: %s (%s)", e.Error.Message, e.Error.Code)
		case "input_audio_buffer.speech_stopped":
			h.cut = h.cut || now.Before(v.speech)
			h.ended, h.window, h.audio, text = now, after(now), 0, time.Time{}
			v.link.deafen() // what was said before was cut off
		case "response.output_text.delta":
			if text.IsZero() {
				text = now
			}
		case "response.output_audio.delta":
			if h.audio == 0 {
				h.audio = after(now)
			}
		case "response.done":
			if s := e.Response.Status; s != "completed" && s != "incomplete" || h.ended.Before(v.speech) {
				continue // the user went on
			}
			if h.token = after(text); text.IsZero() {
				h.token = h.window + time.Duration(e.Response.Timings.FirstToken*float64(time.Millisecond))
			}
			if v.waits {
				h.audio, err = v.sound(ctx)
			}
			return h, err
		}
	}
}

// sound waits until the answer is heard and returns how long after the speech
// that was.
func (v *voiceCall) sound(ctx context.Context) (time.Duration, error) {
	for {
		if at := v.link.sounded(); !at.IsZero() {
			return at.Sub(v.speech), nil
		}
		if err := sleepUntil(ctx, time.Now().Add(time.Millisecond)); err != nil {
			return 0, fmt.Errorf("the answer was not heard: %w", err)
		}
	}
}

// await reads events up to one of a type.
func (v *voiceCall) await(ctx context.Context, kind string) error {
	for {
		data, err := v.link.recv(ctx)
		if err != nil {
			return err
		}
		var e voiceEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		switch e.Type {
		case kind:
			return nil
		case "error":
			return fmt.Errorf("server: %s (%s)", e.Error.Message, e.Error.Code)
		}
	}
}
