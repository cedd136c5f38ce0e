//go:build voice

package session

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"hark/audio/pcm"
	"hark/audio/speech"
	"hark/media/mediatest"
)

// heardEvent is what this test reads of an event.
type heardEvent struct {
	Type, Delta string
	Response    struct {
		Status  string
		Timings struct {
			FirstToken float64 `json:"first_token_ms"`
			FirstAudio float64 `json:"first_audio_ms"`
		}
	}
}

// A session with the real espeak-ng, in real time: the first sound follows the
// first token closely, while the model still writes, and a cancel ends it.
func TestEspeakSaysTheAnswer(t *testing.T) {
	speaker, err := speech.Open(speech.OpenOptions{Engine: speech.Espeak})
	if err != nil {
		t.Fatal(err)
	}
	fake := newFake()
	words := []string{"Well", ",", " thirteen", " plus", " five", " is", " eighteen", ".", " Do", " you", " want", " to", " know", " more", "?", " I", " can", " tell", " you", "."}
	fake.answers = []answer{
		{first: 50 * time.Millisecond, pause: 20 * time.Millisecond, pieces: words},
		{first: 50 * time.Millisecond, pause: 20 * time.Millisecond, pieces: words},
	}
	conn, client := mediatest.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(context.Background(), conn, Options{Engine: fake, Speaker: speaker}) }()
	next := func() (ev heardEvent) {
		data, err := client.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &ev); err != nil {
			t.Fatal(err)
		}
		return ev
	}
	send := func(event string) {
		if err := client.Send([]byte(event)); err != nil {
			t.Fatal(err)
		}
	}
	send(`{"type":"response.create"}`)
	var d pcm.Decoder
	var samples, sounds int
	var first time.Time
	for ev := next(); ev.Type != "response.done"; ev = next() {
		if ev.Type != "response.output_audio.delta" {
			continue
		}
		if first.IsZero() {
			first = time.Now()
		}
		data, err := base64.StdEncoding.DecodeString(ev.Delta)
		if err != nil {
			t.Fatal(err)
		}
		part := d.Push(data)
		samples += len(part)
		for _, x := range part {
			if x > 0.01 || x < -0.01 {
				sounds++
			}
		}
	}
	if seconds := float64(samples) / 24000; seconds < 3 || seconds > 8 || sounds < samples/4 {
		t.Errorf("%.2f s of sound, %d of %d samples loud", seconds, sounds, samples)
	}
	// The model writes for another 400 ms behind the sentence's end.
	if since := time.Since(first); since < 100*time.Millisecond {
		t.Errorf("the first sound came %v before the end", since)
	}

	send(`{"type":"response.create"}`)
	for next().Type != "response.output_audio.delta" {
	}
	begin := time.Now()
	send(`{"type":"response.cancel"}`)
	ev := next()
	for ev.Type != "response.done" {
		ev = next()
	}
	t.Logf("first token after %v ms, first sound after %v ms; cancelled within %v",
		ev.Response.Timings.FirstToken, ev.Response.Timings.FirstAudio, time.Since(begin))
	if ev.Response.Status != "cancelled" {
		t.Errorf("status %q", ev.Response.Status)
	}
	client.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
