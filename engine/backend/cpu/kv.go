package cpu

import (
	"fmt"

	"hark/engine/tensor"
)

// layerKV is one layer's share of a cache.
type layerKV struct {
	tensor.KVLayer
	pages []*page // page i holds positions 64i to 64i+63; nil: dropped
	n     int     // positions stored
	first int     // first position that is held
}

// size returns the values of a page.
func (l *layerKV) size() int { return 2 * l.Heads * pagePositions * l.Dim }

// kind returns that of the layer's pages.
func (l *layerKV) kind() pageKind {
	if l.Bits == 0 {
		return pageKind{size: l.size()}
	}
	return pageKind{size: l.size(), scales: l.Heads * pagePositions * (l.keyScales() + 1)}
}

// bytes returns the memory of a page.
func (l *layerKV) bytes() int64 {
	kind := l.kind()
	if kind.scales == 0 {
		return 4 * int64(kind.size)
	}
	return int64(kind.size) + 4*int64(kind.scales)
}

// gone returns the pages dropped, all at the front.
func (l *layerKV) gone() int { return l.first / pagePositions }

// rewindable is how many positions a layer with a window keeps beyond it, so
// that a cache can go back: what was said since the user was interrupted.
const rewindable = 1024

// drop gives back the pages that no position from pos on sees, nor from
// rewindable positions before it.
func (c *cache) drop(l *layerKV, pos int) {
	if l.Window == 0 {
		return
	}
	for seen := pos - l.Window - rewindable; (l.gone()+1)*pagePositions <= seen; {
		gone := l.gone()
		c.b.pages.put(l.pages[gone])
		l.pages[gone] = nil
		l.first = (gone + 1) * pagePositions
	}
}

// cache implements tensor.KV.
type cache struct {
	b      *Backend
	layers []layerKV
}

// NewKV makes an empty cache.
func (b *Backend) NewKV(layers []tensor.KVLayer) tensor.KV {
	c := &cache{b: b, layers: make([]layerKV, len(layers))}
	for i, l := range layers {
		if l.Heads < 1 || l.Dim < 1 || l.Window < 0 {
			panic(&tensor.ShapeError{Op: "NewKV: heads, size, window", Got: []int{l.Heads, l.Dim, l.Window}, Want: []int{1, 1, 0}})
		}
		if l.Bits != 0 && l.Bits != 8 {
			panic(&tensor.ShapeError{Op: "NewKV: bits", Got: []int{l.Bits}, Want: []int{0, 8}})
		}
		c.layers[i].KVLayer = l
	}
	return c
}

// Len returns the positions that every layer has stored.
func (c *cache) Len() int {
	if len(c.layers) == 0 {
		return 0
	}
	n := c.layers[0].n
	for i := range c.layers {
		n = min(n, c.layers[i].n)
	}
	return n
}

// Restorable reports whether every layer has what position n sees; see
// tensor.KV.
func (c *cache) Restorable(n int) bool {
	for i := range c.layers {
		if l := &c.layers[i]; n > 0 && l.first > max(0, n-l.Window+1) {
			return false
		}
	}
	return true
}

// Truncate drops position n and everything after it, in layers that are ahead
// of Len too.
func (c *cache) Truncate(n int) {
	if n < 0 || n > c.Len() || !c.Restorable(n) {
		panic(fmt.Sprintf("cpu: Truncate to %d of %d positions", n, c.Len()))
	}
	keep := (n + pagePositions - 1) / pagePositions
	for i := range c.layers {
		l := &c.layers[i]
		for _, pg := range l.pages[max(keep, l.gone()):] {
			c.b.pages.put(pg)
		}
		clear(l.pages[keep:])
		l.pages, l.n = l.pages[:keep], n
		if n == 0 {
			l.first = 0
		}
	}
}

// Fork returns a copy that shares the pages.
func (c *cache) Fork() tensor.KV {
	f := &cache{b: c.b, layers: make([]layerKV, len(c.layers))}
	for i, l := range c.layers {
		l.pages = append([]*page(nil), l.pages...)
		for _, pg := range l.pages[l.gone():] {
			pg.refs++
		}
		f.layers[i] = l
	}
	return f
}

// Bytes returns the memory of all pages, shared ones counted fully.
func (c *cache) Bytes() int64 {
	var n int64
	for i := range c.layers {
		l := &c.layers[i]
		n += int64(len(l.pages)-l.gone()) * l.bytes()
	}
	return n
}

// Free gives the pages back.
func (c *cache) Free() {
	for i := range c.layers {
		for _, pg := range c.layers[i].pages[c.layers[i].gone():] {
			c.b.pages.put(pg)
		}
	}
	c.layers = nil
}

// writable returns page i of l for writing: made if it is the next one, copied
// if it is shared.
func (c *cache) writable(l *layerKV, i int) *page {
	if i == len(l.pages) {
		l.pages = append(l.pages, c.b.pages.get(l.kind()))
	}
	pg := l.pages[i]
	if pg.refs > 1 {
		own := c.b.pages.get(l.kind())
		own.copyFrom(pg)
		c.b.pages.put(pg)
		l.pages[i], pg = own, own
	}
	return pg
}

// append stores n positions of k and v [n, K, D].
func (c *cache) append(l *layerKV, k, v []float32, n int) {
	width := l.Heads * l.Dim
	for t := range n {
		pg := c.writable(l, l.n/pagePositions)
		for h := range l.Heads {
			from := t*width + h*l.Dim
			pg.set(l.slot(key, h, l.n), k[from:from+l.Dim])
			pg.set(l.slot(value, h, l.n), v[from:from+l.Dim])
		}
		l.n++
	}
}

// layer returns KV layer number of a segment's cache.
func layerOf(op string, s *tensor.Segment, number int) (*cache, *layerKV) {
	c := s.KV.(*cache)
	if number < 0 || number >= len(c.layers) {
		panic(&tensor.ShapeError{Op: op + ": KV layer", Got: []int{number}, Want: []int{len(c.layers)}})
	}
	return c, &c.layers[number]
}

// segment panics unless rows From to To exist.
func segmentFits(op string, s *tensor.Segment, rows int) {
	if s.From < 0 || s.To < s.From || s.To > rows || s.Pos < 0 {
		panic(&tensor.ShapeError{Op: op + ": segment", Got: []int{s.From, s.To, s.Pos}, Want: []int{0, rows, 0}})
	}
}

// Store writes k and v [T, K, D] of KV layer number layer at the positions of
// segs, which must continue what is stored.
func (b *Backend) Store(layer int, k, v tensor.Tensor, segs []tensor.Segment) {
	keys, values := in("Store", k), in("Store", v)
	axes("Store", keys, 3)
	same("Store: values", values.Shape(), keys.Shape()...)
	for i := range segs {
		s := &segs[i]
		segmentFits("Store", s, keys.dims[0])
		c, l := layerOf("Store", s, layer)
		same("Store: keys", keys.dims[1:3], l.Heads, l.Dim)
		if s.Pos != l.n {
			panic(&tensor.ShapeError{Op: fmt.Sprintf("Store: layer %d continues at position", layer), Got: []int{s.Pos}, Want: []int{l.n}})
		}
		c.drop(l, s.Pos)
		width := l.Heads * l.Dim
		c.append(l, keys.data[s.From*width:s.To*width], values.data[s.From*width:s.To*width], s.To-s.From)
	}
}
