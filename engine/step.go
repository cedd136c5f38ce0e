package engine

import (
	"fmt"
	"runtime"
	"time"

	"hark/engine/sample"
	"hark/engine/tensor"
)

// run is the step goroutine.
func (e *Engine) run() {
	defer e.done.Done()
	runtime.LockOSThread()
	e.restore()
	for e.commands() {
		if e.step() {
			e.idle = time.Time{}
		} else if !e.rest() {
			e.sleep()
		}
	}
	e.flight.drop(e)
	for _, s := range e.seqs {
		s.end(ErrClosed)
	}
	e.saveAll()
}

// commands runs what callers asked for, and reports whether to go on.
func (e *Engine) commands() bool {
	e.mu.Lock()
	queue, closed := e.queue, e.closed
	e.queue = nil
	e.mu.Unlock()
	for _, command := range queue {
		command()
	}
	if len(queue) > 0 {
		e.gauge(time.Now())
	}
	return !closed
}

// step does one round of work and reports whether it found any.
func (e *Engine) step() bool {
	began := time.Now()
	e.trim()
	if f := e.flight; f != nil {
		e.flight = nil
		if f.show(e) {
			e.land(f)
			e.backend.EndStep()
			e.after(f.batch, 0, false, began)
			return true
		}
		f.drop(e)
	}
	budget := e.pace.budget(e.crowded())
	heard, saw := e.encodeSome(budget)
	b := e.plan(budget)
	if len(b.rows) > 0 {
		e.forward(b)
	}
	e.backend.EndStep()
	worked := heard > 0 || saw || len(b.rows) > 0
	if worked {
		e.after(b, heard, saw, began)
	}
	return worked
}

// forward runs a batch, samples for the rows that asked and delivers.
func (e *Engine) forward(b *batch) {
	if e.pickable(b) {
		f, err := e.begin(b)
		if err != nil {
			e.failed(b, err)
			return
		}
		e.land(f)
		return
	}
	var logits []float32
	err := e.guard(func() {
		if x := e.model.Forward(b.rows); x != nil {
			e.logits = e.backend.Read(e.logits, x)
			logits = e.logits
		}
	})
	if err != nil {
		e.failed(b, err)
		return
	}
	vocab := e.info.Vocab
	for i, s := range b.seqs {
		s.cursor = b.after[i]
		if n := b.rows[i].Logits * vocab; n > 0 {
			s.answer(e, b.rows[i], logits[:n])
			logits = logits[n:]
		}
	}
}

// failed ends the answers of a batch that the device failed at.
func (e *Engine) failed(b *batch, err error) {
	e.log.Error("step failed", "err", err)
	for i, s := range b.seqs {
		s.kv.Truncate(min(b.rows[i].Pos, s.kv.Len()))
		s.failed = err
		s.end(err)
	}
}

// sample picks the next token and takes it; n positions of the cache are what it
// follows.
func (s *stepSeq) sample(e *Engine, logits []float32, n int) {
	choice, err := s.gen.sampler.Pick(logits)
	if err != nil {
		s.end(err)
		return
	}
	s.take(e, choice, n)
}

// take records the token that follows n positions of the cache and hands it over.
// It is recorded first, so that the cache never runs ahead of the record.
func (s *stepSeq) take(e *Engine, choice sample.Choice, n int) {
	g := s.gen
	g.sampler.Observe(choice.ID)
	if err := g.rails.accept(choice.ID); err != nil {
		s.end(err)
		return
	}
	g.max--
	g.made++
	t := Token{ID: choice.ID, Logprob: choice.Logprob, Alternatives: choice.Top, At: time.Now(), Cached: s.cached}
	s.snapshot(e)
	switch {
	case g.stops[choice.ID]:
		t.Stop = StopEOS
	case g.max <= 0 || n+1 >= e.info.Context || !e.cover(s, n+1):
		t.Stop = StopLength
	}
	if t.Stop != StopEOS {
		s.slots = append(s.slots, slot{id: choice.ID})
	}
	if t.Stop != StopNone {
		s.gen, s.cached = nil, unlimited
	}
	e.decoded(s, g)
	g.out <- t // has room: the plan left full queues out
}

// guard runs f and turns the panics of tensor operations into errors. Any
// other panic is a bug and ends the process.
func (e *Engine) guard(f func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *tensor.ShapeError:
			err = fmt.Errorf("engine: %w", p)
		case *tensor.DeviceError:
			err = fmt.Errorf("engine: %w", p)
		default:
			panic(p)
		}
	}()
	f()
	return nil
}
