package demo_test

import (
	"testing"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/chat"
	"hark/engine/demo"
	"hark/engine/token"
	"hark/vision"
)

// loaded is the embedded model with an open sequence.
func loaded(b *testing.B) (*engine.Engine, *engine.Sequence) {
	b.Helper()
	e, err := engine.Open(demo.Source(), cpu.New(nil), &engine.Options{PrefixBytes: -1}) // nothing is heard twice
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	s, err := e.Open()
	if err != nil {
		b.Fatal(err)
	}
	return e, s
}

// first waits for the first token of an answer.
func first(b *testing.B, s *engine.Sequence, max int) (n int) {
	b.Helper()
	for _, err := range s.Generate(b.Context(), engine.Generate{Max: max}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}

func prompt(b *testing.B, e *engine.Engine, kind chat.Kind, p engine.Part) []engine.Part {
	b.Helper()
	parts, err := e.Prompt([]chat.Message{{Role: chat.User, Content: []chat.Content{{Kind: kind}}}}, []engine.Part{p}, chat.Options{Generate: true})
	if err != nil {
		b.Fatal(err)
	}
	return parts
}

// BenchmarkHear hears ten seconds of sound in one piece: front end, tower and
// prefill up to the first token. It reports seconds of sound a second.
func BenchmarkHear(b *testing.B) {
	e, s := loaded(b)
	samples := make([]float32, 10*16000)
	for i := range samples {
		samples[i] = float32(i%97)/970 - 0.05
	}
	for b.Loop() {
		clip, err := e.NewClip()
		if err != nil {
			b.Fatal(err)
		}
		if err := clip.Push(samples); err != nil {
			b.Fatal(err)
		}
		clip.End()
		if _, err := s.Set(prompt(b, e, chat.Audio, clip)); err != nil {
			b.Fatal(err)
		}
		first(b, s, 1)
		clip.Close()
	}
	b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
}

// BenchmarkEndOfSpeech measures from the last sample of speech to the first
// token when ten seconds before it were heard while they were spoken.
func BenchmarkEndOfSpeech(b *testing.B) {
	e, s := loaded(b)
	samples := make([]float32, 10*16000)
	var waited time.Duration
	for b.Loop() {
		clip, err := e.NewClip()
		if err != nil {
			b.Fatal(err)
		}
		parts := prompt(b, e, chat.Audio, clip)
		if _, err := s.Set(parts[:2]); err != nil { // up to the clip
			b.Fatal(err)
		}
		if err := clip.Push(samples[:len(samples)-640]); err != nil {
			b.Fatal(err)
		}
		time.Sleep(400 * time.Millisecond) // the speaker takes ten seconds, hark less
		start := time.Now()
		if err := clip.Push(samples[:640]); err != nil {
			b.Fatal(err)
		}
		clip.End()
		if _, err := s.Set(parts); err != nil {
			b.Fatal(err)
		}
		first(b, s, 1)
		waited += time.Since(start)
		clip.Close()
	}
	b.ReportMetric(float64(waited.Milliseconds())/float64(b.N), "ms-to-first-token")
}

// BenchmarkSee encodes a picture of 64 soft tokens.
func BenchmarkSee(b *testing.B) {
	e, s := loaded(b)
	img := gradient()
	for b.Loop() {
		p, err := e.NewPicture(img, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Set(prompt(b, e, chat.Image, p)); err != nil {
			b.Fatal(err)
		}
		first(b, s, 1)
		p.Close()
	}
}

// BenchmarkDecode takes one sequence a token further.
func BenchmarkDecode(b *testing.B) {
	e, s := loaded(b)
	tokens := 0
	for b.Loop() {
		if _, err := s.Set([]engine.Part{engine.Tokens(make([]token.ID, 100))}); err != nil {
			b.Fatal(err)
		}
		tokens += first(b, s, 100)
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tok/s")
	_ = e
}

// gradient is a square picture.
func gradient() *vision.Image {
	img := &vision.Image{Width: 384, Height: 384, Pix: make([]byte, 384*384*3)}
	for i := range img.Pix {
		img.Pix[i] = byte(i / 1000)
	}
	return img
}
