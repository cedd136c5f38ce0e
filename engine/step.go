package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
)

// queuedTokens is how far an answer may run ahead of its reader. A sequence
// whose queue is full is left out of the steps until there is room.
const queuedTokens = 64

// generation is one answer while it is made.
type generation struct {
	out     chan Token // closed when it ends without a last token
	err     error      // set before out is closed
	sampler *sample.Sampler
	stops   map[token.ID]bool
	rails   *rails // nil: the answer is free
	max     int    // tokens still allowed
	penalty bool   // the sampler looks at what is in the prompt
}

func newGeneration(e *Engine, o *Generate) *generation {
	g := &generation{out: make(chan Token, queuedTokens), stops: map[token.ID]bool{}, max: o.Max}
	opts := o.Sample
	opts.Suppress = slices.Concat(opts.Suppress, e.info.Suppress)
	g.penalty = opts.Repetition != 0 && opts.Repetition != 1 || opts.Presence != 0 || opts.Frequency != 0
	stops := slices.Concat(e.info.Stops, o.Stops)
	for _, id := range stops {
		g.stops[id] = true
	}
	if o.Grammar != nil {
		g.rails = newRails(e, o, stops)
		opts.Mask = g.rails.mask
	}
	g.sampler = sample.New(opts)
	if g.max == 0 {
		g.max = e.info.Context
	}
	return g
}

func (g *generation) fail(err error) {
	g.err = err
	close(g.out)
}

// stepSeq is a sequence as the step goroutine sees it.
type stepSeq struct {
	cursor
	kv     tensor.KV
	slots  []slot
	starts []int // position of each slot that is in the cache, wholly or partly
	gen    *generation
	failed error // what went wrong with a medium or the device
	// cached is how many positions of the prompt were not read in since the
	// last answer ended.
	cached int
	parked bool // a snapshot is among the engine's prefixes
}

// set keeps the first keep slots and puts added behind them.
func (s *stepSeq) set(e *Engine, keep int, added []slot) {
	s.end(nil)
	s.slots = append(s.slots[:keep], added...)
	s.failed = nil
	s.rewind(keep)
	e.borrow(s)
	s.cached = min(s.cached, s.kv.Len())
}

// rewind drops slot keep and all after it from the cache, or everything where
// the cache cannot go back that far.
func (s *stepSeq) rewind(keep int) {
	if keep >= len(s.starts) {
		return
	}
	n := min(s.starts[keep], s.kv.Len())
	if !s.kv.Restorable(n) {
		keep, n = 0, 0 // too far back: all is read in again
	}
	s.kv.Truncate(n)
	s.starts = s.starts[:keep]
	s.cursor = cursor{next: min(keep, s.next)}
}

// start begins an answer. The last token of a prompt is read in only now,
// since its logits are wanted; if it is in the cache already, from the answer
// before, it is read in again.
func (s *stepSeq) start(g *generation) {
	s.end(nil)
	s.gen = g
	if s.failed != nil {
		s.end(s.failed)
		return
	}
	if g.penalty {
		for _, slot := range s.slots {
			if slot.medium == nil {
				g.sampler.Observe(slot.id)
			}
		}
	}
	last := len(s.slots) - 1
	if s.slots[last].medium != nil {
		s.end(errors.New("engine: a prompt must end with a token to be answered"))
	} else if s.next > last {
		s.rewind(last)
	}
}

// stop ends g if it is still the sequence's.
func (s *stepSeq) stop(g *generation) {
	if s.gen == g {
		s.gen, s.cached = nil, unlimited
	}
}

// end ends the answer in progress, with an error for its reader if err is not
// nil.
func (s *stepSeq) end(err error) {
	if s.gen != nil && err != nil {
		s.gen.fail(err)
	}
	s.gen = nil
}

func (e *Engine) drop(s *stepSeq) {
	s.end(nil)
	if s.kv != nil {
		e.park(s.kv, s.slots[:s.next], s.starts)
	}
	e.seqs = slices.DeleteFunc(e.seqs, func(o *stepSeq) bool { return o == s })
}

func (e *Engine) encodeLater(m encoder) {
	if !slices.Contains(e.encoding, m) {
		e.encoding = append(e.encoding, m)
	}
}

// run is the step goroutine.
func (e *Engine) run() {
	defer e.done.Done()
	runtime.LockOSThread()
	for e.commands() {
		if !e.step() {
			<-e.wake
		}
	}
	for _, s := range e.seqs {
		s.end(ErrClosed)
	}
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
	return !closed
}

// step does one round of work and reports whether it found any.
func (e *Engine) step() bool {
	e.steps++
	worked := e.encodeSome()
	b := e.plan()
	if len(b.rows) > 0 {
		e.forward(b)
		worked = true
	}
	e.backend.EndStep()
	return worked
}

// encodeSome lets every medium that waits do one piece.
func (e *Engine) encodeSome() bool {
	waiting := e.encoding
	e.encoding = nil
	for _, m := range waiting {
		if err := e.guard(func() {
			if m.encode(e) {
				e.encodeLater(m)
			}
		}); err != nil {
			m.state().err = err
			e.log.Error("encoding failed", "err", err)
		}
	}
	return len(waiting) > 0
}

// forward runs a batch, samples for the rows that asked and delivers.
func (e *Engine) forward(b *batch) {
	var logits []float32
	err := e.guard(func() {
		if x := e.model.Forward(b.rows); x != nil {
			e.logits = e.backend.Read(e.logits, x)
			logits = e.logits
		}
	})
	if err != nil {
		e.log.Error("step failed", "err", err)
		for i, s := range b.seqs {
			s.kv.Truncate(min(b.rows[i].Pos, s.kv.Len()))
			s.failed = err
			s.end(err)
		}
		return
	}
	vocab := e.info.Vocab
	for i, s := range b.seqs {
		s.cursor = b.after[i]
		if b.rows[i].Logits > 0 {
			s.sample(e, logits[:vocab])
			logits = logits[vocab:]
		}
	}
}

// sample picks the next token, records it and hands it over. It is recorded
// first, so that the cache never runs ahead of the record.
func (s *stepSeq) sample(e *Engine, logits []float32) {
	g := s.gen
	choice, err := g.sampler.Pick(logits)
	if err != nil {
		s.end(err)
		return
	}
	g.sampler.Observe(choice.ID)
	if err := g.rails.accept(choice.ID); err != nil {
		s.end(err)
		return
	}
	g.max--
	t := Token{ID: choice.ID, Logprob: choice.Logprob, Alternatives: choice.Top, Cached: s.cached}
	s.snapshot(e)
	switch {
	case g.stops[choice.ID]:
		t.Stop = StopEOS
	case g.max <= 0 || s.kv.Len()+1 >= e.info.Context:
		t.Stop = StopLength
	}
	if t.Stop != StopEOS {
		s.slots = append(s.slots, slot{id: choice.ID})
	}
	if t.Stop != StopNone {
		s.gen, s.cached = nil, unlimited
	}
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
