package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"hark/media/duplex"
)

// driver is what drives the line: a sound card, a clock for files, or the
// standard input.
type driver struct {
	t       *talk
	options duplex.Options
	card    *duplex.Card // nil: none
	cancel  context.CancelFunc
	broken  chan error // one: why the clock or the input ended
	wg      sync.WaitGroup
	stuck   bool // a read of the standard input cannot be ended
}

// openSound begins to hear and to play.
func (t *talk) openSound(ctx context.Context, said [][]float32, stdin io.Reader) (*driver, error) {
	s := &driver{t: t, cancel: func() {}, broken: make(chan error, 1)}
	switch {
	case t.c.live():
		ctx, s.cancel = context.WithCancel(ctx)
		s.stuck = true
		s.wg.Go(func() { s.broken <- runStdin(ctx, t.line, stdin) })
	case len(said) > 0:
		t.files = &fileTurns{names: t.c.In, left: said}
		ctx, s.cancel = context.WithCancel(ctx)
		s.wg.Go(func() { s.broken <- t.line.RunClock(ctx, func(in []float32) error { clear(in); return nil }, nil) })
	default:
		s.options = duplex.Options{Input: t.c.Device, Output: t.c.Speaker, Mute: !t.aloud}
		var err error
		if s.card, err = duplex.Open(t.line, s.options); err != nil {
			return nil, usageError{err}
		}
	}
	return s, nil
}

// failed gives the reason when sound has ended by itself.
func (s *driver) failed() <-chan error {
	if s.card != nil {
		return s.card.Failed()
	}
	return s.broken
}

// close stops the sound.
func (s *driver) close() {
	s.cancel()
	if s.card != nil {
		s.card.Close() // there is nobody to tell of an error
	}
	if !s.stuck { // otherwise it ends with the process, or its next byte
		s.wg.Wait()
	}
}

// How often and how long a lost device is looked for.
const (
	lookAgainEvery = time.Second
	lookAgainFor   = 60 * time.Second
)

// recover opens a device again that has stopped: it was unplugged, and may be
// plugged in again. What the standard input says at its end is an end like any
// other.
func (t *talk) recover(ctx context.Context, s *driver, failed error) {
	if s.card == nil {
		if errors.Is(failed, io.EOF) {
			t.lastWords(ctx)
			failed = nil
		}
		t.end(failed)
		return
	}
	s.card.Close() // it has failed already
	t.interrupt(time.Now())
	t.settle()
	t.notice(failed.Error() + "; waiting for it to come back")
	for until := time.Now().Add(lookAgainFor); t.pause(ctx, lookAgainEvery); {
		card, err := duplex.Open(t.line, s.options)
		if err == nil {
			s.card = card
			if t.canceller != nil {
				t.canceller.Reset()
			}
			t.notice("the sound is back")
			return
		}
		if time.Now().After(until) {
			t.end(fmt.Errorf("%w; %w", failed, err))
			return
		}
	}
}
