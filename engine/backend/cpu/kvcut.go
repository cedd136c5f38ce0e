package cpu

import (
	"fmt"
	"math"
	"slices"

	"hark/engine/tensor"
)

// Cuttable reports whether every layer can move what follows to down to from;
// see tensor.KV.
func (c *cache) Cuttable(from, to int) bool {
	n := c.Len()
	if from < 0 || from > to || to > n {
		return false
	}
	if to == n {
		return c.Restorable(from)
	}
	if from == to {
		return true
	}
	for i := range c.layers {
		l := &c.layers[i]
		r := l.Rotary
		if r == nil || r.Sections != 1 || 2*len(r.Freq) != l.Dim {
			return false
		}
		if l.firstAfter(from, to) > max(0, n-(to-from)-l.Window+1) {
			return false
		}
	}
	return true
}

// firstAfter returns the first position that is held after a cut.
func (l *layerKV) firstAfter(from, to int) int {
	if l.first <= from {
		return l.first
	}
	return max(l.first, to) - (to - from)
}

// Cut drops positions from to to and moves down what follows; see tensor.KV.
func (c *cache) Cut(from, to int) {
	n := c.Len()
	if !c.Cuttable(from, to) {
		panic(fmt.Sprintf("cpu: Cut of positions %d to %d of %d", from, to, n))
	}
	c.Truncate(n) // layers may be ahead
	switch {
	case to == n:
		c.Truncate(from)
	case from < to:
		var turns []*cutTurns
		for i := range c.layers {
			l := &c.layers[i]
			at := slices.IndexFunc(turns, func(t *cutTurns) bool { return t.r == l.Rotary })
			if at < 0 {
				at = len(turns)
				turns = append(turns, &cutTurns{r: l.Rotary, from: from, to: to})
			}
			c.cut(l, turns[at])
		}
	}
}

// cut does what Cut says in one layer. Positions move in their order, so one
// is read before its place is written.
func (c *cache) cut(l *layerKV, turns *cutTurns) {
	from, to, n := turns.from, turns.to, l.n
	first := l.firstAfter(from, to)
	c.row = grown(c.row, l.Dim)
	for pos := max(to, l.first); pos < n; pos++ {
		down := pos - (to - from)
		if l.pages[down/pagePositions] == nil {
			l.pages[down/pagePositions] = c.pool.get(l.kind())
		}
		target, source := c.writable(l, down/pagePositions), l.pages[pos/pagePositions]
		cos, sin := turns.at(pos)
		for h := range l.Heads {
			target.move(l.slot(value, h, down), source, l.slot(value, h, pos))
			source.get(c.row, l.slot(key, h, pos))
			rotate(c.row, c.row, cos, sin)
			target.set(l.slot(key, h, down), c.row)
		}
	}
	l.n = n - (to - from)
	keep := (l.n + pagePositions - 1) / pagePositions
	for i, pg := range l.pages {
		if pg != nil && (i >= keep || i < first/pagePositions) {
			c.pool.put(pg)
			l.pages[i] = nil
		}
	}
	l.first, l.pages = first, l.pages[:keep]
}

// cutTurns are the turns of a cut, made when they are first asked for and
// shared by the layers.
type cutTurns struct {
	r        *tensor.Rotary
	from, to int
	cos, sin []float32 // [positions, D/2], from position to on
}

// at returns cosines and sines of what a key of position pos turns by when it
// moves: the angle that Angles gives its new position less that of the old.
func (t *cutTurns) at(pos int) (cos, sin []float32) {
	half := len(t.r.Freq)
	for p := t.to + len(t.cos)/max(half, 1); p <= pos; p++ {
		for _, freq := range t.r.Freq {
			angle := float64(float32(p-(t.to-t.from))*freq) - float64(float32(p)*freq)
			s, c := math.Sincos(angle)
			t.cos, t.sin = append(t.cos, float32(c)), append(t.sin, float32(s))
		}
	}
	at := (pos - t.to) * half
	return t.cos[at : at+half], t.sin[at : at+half]
}

// grown returns a slice of n values, of s if it is large enough.
func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		s = make([]float32, n)
	}
	return s[:n]
}
