package engine

import (
	"slices"
	"time"
)

// A conversation that outgrows the context loses its oldest turns: what is
// left is the instructions and the later turns. Slide keeps both in the cache,
// which makes the later turns a little wrong, since they were computed when
// the lost ones could still be seen; the step goroutine reads the prompt in
// again when it has nothing else to do, into a second cache, and swaps the two.

// idleTime is how long nothing may have happened before that begins, and
// leastSlide how many slots must follow the gap for the move to be worth it.
const (
	idleTime   = 500 * time.Millisecond
	leastSlide = 16
)

// Slide is Set for a prompt that leaves out a stretch of what the sequence
// holds: the oldest turns. What stands behind the stretch stays in the cache
// as far as prompt has it behind what stands before; it is moved, so answers
// are not bit by bit what Set would give until the engine has read the prompt
// in again, in idle time. Where the cache cannot be cut, Slide is Set; then
// fewer positions are kept than it returns.
func (s *Sequence) Slide(prompt []Part) (reused int, err error) {
	slots, err := s.flatten(nil, prompt)
	if err != nil {
		return 0, err
	}
	keep, reused := s.common(slots)
	from, n := gap(s.slots[keep:], slots[keep:])
	if n < leastSlide || from == 0 {
		return reused, s.put(keep, slots)
	}
	if err := s.e.afford(s.st, length(slots)); err != nil {
		return 0, err
	}
	reused = length(slots[:keep+n])
	added, st := slices.Clone(slots[keep+n:]), s.st
	s.slots = slots
	from += keep
	if !s.e.do(func() { st.slide(s.e, keep, from, n, added) }) {
		return 0, ErrClosed
	}
	return reused, nil
}

// gap finds in old the longest run that prompt begins with: its place, the
// first of several, and its length. It takes time in proportion to both
// (Gusfield, Algorithms on Strings, 1.3: the Z algorithm).
func gap(old, prompt []slot) (at, n int) {
	both := slices.Concat(prompt, old)
	z := make([]int, len(both))
	left, right := 0, 0 // the match that ends furthest behind
	for i := 1; i < len(both); i++ {
		if i < right {
			z[i] = min(right-i, z[i-left])
		}
		for i+z[i] < len(both) && z[i] < len(prompt) && both[z[i]] == both[i+z[i]] {
			z[i]++
		}
		if i+z[i] > right {
			left, right = i, i+z[i]
		}
		if i >= len(prompt) && min(z[i], len(prompt)) > n {
			at, n = i-len(prompt), min(z[i], len(prompt))
		}
	}
	return at, n
}

// slide keeps the first keep slots and the n from slot from on, moved to follow
// them, and puts added behind.
func (s *stepSeq) slide(e *Engine, keep, from, n int, added []slot) {
	s.end(nil)
	moved := s.slots[from : from+n]
	rest := slices.Concat(moved, added)
	s.rewind(from + n)
	if s.next <= from || !s.cuttable(keep, from) {
		s.set(e, keep, rest)
		return
	}
	start, end := s.starts[keep], s.starts[from]
	if err := e.guard(func() { s.kv.Cut(start, end) }); err != nil {
		e.log.Error("slide failed", "err", err)
		s.readAgain()
		s.set(e, keep, rest)
		return
	}
	s.starts = slices.Delete(s.starts, keep, from)
	for i := keep; i < len(s.starts); i++ {
		s.starts[i] -= end - start
	}
	s.slots = append(s.slots[:keep], rest...)
	s.next -= from - keep
	s.failed = nil
	s.exact, s.spoilt = min(s.exact, keep), false
	s.cached = min(s.cached, s.kv.Len())
	e.count(func(t *Stats) {
		t.Slid++
		t.Kept += int64(s.kv.Len())
	})
}

// cuttable reports whether the cache can lose slots from to to.
func (s *stepSeq) cuttable(from, to int) bool {
	return to < len(s.starts) && s.kv.Cuttable(s.starts[from], s.starts[to])
}

// sliding reports whether part of what the cache holds was moved there.
func (s *stepSeq) sliding() bool { return s.exact < s.next || s.exact == s.next && s.part > 0 }

// rest does a piece of what can wait for an idle moment. It reports whether it
// did some: whoever comes meanwhile waits for that piece at most.
func (e *Engine) rest() bool {
	now := time.Now()
	if e.idle.IsZero() {
		e.idle = now
	}
	if now.Sub(e.idle) < idleTime {
		return false
	}
	return e.refresh() || e.saveOne()
}

// sleep waits for a command, or for the time of rest to come.
func (e *Engine) sleep() {
	if !e.restless() {
		<-e.wake
		return
	}
	timer := time.NewTimer(time.Until(e.idle.Add(idleTime)))
	defer timer.Stop()
	select {
	case <-e.wake:
	case <-timer.C:
	}
}

// restless reports whether rest would find something to do.
func (e *Engine) restless() bool {
	return e.unsaved() != nil || slices.ContainsFunc(e.seqs, (*stepSeq).refreshable)
}

// refreshable reports whether s is to be read in again.
func (s *stepSeq) refreshable() bool {
	return s.sliding() && s.class != Speculative && s.gen == nil && s.failed == nil && !s.spoilt
}

// refresh reads a piece of a slid prompt into a second cache, and puts that in
// place of the first when it holds as much. It reports whether it found
// something to do.
func (e *Engine) refresh() bool {
	i := slices.IndexFunc(e.seqs, (*stepSeq).refreshable)
	if i < 0 {
		return false
	}
	s := e.seqs[i]
	r := s.second
	if r == nil {
		r = &stepSeq{kv: e.newKV(), exact: unlimited, cached: unlimited, shadow: true}
		s.second = r
		if e.afford(r, length(s.slots)) != nil {
			s.spoilt = true
			e.unshadow(s)
			return true
		}
	}
	keep := common(s.slots, r.slots)
	r.rewind(keep)
	r.slots = append(r.slots[:keep], s.slots[keep:]...)
	if r.next == 0 {
		e.borrow(r)
	}
	began := time.Now()
	b := &batch{}
	n := b.add(e, r, e.pace.now)
	if n > 0 {
		e.forward(b)
		e.pace.learn(n, time.Since(began))
	}
	e.backend.EndStep()
	switch {
	case r.failed != nil:
		s.spoilt = true // a medium is gone: it stays as it is until the next slide
		e.unshadow(s)
	case n == 0 || r.next > s.next || r.next == s.next && r.part >= s.part:
		s.kv, r.kv = r.kv, s.kv
		s.starts, s.cursor, s.exact = r.starts, r.cursor, unlimited
		e.unshadow(s)
		e.count(func(t *Stats) { t.Refreshed++ })
	}
	return true
}

// unshadow drops the second cache of s.
func (e *Engine) unshadow(s *stepSeq) {
	if r := s.second; r != nil {
		r.kv.Free()
		e.afford(r, 0)
		s.second = nil
	}
}
