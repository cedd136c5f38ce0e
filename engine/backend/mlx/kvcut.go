package mlx

import (
	"fmt"

	"hark/engine/backend/mlx/mlxc"
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
		if c.lost != nil || r == nil || r.Sections != 1 || 2*len(r.Freq) != l.Dim {
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
		panic(fmt.Sprintf("mlx: Cut of positions %d to %d of %d", from, to, n))
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

// cut does what Cut says in one layer. The new arrays are as large as they must
// be.
func (c *cache) cut(l *layerKV, from, to int) {
	m, t := c.b.c, c.b.temp
	start, moved := max(to, l.first), l.n-max(to, l.first)
	keys := t(c.turnedBack(l, start, to-from))
	values := half{data: t(l.at(m, l.values.data, l.Dim, start, l.n))}
	after := half{data: keys}
	if l.Bits != 0 {
		after = c.b.coded(keys, l.Heads, moved, l.Dim, l.keyWidth(), l.keyGroups())
		values.scales = t(l.at(m, l.values.scales, 1, start, l.n))
	}
	stay := max(0, from-l.first) // positions before the cut that are held
	join := func(at *mlxc.Array, rest mlxc.Array, width int) {
		if stay > 0 {
			rest = m.Concatenate(2, t(l.at(m, *at, width, l.first, from)), rest)
		} else {
			rest = m.Again(rest)
		}
		c.replace(at, rest)
	}
	join(&l.keys.data, after.data, l.keyWidth())
	join(&l.values.data, values.data, l.Dim)
	if l.Bits != 0 {
		join(&l.keys.scales, after.scales, l.keyGroups())
		join(&l.values.scales, values.scales, 1)
	}
	first := l.firstAfter(from, to)
	l.n, l.first, l.room = first+stay+moved, first, stay+moved
	c.touch(l)
	c.b.sweepTrash()
}

// turnedBack returns the keys from start on, turned back by so many positions,
// [1, K, n, D].
func (c *cache) turnedBack(l *layerKV, start, by int) mlxc.Array {
	m, t, n := c.b.c, c.b.temp, l.n-start
	keys := t(m.Reshape(c.readKeys(l, start, l.n), l.Heads*n, 1, 1, l.Dim))
	if b := c.b; b.gpu && !readsHost && 2*len(l.Rotary.Freq) < narrow {
		turns := b.Angles(l.Rotary, []int32{int32(-by)}).(*angles)
		turns.rows = l.Heads * n // the same for all
		k := &array{b: b, h: keys, axes: 3}
		copy(k.dims[:], []int{turns.rows, 1, l.Dim})
		return m.Reshape(t(b.ropeNarrow(k, turns)), 1, l.Heads, n, l.Dim)
	}
	offset := t(mlxc.New(m, []int32{int32(-by)}, mlxc.Int32))
	keys = t(m.Rope(keys, l.Dim, offset, c.b.turns(l.Rotary)))
	return m.Reshape(keys, 1, l.Heads, n, l.Dim)
}
