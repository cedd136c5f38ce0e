package engine

import (
	"errors"
	"slices"

	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
)

// queuedTokens is how far an answer may run ahead of its reader if Generate
// does not say less. A sequence whose queue is full is left out of the steps
// until there is room.
const queuedTokens = 64

// generation is one answer while it is made.
type generation struct {
	out     chan Token // closed when it ends without a last token
	err     error      // set before out is closed
	sampler *sample.Sampler
	stops   map[token.ID]bool
	rails   *rails // nil: the answer is free
	max     int    // tokens still allowed
	made    int    // tokens so far
	penalty bool   // the sampler looks at what is in the prompt
	discard bool   // its tokens count as thrown away
	guesser guesser
}

func newGeneration(e *Engine, o *Generate) *generation {
	g := &generation{out: make(chan Token, orDefault(o.Ahead, queuedTokens)), stops: map[token.ID]bool{}, max: o.Max, discard: o.Discard, guesser: newGuesser()}
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
	class  Class
	slots  []slot
	starts []int // position of each slot that is in the cache, wholly or partly
	gen    *generation
	failed error // what went wrong with a medium or the device
	// exact is how many slots of the cache are what reading them in gives;
	// what lies behind was moved there by Slide.
	exact int
	// cached is how many positions of the prompt were not read in since the
	// last answer ended.
	cached int
	parked bool  // a snapshot is among the engine's prefixes
	drafts int64 // tokens decoded while the class is Speculative
	// second is the cache into which a prompt that was slid is read in again;
	// spoilt says that this cannot be. In second itself shadow is set.
	second         *stepSeq
	spoilt, shadow bool
	// covered is how many positions are paid for of Options.MaxBytes. It is
	// protected by Engine.mu.
	covered int
}

// set keeps the first keep slots and puts added behind them.
func (s *stepSeq) set(e *Engine, keep int, added []slot) {
	s.end(nil)
	if !s.kv.Restorable(s.kv.Len()) {
		s.readAgain() // a device that failed has lost what it held
	}
	back := s.handover(keep, added)
	s.slots = append(s.slots[:keep], added...)
	s.failed = nil
	if back < 0 {
		s.rewind(keep)
	} else {
		s.rewindInto(keep, back)
	}
	if !s.sliding() {
		e.unshadow(s)
		e.borrow(s)
	}
	s.cached = min(s.cached, s.kv.Len())
	e.count(func(t *Stats) { t.Kept += int64(s.kv.Len()) })
}

// readAgain drops all that the cache holds.
func (s *stepSeq) readAgain() {
	s.kv.Truncate(0)
	s.starts, s.cursor, s.exact = s.starts[:0], cursor{}, unlimited
}

// handover returns how many soft tokens of slot keep stay in the cache if the
// first of added is a fork of the clip that stands there, or the clip that the
// one there is a fork of; otherwise -1.
func (s *stepSeq) handover(keep int, added []slot) int {
	if keep >= len(s.starts) || len(added) == 0 || keep >= len(s.slots) {
		return -1
	}
	a, ok := s.slots[keep].medium.(*Clip)
	b, also := added[0].medium.(*Clip)
	if !ok || !also {
		return -1
	}
	n := b.shared(&a.soft)
	if s.next == keep {
		n = min(n, s.part)
	}
	return n
}

// rewind drops slot keep and all after it from the cache, or everything where
// the cache cannot go back that far.
func (s *stepSeq) rewind(keep int) {
	if keep < len(s.starts) {
		s.rewindInto(keep, 0)
	}
}

// rewindInto drops all but part soft tokens of slot keep, and all after it.
func (s *stepSeq) rewindInto(keep, part int) {
	n := min(s.starts[keep]+part, s.kv.Len())
	if !s.kv.Restorable(n) {
		keep, part, n = 0, 0, 0 // too far back: all is read in again
	}
	s.kv.Truncate(n)
	s.starts = s.starts[:keep+min(part, 1)]
	s.cursor = cursor{next: min(keep, s.next), part: part}
	if keep+min(part, 1) <= s.exact {
		s.exact = unlimited
	}
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

// stop ends the answer g if it is still the sequence's, and drops what its
// reader did not take: the first n slots stay.
func (s *stepSeq) stop(e *Engine, g *generation, n int) {
	if s.gen == g {
		s.gen, s.cached = nil, unlimited
	}
	if lost := len(s.slots) - n; lost > 0 {
		s.slots = s.slots[:n]
		s.rewind(n)
		if !g.discard && s.class != Speculative {
			e.count(func(t *Stats) { t.Discarded += int64(lost) })
		}
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

// setClass changes who comes first. A speculation that is none any more was
// not for nothing.
func (s *stepSeq) setClass(c Class) {
	if s.class = c; c != Speculative {
		s.drafts = 0
	}
}

// forkInto makes f a copy of the first n slots of s.
func (s *stepSeq) forkInto(f *stepSeq, n int) {
	f.cursor, f.kv, f.class = s.cursor, s.kv.Fork(), s.class
	f.slots, f.starts = slices.Clone(s.slots[:n]), slices.Clone(s.starts)
	f.failed, f.exact, f.cached, f.parked = s.failed, s.exact, s.cached, s.parked
	f.rewind(n)
}

// drop ends a sequence. Its cache is parked for prompts that begin alike,
// unless it was a speculation: that leaves no trace.
func (e *Engine) drop(s *stepSeq) {
	s.end(nil)
	if s.class == Speculative {
		e.count(func(t *Stats) { t.Discarded += s.drafts })
		s.kv.Free()
	} else {
		e.park(s.kv, s.slots[:min(s.next, s.exact)], s.starts)
	}
	e.unshadow(s)
	s.kv, s.slots, s.starts = nil, nil, nil
	e.seqs = slices.DeleteFunc(e.seqs, func(o *stepSeq) bool { return o == s })
}
