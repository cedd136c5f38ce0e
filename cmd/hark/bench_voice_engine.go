package main

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/session"
	"hark/session/conversation"
)

// watchedEngine notes when the sessions of a server begin an answer and when
// its first token comes, while one turn is held at a time. If it holds sound
// back, models hear nothing of a turn before its end, and no answer begins
// before it: that is how agents work that record a turn first. It is there to
// be measured beside the other way, in the same run.
type watchedEngine struct {
	session.Engine
	hold bool

	mu           sync.Mutex
	begun, first time.Time // of the newest answer, zero for not yet
}

// forget begins a turn.
func (w *watchedEngine) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun, w.first = time.Time{}, time.Time{}
}

// answer returns when the newest answer was begun, and when its first token
// came.
func (w *watchedEngine) answer() (begun, first time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.begun, w.first
}

// Loaded reports whether answers should begin late.
func (w *watchedEngine) Loaded() bool { return w.hold || w.Engine.Loaded() }

// NewClip begins a clip.
func (w *watchedEngine) NewClip() (session.Clip, error) {
	c, err := w.Engine.NewClip()
	if err != nil || !w.hold {
		return c, err
	}
	return &heldClip{Clip: c}, nil
}

// Prompt renders messages.
func (w *watchedEngine) Prompt(messages []chat.Message, media []conversation.Medium, o chat.Options) (session.Prompt, error) {
	bare := slices.Clone(media)
	for i, m := range bare {
		if held, ok := m.(*heldClip); ok {
			bare[i] = held.Clip
		}
	}
	return w.Engine.Prompt(messages, bare, o)
}

// Open makes a sequence.
func (w *watchedEngine) Open() (session.Sequence, error) { return w.watch(w.Engine.Open()) }

// OpenWait makes a sequence.
func (w *watchedEngine) OpenWait(ctx context.Context, c engine.Class) (session.Sequence, error) {
	return w.watch(w.Engine.OpenWait(ctx, c))
}

func (w *watchedEngine) watch(s session.Sequence, err error) (session.Sequence, error) {
	if err != nil {
		return nil, err
	}
	return &watchedSequence{Sequence: s, w: w}, nil
}

// watchedSequence is a sequence of a watchedEngine.
type watchedSequence struct {
	session.Sequence
	w *watchedEngine
}

// Fork returns a sequence that holds the same.
func (s *watchedSequence) Fork() (session.Sequence, error) { return s.w.watch(s.Sequence.Fork()) }

// Generate answers.
func (s *watchedSequence) Generate(ctx context.Context, g engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		begun, told := time.Now(), false
		s.w.mu.Lock()
		s.w.begun, s.w.first = begun, time.Time{}
		s.w.mu.Unlock()
		for t, err := range s.Sequence.Generate(ctx, g) {
			if err == nil && !told {
				told = true
				s.w.mu.Lock()
				if s.w.begun.Equal(begun) {
					s.w.first = time.Now()
				}
				s.w.mu.Unlock()
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// heldClip hands its sound on when it ends.
type heldClip struct {
	session.Clip
	samples []float32
}

// Push keeps samples.
func (c *heldClip) Push(samples []float32) error {
	c.samples = append(c.samples, samples...)
	return nil
}

// End hands all of them on.
func (c *heldClip) End() {
	if len(c.samples) > 0 {
		_ = c.Clip.Push(c.samples) // a session cuts clips to what a model can hear
		c.samples = nil
	}
	c.Clip.End()
}

// Fork returns a clip that holds the same back.
func (c *heldClip) Fork() session.Clip {
	return &heldClip{Clip: c.Clip.Fork(), samples: slices.Clone(c.samples)}
}
