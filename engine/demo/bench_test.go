package demo_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/chat"
	"hark/engine/demo"
	sampling "hark/engine/sample"
	"hark/engine/token"
	"hark/vision"
)

// loaded is the embedded model with an open sequence.
func loaded(b *testing.B) (*engine.Engine, *engine.Sequence) {
	b.Helper()
	e, err := engine.Open(demo.Source(), cpu.New(&cpu.Options{Rounded: cpu.RoundingPays()}), &engine.Options{PrefixBytes: -1, Lookup: -1}) // nothing is heard twice, nothing guessed
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

// BenchmarkDecodeTogether takes so many sequences on at once, in one step
// each time. It reports the tokens a second of all together.
func BenchmarkDecodeTogether(b *testing.B) {
	for _, n := range []int{1, 2, 4, 8, 16} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			e, _ := loaded(b)
			seqs := make([]*engine.Sequence, n)
			for i := range seqs {
				s, err := e.Open()
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Set([]engine.Part{engine.Tokens(make([]token.ID, 100+i))}); err != nil {
					b.Fatal(err)
				}
				first(b, s, 1) // the prompt stays
				seqs[i] = s
			}
			was := e.Stats()
			o := engine.Generate{Max: 100, Sample: sampling.Options{Suppress: e.Model().Stops}}
			for b.Loop() {
				var done sync.WaitGroup
				for i, s := range seqs {
					if _, err := s.Set([]engine.Part{engine.Tokens(make([]token.ID, 100+i))}); err != nil {
						b.Fatal(err)
					}
					done.Go(func() {
						for _, err := range s.Generate(b.Context(), o) {
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				done.Wait()
			}
			is := e.Stats()
			b.ReportMetric(float64(is.Decoded-was.Decoded)/b.Elapsed().Seconds(), "tok/s")
			b.ReportMetric(float64(is.Answering-was.Answering)/float64(is.Steps-was.Steps), "rows/step")
			b.ReportMetric(float64(is.StepTime.Quantile(0.5).Microseconds())/1000, "p50-step-ms")
			b.ReportMetric(float64(is.StepTime.Quantile(0.99).Microseconds())/1000, "p99-step-ms")
		})
	}
}

// gradient is a square picture.
func gradient() *vision.Image {
	img := &vision.Image{Width: 384, Height: 384, Pix: make([]byte, 384*384*3)}
	for i := range img.Pix {
		img.Pix[i] = byte(i / 1000)
	}
	return img
}

// speakers are clips that grow at the end of a prompt, each in a sequence of
// its own.
func speakers(b *testing.B, e *engine.Engine, n int) (clips []*engine.Clip, end func()) {
	b.Helper()
	var seqs []*engine.Sequence
	for range n {
		clip, err := e.NewClip()
		if err != nil {
			b.Fatal(err)
		}
		s, err := e.Open()
		if err != nil {
			b.Fatal(err)
		}
		parts := prompt(b, e, chat.Audio, clip)[:2]
		was := e.Stats()
		if _, err := s.Set(parts); err != nil {
			b.Fatal(err)
		}
		await(func() bool {
			is := e.Stats()
			return int(is.Read+is.Borrowed-was.Read-was.Borrowed) >= len(parts[0].(engine.Tokens))
		})
		clips, seqs = append(clips, clip), append(seqs, s)
	}
	return clips, func() {
		for i, s := range seqs {
			s.Close()
			clips[i].Close()
		}
	}
}

// await waits until something is so.
func await(so func() bool) {
	for !so() {
		time.Sleep(20 * time.Microsecond)
	}
}

// BenchmarkHearTogether has so many speak at once, in pieces of 20 ms that
// come as soon as all have heard the piece before: nothing coalesces. It
// reports seconds of each one's sound a second.
func BenchmarkHearTogether(b *testing.B) {
	for _, n := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("speakers=%d", n), func(b *testing.B) {
			e, _ := loaded(b)
			samples := make([]float32, 20*16000)
			for i := range samples {
				samples[i] = float32(i%97)/970 - 0.05
			}
			heard := 0
			for b.Loop() {
				clips, end := speakers(b, e, n)
				before := e.Stats().Read
				for at := 0; at < 5*16000; at += 320 {
					for _, c := range clips {
						if err := c.Push(samples[at : at+320]); err != nil {
							b.Fatal(err)
						}
					}
					sure := int64((at+320-1)/160/4) * int64(n) // soft tokens
					await(func() bool { return e.Stats().Read-before >= sure })
				}
				end()
				heard += 5
			}
			b.ReportMetric(float64(heard)/b.Elapsed().Seconds(), "x-realtime")
		})
	}
}

// BenchmarkHearInRealTime has 16 speak at the pace of speech and reports how
// long their sound waited at most until it was in the cache.
func BenchmarkHearInRealTime(b *testing.B) {
	e, _ := loaded(b)
	piece := make([]float32, 320)
	clips, end := speakers(b, e, 16)
	defer end()
	next := time.Now()
	for b.Loop() {
		for _, c := range clips {
			if err := c.Push(piece); err != nil {
				b.Fatal(err)
			}
		}
		next = next.Add(20 * time.Millisecond)
		time.Sleep(time.Until(next))
	}
	st := e.Stats()
	b.ReportMetric(float64(st.Lag.Max.Microseconds())/1000, "max-lag-ms")
	b.ReportMetric(float64(st.Lag.Quantile(0.95).Microseconds())/1000, "p95-lag-ms")
	b.ReportMetric(float64(st.StepTime.Quantile(0.95).Microseconds())/1000, "p95-step-ms")
	b.ReportMetric(st.Load*100, "%load")
}
