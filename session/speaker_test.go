package session

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"hark/audio/speech"
)

// fakeSpeaker says a character in 100 ms. "FAIL" it cannot say.
type fakeSpeaker struct {
	slow time.Duration // to make the sound of a piece

	mu     sync.Mutex
	pieces []string
	how    []speech.Options
	busy   atomic.Int64 // pieces being said
}

const fakeLetter = fakeRate / 10
const fakeRate = 24000

func (f *fakeSpeaker) Rate() int        { return fakeRate }
func (f *fakeSpeaker) Voices() []string { return nil }
func (f *fakeSpeaker) Close() error     { return nil }

func (f *fakeSpeaker) Say(ctx context.Context, text string, o speech.Options) iter.Seq2[speech.Sound, error] {
	return func(yield func(speech.Sound, error) bool) {
		f.busy.Add(1)
		defer f.busy.Add(-1)
		f.mu.Lock()
		f.pieces, f.how = append(f.pieces, text), append(f.how, o)
		f.mu.Unlock()
		if !pause(ctx, f.slow) {
			yield(speech.Sound{}, ctx.Err())
			return
		}
		if strings.Contains(text, "FAIL") {
			yield(speech.Sound{}, errors.New("fake: no voice for this"))
			return
		}
		said := strings.TrimRightFunc(text, unicode.IsSpace)
		if said == "" {
			return
		}
		s := speech.Sound{Samples: make([]float32, len(said)*fakeLetter)}
		for i := range s.Samples {
			s.Samples[i] = 0.25
		}
		for from := 0; from < len(said); {
			to := from + len(said[from:])
			if i := strings.IndexByte(said[from:], ' '); i >= 0 {
				to = from + i
			}
			if to > from {
				s.Words = append(s.Words, speech.Word{Text: said[from:to], From: from, To: to,
					Start: int64(from * fakeLetter), End: int64(to * fakeLetter)})
			}
			from = to + 1
		}
		yield(s, nil)
	}
}
