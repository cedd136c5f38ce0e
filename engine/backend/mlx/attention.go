package mlx

import (
	"fmt"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// layerOf returns KV layer number of a segment's cache.
func layerOf(op string, s *tensor.Segment, number int) (*cache, *layerKV) {
	c := s.KV.(*cache)
	if number < 0 || number >= len(c.layers) {
		panic(&tensor.ShapeError{Op: op + ": KV layer", Got: []int{number}, Want: []int{len(c.layers)}})
	}
	if c.lost != nil {
		panic(&tensor.DeviceError{Op: op, Err: fmt.Errorf("the cache was lost: %w", c.lost)})
	}
	return c, &c.layers[number]
}

// segmentFits panics unless rows From to To exist.
func segmentFits(op string, s *tensor.Segment, rows int) {
	if s.From < 0 || s.To < s.From || s.To > rows || s.Pos < 0 {
		panic(&tensor.ShapeError{Op: op + ": segment", Got: []int{s.From, s.To, s.Pos}, Want: []int{0, rows, 0}})
	}
}

// heads returns rows from to to of x [T, heads, D] as [1, heads, to-from, D],
// x's own array or an intermediate result. Of a spread one nothing is copied.
func (b *Backend) heads(x *array, from, to int) mlxc.Array {
	h := x.h
	if to-from < x.dims[0] {
		h = b.temp(b.rows(x, from, to))
	}
	if !x.spread {
		h = b.temp(b.c.Reshape(h, to-from, x.dims[1], 1, x.dims[2]))
	}
	if to-from > 1 {
		h = b.temp(b.c.Transpose(h, 2, 1, 0, 3))
	}
	return h
}

// Store writes k and v [T, K, D] of KV layer number layer at the positions of
// segs, which must continue what is stored.
func (b *Backend) Store(layer int, k, v tensor.Tensor, segs []tensor.Segment) {
	keys, values := loose("Store", k), loose("Store", v)
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
		if n := s.To - s.From; n > 0 {
			c.append(l, b.heads(keys, s.From, s.To), b.heads(values, s.From, s.To), n)
		}
		b.sweepTrash()
	}
}

// visible returns the first and one past the last position that row number t
// of a segment sees.
func visible(s *tensor.Segment, l *layerKV, t int, ahead bool) (low, high int) {
	pos := s.Pos + t
	high = pos + 1
	if ahead && s.Until != nil {
		high = max(high, s.Until[t])
	}
	if l.Window > 0 {
		low = max(0, pos-l.Window+1)
	}
	return low, high
}

// sees returns the union of what a segment's rows see, and whether each sees
// all of that up to its own position, as MLX's causal mask says.
func sees(s *tensor.Segment, l *layerKV, ahead bool) (low, high int, causal bool) {
	n := s.To - s.From
	causal = true
	for t := range n {
		from, to := visible(s, l, t, ahead)
		if to > l.n || from < l.first {
			panic(&tensor.ShapeError{Op: "Attention: positions held", Got: []int{l.first, l.n}, Want: []int{from, to}})
		}
		if t == 0 {
			low, high = from, to
		}
		causal = causal && from == low && to == s.Pos+t+1
		low, high = min(low, from), max(high, to)
	}
	return low, high, causal
}

