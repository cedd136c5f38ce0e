package engine

import (
	"math"
	"slices"

	"hark/engine/tensor"
)

// A prompt often begins as another did: the same instructions and tools, the
// same conversation after a lost connection. What is in some cache already is
// borrowed from there instead of being computed again. Caches share their
// pages, so a borrowed prefix costs no memory until its owner goes another way.

// unlimited is a number of positions beyond every cache.
const unlimited = math.MaxInt

// leastGain is how many more positions another cache must offer than the
// sequence's own to be worth the change.
const leastGain = 16

// prefixes are caches without a sequence, the one used last at the end.
type prefixes struct {
	kept  []*parked
	bytes int64
}

// parked is a cache that waits for a prompt that begins as its own did.
type parked struct {
	kv     tensor.KV
	slots  []slot
	starts []int
	bytes  int64
	saved  bool   // in a file, or it cannot be
	name   string // of the file
}

// same reports whether two slots have the same content.
func (s slot) same(o slot) bool {
	if s == o {
		return true
	}
	if s.medium == nil || o.medium == nil {
		return false
	}
	a, whole := s.medium.key()
	b, also := o.medium.key()
	return whole && also && a == b
}

// common returns how many slots two prompts begin with alike.
func common(a, b []slot) int {
	n := 0
	for n < len(a) && n < len(b) && a[n].same(b[n]) {
		n++
	}
	return n
}

// borrow gives s the cache that holds most of its prompt, if that is not its
// own.
func (e *Engine) borrow(s *stepSeq) {
	if s.next == len(s.slots) {
		return
	}
	var from tensor.KV
	var starts []int
	best, slots, owner := s.kv.Len()+leastGain, 0, -1
	consider := func(kv tensor.KV, held []slot, at []int, number int) {
		if kv.Len() < best || len(held) <= s.next || !held[s.next].same(s.slots[s.next]) {
			return // at a glance
		}
		n := common(s.slots, held)
		length := kv.Len()
		if n < len(at) {
			length = min(length, at[n])
		}
		if length >= best && kv.Restorable(length) {
			from, starts, best, slots, owner = kv, at, length, n, number
		}
	}
	for i, p := range e.prefixes.kept {
		consider(p.kv, p.slots, p.starts, i)
	}
	for _, other := range e.seqs {
		if other != s && other.class != Speculative {
			consider(other.kv, other.slots[:min(other.next, other.exact)], other.starts, -1)
		}
	}
	if from == nil {
		return
	}
	kv := from.Fork()
	kv.Truncate(best)
	s.kv.Free()
	s.kv, s.starts, s.cursor = kv, slices.Clone(starts[:slots]), cursor{next: slots}
	if s.cached == unlimited || s.cached < best {
		s.cached = best
	}
	e.count(func(t *Stats) { t.Borrowed += int64(best) })
	if owner >= 0 {
		e.prefixes.use(owner)
	}
}

// snapshot parks a copy of a sequence's first prompt: the sequence itself goes
// on, and layers with a window forget what it began with.
func (s *stepSeq) snapshot(e *Engine) {
	if s.parked || s.class == Speculative {
		return
	}
	s.parked = true
	e.park(s.kv.Fork(), s.slots[:min(s.next, s.exact)], s.starts)
}

// park keeps a cache whose slots are in it wholly, or frees it if it is too
// short to be of use, too large, held by another, or lost with a device that
// failed.
func (e *Engine) park(kv tensor.KV, slots []slot, starts []int) {
	if len(slots) < len(starts) { // more is in it: part of a medium, or what was moved
		n := min(starts[len(slots)], kv.Len())
		if !kv.Restorable(n) {
			kv.Free()
			return
		}
		kv.Truncate(n)
	}
	p := &parked{kv: kv, slots: slices.Clone(slots), starts: slices.Clone(starts[:min(len(starts), len(slots))]), bytes: kv.Bytes()}
	if kv.Len() < leastGain || !kv.Restorable(kv.Len()) || len(p.starts) < len(p.slots) || p.bytes > e.spare() || e.prefixes.holds(p) {
		kv.Free()
		return
	}
	e.keep(p)
}

// keep keeps p in place of those that it covers, and drops those that were used
// longest ago until the rest fits.
func (e *Engine) keep(p *parked) {
	s := &e.prefixes
	for i := len(s.kept) - 1; i >= 0; i-- {
		if p.covers(s.kept[i]) {
			e.unkeep(i)
		}
	}
	s.kept = append(s.kept, p)
	s.bytes += p.bytes
	e.trim()
}

// trim drops the prefixes for which there is no memory.
func (e *Engine) trim() {
	for len(e.prefixes.kept) > 0 && e.prefixes.bytes > e.spare() {
		e.unkeep(0)
	}
}

// unkeep drops prefix i.
func (e *Engine) unkeep(i int) {
	s := &e.prefixes
	p := s.kept[i]
	s.kept = slices.Delete(s.kept, i, i+1)
	s.bytes -= p.bytes
	p.kv.Free()
	e.forget(p)
}

// holds reports whether a cache that is kept can stand in for p, which then
// counts as used.
func (s *prefixes) holds(p *parked) bool {
	i := slices.IndexFunc(s.kept, func(o *parked) bool { return o.covers(p) })
	if i >= 0 {
		s.use(i)
	}
	return i >= 0
}

// covers reports whether p can lend all that o can.
func (p *parked) covers(o *parked) bool {
	return len(o.slots) <= len(p.slots) && common(p.slots, o.slots) == len(o.slots) && p.kv.Restorable(o.kv.Len())
}

// use puts a cache last in the order in which they go.
func (s *prefixes) use(i int) {
	p := s.kept[i]
	s.kept = append(slices.Delete(s.kept, i, i+1), p)
}
