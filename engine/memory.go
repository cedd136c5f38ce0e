package engine

import (
	"hark/engine/tensor"
)

// Options.MaxBytes bounds the memory of all caches. What a sequence may come to
// hold is paid for before it is read in, counted as if it shared nothing with
// others; the caches that are kept without a sequence (prefix.go) have what is
// left and give way.

// covering is the number of positions that are paid for at a time.
const covering = 64

// rewindSlack is how many positions a layer with a window is expected to hold
// beyond it, so that a cache can go back.
const rewindSlack = 1024

// bytesFor estimates the memory of a cache of n positions.
func (e *Engine) bytesFor(n int) (bytes int64) {
	if e.opts.MaxBytes == 0 {
		return 0
	}
	n = (n + covering - 1) / covering * covering
	for _, l := range e.layers {
		held := n
		if l.Window > 0 {
			held = min(n, l.Window+rewindSlack+covering)
		}
		bytes += int64(held) * e.positionBytes(l)
	}
	return bytes
}

// positionBytes is the memory of one position's keys and values in a layer.
func (e *Engine) positionBytes(l tensor.KVLayer) int64 {
	if l.Bits == 8 {
		scales := (l.Dim+31)/32 + 1 // of a key and of a value
		return int64(l.Heads) * int64(2*l.Dim+4*scales)
	}
	value := 4
	if p, ok := e.backend.(tensor.Precise); ok {
		value = p.ValueBytes()
	}
	return 2 * int64(l.Heads) * int64(l.Dim) * int64(value)
}

// afford pays for a sequence of n positions, more or fewer than before, or
// returns ErrMemory.
func (e *Engine) afford(st *stepSeq, n int) error {
	if e.opts.MaxBytes == 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	more := e.bytesFor(n) - e.bytesFor(st.covered)
	if more > 0 && e.reserved+more > e.opts.MaxBytes {
		return ErrMemory
	}
	e.reserved += more
	st.covered = n
	return nil
}

// cover pays for what a sequence grows by itself: an answer, a clip. It reports
// whether there was memory. The step goroutine calls it.
func (e *Engine) cover(s *stepSeq, n int) bool {
	if e.opts.MaxBytes == 0 || s.shadow {
		return true
	}
	e.mu.Lock()
	covered := s.covered
	e.mu.Unlock()
	return n <= covered || e.afford(s, n) == nil
}

// spare returns how much memory is left for caches without a sequence.
func (e *Engine) spare() int64 {
	if e.opts.MaxBytes == 0 {
		return e.opts.PrefixBytes
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return min(e.opts.PrefixBytes, e.opts.MaxBytes-e.reserved)
}
