package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// waiter is a caller of OpenWait that has no place yet.
type waiter struct {
	class Class
	ready chan error // one value: nil for a place
}

// Open makes an empty sequence. ErrBusy: as many are open as the options
// allow. ErrMemory: the caches have no memory left.
func (e *Engine) Open() (*Sequence, error) {
	s, err := e.place()
	if err != nil {
		return nil, err
	}
	return s.begin(Speaking)
}

// OpenWait makes an empty sequence of a class. If there is no place for it, it
// waits in a queue: those who speak first, then in the order they came.
// ErrBusy: the queue is full too. ErrOverload, wrapped with ctx's error: no
// place came free before ctx ended. ErrMemory: see Open.
func (e *Engine) OpenWait(ctx context.Context, c Class) (*Sequence, error) {
	if c >= classes {
		return nil, fmt.Errorf("engine: class %d, want 0 to %d", c, classes-1)
	}
	s, err := e.place()
	if errors.Is(err, ErrBusy) {
		if s, err = e.queueUp(ctx, c); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return s.begin(c)
}

// begin hands a sequence that has a place to the step goroutine.
func (s *Sequence) begin(c Class) (*Sequence, error) {
	e, st := s.e, s.st
	if err := e.afford(st, 1); err != nil {
		e.leave(st)
		return nil, err
	}
	st.class = c
	if !e.do(func() {
		st.kv = e.newKV()
		e.seqs = append(e.seqs, st)
	}) {
		return nil, ErrClosed
	}
	return s, nil
}

// newSequence returns one that has neither place nor cache.
func (e *Engine) newSequence() *Sequence {
	return &Sequence{e: e, st: &stepSeq{cached: unlimited, exact: unlimited}}
}

// place takes a place if there is one.
func (e *Engine) place() (*Sequence, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return nil, ErrClosed
	case e.open >= e.opts.MaxSequences:
		return nil, ErrBusy
	}
	e.open++
	return e.newSequence(), nil
}

// queueUp waits for a place.
func (e *Engine) queueUp(ctx context.Context, c Class) (*Sequence, error) {
	w := &waiter{class: c, ready: make(chan error, 1)} // one value is ever sent
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, ErrClosed
	}
	if e.open < e.opts.MaxSequences { // meanwhile
		e.open++
		e.mu.Unlock()
		return e.newSequence(), nil
	}
	if len(e.waiting) >= e.opts.MaxWaiting {
		e.mu.Unlock()
		return nil, ErrBusy
	}
	at := len(e.waiting)
	for at > 0 && e.waiting[at-1].class > c {
		at--
	}
	e.waiting = slices.Insert(e.waiting, at, w)
	e.mu.Unlock()

	select {
	case err := <-w.ready:
		if err != nil {
			return nil, err
		}
		return e.newSequence(), nil
	case <-ctx.Done():
	}
	e.mu.Lock()
	if i := slices.Index(e.waiting, w); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		e.mu.Unlock()
	} else {
		e.mu.Unlock()
		if err := <-w.ready; err == nil { // it came at the same moment: for the next
			e.leave(nil)
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("%w: %w", ErrOverload, ctx.Err())
	}
	return nil, ctx.Err()
}

// leave gives a place back: to who waits first, if anybody does.
func (e *Engine) leave(st *stepSeq) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if st != nil {
		e.reserved -= e.bytesFor(st.covered)
		st.covered = unlimited // what a step in progress still reads into it is not paid for
	}
	if len(e.waiting) == 0 {
		e.open--
		return
	}
	w := e.waiting[0]
	e.waiting = slices.Delete(e.waiting, 0, 1)
	w.ready <- nil // the place goes with it
}

// dismiss tells everybody who waits that the engine closes; e.mu is held.
func (e *Engine) dismiss() {
	for _, w := range e.waiting {
		w.ready <- ErrClosed
	}
	e.waiting = nil
}
