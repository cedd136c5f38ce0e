package cpu

import (
	"fmt"
	"math"
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
		for i := range c.layers {
			c.cut(&c.layers[i], from, to)
		}
	}
}

// cut does what Cut says in one layer. Pages that lie before from stay; those
// behind it are made anew, by all workers, as others may share the old ones.
func (c *cache) cut(l *layerKV, from, to int) {
	after := *l
	after.n, after.first = l.n-(to-from), l.firstAfter(from, to)
	kept := from / pagePositions
	after.pages = append([]*page(nil), l.pages[:kept]...)
	for i := kept; i*pagePositions < after.n; i++ {
		var pg *page
		if i >= after.gone() {
			pg = c.b.pages.get(l.kind())
		}
		after.pages = append(after.pages, pg)
	}
	j := &cutJob{b: c.b, before: l, after: &after, from: from, to: to, cos: make([]float32, l.Dim/2), sin: make([]float32, l.Dim/2)}
	for i, freq := range l.Rotary.Freq {
		sin, cos := math.Sincos(-float64(to-from) * float64(freq))
		j.cos[i], j.sin[i] = float32(cos), float32(sin)
	}
	c.b.pool.do(j, len(after.pages)-kept, 1)
	for _, pg := range l.pages[max(kept, l.gone()):] {
		c.b.pages.put(pg)
	}
	*l = after
}

// cutJob fills the pages of a layer from the one that holds from on, with what
// was there and what moves there.
type cutJob struct {
	b             *Backend
	before, after *layerKV
	from, to      int
	cos, sin      []float32 // [D/2], of a key that moves
}

func (j *cutJob) run(worker, first, last int) {
	row := j.b.scratch[worker].floats(slotQueries, j.after.Dim)
	kept := j.from / pagePositions
	for i := kept + first; i < kept+last; i++ {
		low, high := max(i*pagePositions, j.after.first), min((i+1)*pagePositions, j.after.n)
		for pos := low; pos < high; pos++ {
			j.position(pos, row)
		}
	}
}

// position fills in one position; row is a key's memory.
func (j *cutJob) position(pos int, row []float32) {
	l, was, moved := j.after, pos, pos >= j.from
	if moved {
		was += j.to - j.from
	}
	target, source := l.pages[pos/pagePositions], j.before.pages[was/pagePositions]
	for h := range l.Heads {
		target.move(l.slot(value, h, pos), source, l.slot(value, h, was))
		if !moved {
			target.move(l.slot(key, h, pos), source, l.slot(key, h, was))
			continue
		}
		source.get(row, l.slot(key, h, was))
		rotate(row, row, j.cos, j.sin)
		target.set(l.slot(key, h, pos), row)
	}
}

// grown returns a slice of n values, of s if it is large enough.
func grown(s []float32, n int) []float32 {
	if cap(s) < n {
		s = make([]float32, n)
	}
	return s[:n]
}
