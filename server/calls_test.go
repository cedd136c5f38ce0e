package server

import (
	"context"
	"hark/audio/resample"
	"hark/audio/wav"
	"hark/media/opus"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/media/rtc/phone"
)

// callUp calls a server.
func callUp(t *testing.T, o phone.Options) *phone.Phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := phone.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// await returns the next event of a type.
func await(t *testing.T, c *phone.Phone, kind string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		ev, err := c.Recv(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if strings.HasPrefix(string(ev), `{"type":"`+kind+`"`) {
			return string(ev)
		}
		if strings.HasPrefix(string(ev), `{"type":"error"`) {
			t.Errorf("waiting for %s: %s", kind, ev)
		}
	}
}

func TestCallConnects(t *testing.T) {
	_, url := serve(t, Options{Engine: silent(t)})
	began := time.Now()
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls"})
	t.Log(time.Since(began))
	await(t, c, "session.created")
	if err := c.Send([]byte(`{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}`)); err != nil {
		t.Fatal(err)
	}
	await(t, c, "session.updated")
}

// utterance returns a sample's sound at the rate of a microphone.
func utterance(t *testing.T, name string) []float32 {
	t.Helper()
	data, err := os.ReadFile(samples + name)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := resample.New(clip.Rate, opus.EncodedRate)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(stream.Push(clip.Samples)), stream.Flush()...)
}

// ear collects the voice of a call.
type ear struct {
	mu   sync.Mutex
	loud int // samples above a hundredth
	all  int
}

func (e *ear) hear(samples []float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range samples {
		e.all++
		if s > 0.01 || s < -0.01 {
			e.loud++
		}
	}
}

func TestCallHearsAndSpeaks(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Speaker: hummer{}})
	var e ear
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Heard: e.hear})
	await(t, c, "session.created")
	if _, err := c.On().Say(t.Context(), utterance(t, "question-0.wav")); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "response.created", "output_audio_buffer.started"} {
		t.Log(await(t, c, kind))
	}
	done := await(t, c, "response.done")
	if !strings.Contains(done, "Thirteen plus five is eighteen.") {
		t.Error(done)
	}
	await(t, c, "output_audio_buffer.stopped")
	e.mu.Lock()
	defer e.mu.Unlock()
	t.Log(e.loud, e.all, c.Sound())
}