// Attention lets q [T, N, D] look at KV layer number layer of each segment's
// cache; see tensor.Ops. Rows outside all segments become zero.
func (b *Backend) Attention(layer int, q tensor.Tensor, segs []tensor.Segment, ahead bool) tensor.Tensor {
	a := loose("Attention", q)
	axes("Attention", a, 3)
	rows, heads, dim := a.dims[0], a.dims[1], a.dims[2]
	parts := b.joined[:0]
	at, done := 0, 0 // rows and segments that are computed
	gap := func(to int) {
		if to > at {
			parts = append(parts, b.temp(b.c.Zeros(b.dtype, to-at, heads, 1, dim)))
		}
	}
	for i := range segs {
		s := &segs[i]
		segmentFits("Attention", s, rows)
		c, l := layerOf("Attention", s, layer)
		if l.Dim != dim || heads%l.Heads != 0 {
			panic(&tensor.ShapeError{Op: "Attention: query heads, size", Got: []int{heads, dim}, Want: []int{l.Heads, l.Dim}})
		}
		if s.Until != nil && len(s.Until) != s.To-s.From {
			panic(&tensor.ShapeError{Op: "Attention: until", Got: []int{len(s.Until)}, Want: []int{s.To - s.From}})
		}
		if s.From < at {
			panic(&tensor.ShapeError{Op: "Attention: segment", Got: []int{s.From, s.To}, Want: []int{at, rows}})
		}
		gap(s.From)
		if n := b.singles(layer, segs[i:]); i >= done && n > 0 {
			parts = append(parts, b.attendRows(layer, a, segs[i:i+n], ahead))
			done = i + n
		}
		if i >= done && s.To > s.From {
			parts = append(parts, b.attend(c, l, a, s, ahead))
		}
		at = s.To
	}
	gap(rows)
	b.joined = parts
	if len(parts) == 0 {
		return b.wrap("Attention", b.c.Zeros(b.dtype, rows, heads*dim), rows, heads*dim)
	}
	h := parts[0]
	if len(parts) > 1 {
		h = b.temp(b.c.Concatenate(0, parts...))
	}
	return b.wrap("Attention", b.c.Reshape(h, rows, heads*dim), rows, heads*dim)
}

// attend computes one segment, [n, N, 1, D], an intermediate result.
func (b *Backend) attend(c *cache, l *layerKV, q *array, s *tensor.Segment, ahead bool) mlxc.Array {
	low, high, causal := sees(s, l, ahead)
	n := s.To - s.From
	var seen mlxc.Array
	if !causal {
		seen = b.mask(s, l, ahead, low, high)
	}
	h := b.temp(b.c.Attention(b.heads(q, s.From, s.To), c.readKeys(l, low, high), c.readValues(l, low, high), seen, causal && n > 1))
	if n > 1 {
		h = b.temp(b.c.Transpose(h, 2, 1, 0, 3))
	}
	return h
}

// mask says which mask of a step is meant.
type mask struct {
	pos, n, low, high, window int
	until                     *int // the first; nil where the rows do not look ahead
}

// mask returns what a segment's rows see of positions low to high, [n,
// high-low] bools, made once a step for all layers of the kind.
func (b *Backend) mask(s *tensor.Segment, l *layerKV, ahead bool, low, high int) mlxc.Array {
	n, width := s.To-s.From, high-low
	key := mask{pos: s.Pos, n: n, low: low, high: high, window: l.Window}
	if ahead && len(s.Until) > 0 {
		key.until = &s.Until[0]
	}
	if h, ok := b.masks[key]; ok {
		return h
	}
	see := make([]bool, n*width)
	for t := range n {
		from, to := visible(s, l, t, ahead)
		for j := from - low; j < to-low; j++ {
			see[t*width+j] = true
		}
	}
	h := mlxc.New(b.c, see, mlxc.Bool, n, width)
	b.masks[key] = h
	return h
}

// FullAttention lets all rows see all rows: q, k, v [P, N, D] → [P, N*D].
func (b *Backend) FullAttention(q, k, v tensor.Tensor) tensor.Tensor {
	a, keys, values := loose("FullAttention", q), loose("FullAttention", k), loose("FullAttention", v)
	axes("FullAttention", a, 3)
	same("FullAttention: keys", keys.Shape(), a.Shape()...)
	same("FullAttention: values", values.Shape(), a.Shape()...)
	rows, width := a.dims[0], a.dims[1]*a.dims[2]
	if rows == 0 {
		return b.wrap("FullAttention", b.c.Zeros(b.dtype, 0, width), 0, width)
	}
	h := b.temp(b.c.Attention(b.heads(a, 0, rows), b.heads(keys, 0, rows), b.heads(values, 0, rows), 0, false))
	h = b.temp(b.c.Transpose(h, 0, 2, 1, 3))
	return b.wrap("FullAttention", b.c.Reshape(h, rows, width), rows, width)
}
