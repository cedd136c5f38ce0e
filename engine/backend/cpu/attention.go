package cpu

import (
	"math"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// queries is how many rows of queries share one pass over the keys; package
// kernel mixes that many at once.
const queries = 4

// view is how far one row of queries sees: positions from low to high
// (exclusive).
type view struct{ low, high int }

// attention computes one tile of queries against spans of keys and values.
// The order of every sum is that of the positions, so the tile's other rows
// have no influence.
type attention struct {
	q, scores, mix []float32 // [4, D], [4, S], [4, D]
	views          [queries]view
	low, high      int // union of views
	dim            int
}

// newAttention prepares a tile of size dim for the given views.
func newAttention(s *scratch, dim int, views [queries]view) attention {
	a := attention{views: views, low: views[0].low, high: views[0].high, dim: dim}
	for _, v := range views[1:] {
		a.low, a.high = min(a.low, v.low), max(a.high, v.high)
	}
	a.q = s.floats(slotQueries, queries*dim)
	a.mix = s.floats(slotMix, queries*dim)
	a.scores = s.floats(slotScores, queries*(a.high-a.low))
	return a
}

// score fills in the products with n keys from position first on.
func (a *attention) score(keys kernel.Matrix, first, n int) {
	width := a.high - a.low
	kernel.MatMul(
		kernel.Matrix{Data: a.scores[first-a.low:], Stride: width},
		kernel.Matrix{Data: a.q, Stride: a.dim}, keys, queries, n, a.dim)
}

// softmax turns scores into exponentials, 0 where a row does not see, and
// returns one over their sums.
func (a *attention) softmax() (inverse [queries]float32) {
	width := a.high - a.low
	for r, v := range a.views {
		row := a.scores[r*width : (r+1)*width]
		seen := row[v.low-a.low : v.high-a.low]
		inverse[r] = softmax(seen)
		clear(row[:v.low-a.low])
		clear(row[v.high-a.low:])
	}
	clear(a.mix)
	return inverse
}

// add mixes in n values from position first on.
func (a *attention) add(values kernel.Matrix, first, n int) {
	kernel.Mix(
		kernel.Matrix{Data: a.mix, Stride: a.dim},
		kernel.Matrix{Data: a.scores[first-a.low:], Stride: a.high - a.low},
		values, n, a.dim)
}

// softmax turns scores into exponentials relative to the greatest and returns
// one over their sum.
func softmax(scores []float32) float32 {
	most := float32(math.Inf(-1))
	for _, s := range scores {
		most = max(most, s)
	}
	return 1 / kernel.Exp(scores, most)
}

// tileRef is one tile of Attention: rows of queries that share a key head.
// Row r of the segment's key head has position r/G and query head r%G, where
// G = N/K.
type tileRef struct {
	seg, head, row int
}

// attendJob computes tiles of Attention.
type attendJob struct {
	b      *Backend
	dst, q []float32 // [T, N, D]
	heads  int       // N
	layer  int
	ahead  bool
	segs   []tensor.Segment
	tiles  []tileRef
}

func (j *attendJob) run(worker, from, to int) {
	for _, t := range j.tiles[from:to] {
		j.tile(&j.b.scratch[worker], t)
	}
}

func (j *attendJob) tile(s *scratch, ref tileRef) {
	seg := &j.segs[ref.seg]
	_, l := layerOf("Attention", seg, j.layer)
	group := j.heads / l.Heads
	total := (seg.To - seg.From) * group
	var views [queries]view
	for r := range views {
		views[r] = visible(seg, l, min(ref.row+r, total-1)/group, j.ahead)
	}
	a := newAttention(s, l.Dim, views)
	for r := range queries {
		copy(a.q[r*l.Dim:(r+1)*l.Dim], j.q[j.offset(ref, l, group, min(ref.row+r, total-1)):])
	}
	half := l.size() / 2
	base := ref.head * pagePositions * l.Dim
	for first, n := range spans(a.low, a.high) {
		at := base + first%pagePositions*l.Dim
		a.score(kernel.Matrix{Data: l.pages[first/pagePositions].data[at:half], Stride: l.Dim}, first, n)
	}
	inverse := a.softmax()
	for first, n := range spans(a.low, a.high) {
		at := half + base + first%pagePositions*l.Dim
		a.add(kernel.Matrix{Data: l.pages[first/pagePositions].data[at:], Stride: l.Dim}, first, n)
	}
	for r := range min(queries, total-ref.row) {
		dst := j.dst[j.offset(ref, l, group, ref.row+r):][:l.Dim]
		for d, v := range a.mix[r*l.Dim : (r+1)*l.Dim] {
			dst[d] = v * inverse[r]
		}
	}
}

// offset returns where row r of a tile's segment and key head begins in q.
func (j *attendJob) offset(ref tileRef, l *layerKV, group, r int) int {
	row := j.segs[ref.seg].From + r/group
	return (row*j.heads + ref.head*group + r%group) * l.Dim
}

// spans yields the pieces of positions low to high that lie in one page.
func spans(low, high int) func(yield func(first, n int) bool) {
	return func(yield func(first, n int) bool) {
		for low < high {
			n := min(high-low, pagePositions-low%pagePositions)
			if !yield(low, n) {
				return
			}
			low += n
		}
	}
}

// visible returns what row number t of a segment sees.
func visible(s *tensor.Segment, l *layerKV, t int, ahead bool) view {
	pos := s.Pos + t
	v := view{0, pos + 1}
	if ahead && s.Until != nil {
		v.high = max(v.high, s.Until[t])
	}
	if l.Window > 0 {
		v.low = max(0, pos-l.Window+1)
	}
	return v
}

// Attention lets q [T, N, D] look at KV layer number layer of each segment's
// cache; see tensor.Ops. Rows outside all segments become zero.
func (b *Backend) Attention(layer int, q tensor.Tensor, segs []tensor.Segment, ahead bool) tensor.Tensor {
	a := in("Attention", q)
	axes("Attention", a, 3)
	rows, heads, dim := a.dims[0], a.dims[1], a.dims[2]
	y := b.arena.zeros(rows, heads*dim)
	j := &b.jobs.attend
	*j = attendJob{b: b, dst: y.data, q: a.data, heads: heads, layer: layer, ahead: ahead, segs: segs, tiles: j.tiles[:0]}
	cost := 1
	for i := range segs {
		s := &segs[i]
		segmentFits("Attention", s, rows)
		_, l := layerOf("Attention", s, layer)
		if l.Dim != dim || heads%l.Heads != 0 {
			panic(&tensor.ShapeError{Op: "Attention: query heads, size", Got: []int{heads, dim}, Want: []int{l.Heads, l.Dim}})
		}
		if s.Until != nil && len(s.Until) != s.To-s.From {
			panic(&tensor.ShapeError{Op: "Attention: until", Got: []int{len(s.Until)}, Want: []int{s.To - s.From}})
		}
		for t := range s.To - s.From {
			v := visible(s, l, t, ahead)
			if v.high > l.n {
				panic(&tensor.ShapeError{Op: "Attention: positions stored", Got: []int{l.n}, Want: []int{v.high}})
			}
			cost = max(cost, (v.high-v.low)*2*queries*dim)
		}
		for h := range l.Heads {
			for r := 0; r < (s.To-s.From)*heads/l.Heads; r += queries {
				j.tiles = append(j.tiles, tileRef{i, h, r})
			}
		}
	}
	b.pool.do(j, len(j.tiles), macGrain/cost)
	j.segs = nil
	return y
}

// fullJob computes tiles of FullAttention: 4 rows of one head each.
type fullJob struct {
	b            *Backend
	dst, q, k, v []float32 // [P, N, D]
	rows, heads  int
	dim          int
}

func (j *fullJob) run(worker, from, to int) {
	tiles := (j.rows + queries - 1) / queries
	for item := from; item < to; item++ {
		j.tile(&j.b.scratch[worker], item/tiles, item%tiles*queries)
	}
}

func (j *fullJob) tile(s *scratch, head, row int) {
	stride := j.heads * j.dim
	var views [queries]view
	for r := range views {
		views[r] = view{0, j.rows}
	}
	a := newAttention(s, j.dim, views)
	for r := range queries {
		copy(a.q[r*j.dim:(r+1)*j.dim], j.q[min(row+r, j.rows-1)*stride+head*j.dim:])
	}
	a.score(kernel.Matrix{Data: j.k[head*j.dim:], Stride: stride}, 0, j.rows)
	inverse := a.softmax()
	a.add(kernel.Matrix{Data: j.v[head*j.dim:], Stride: stride}, 0, j.rows)
	for r := range min(queries, j.rows-row) {
		dst := j.dst[(row+r)*stride+head*j.dim:][:j.dim]
		for d, v := range a.mix[r*j.dim : (r+1)*j.dim] {
			dst[d] = v * inverse[r]
		}
	}
}

// FullAttention lets all rows see all rows: q, k, v [P, N, D] → [P, N*D].
func (b *Backend) FullAttention(q, k, v tensor.Tensor) tensor.Tensor {
	a, keys, values := in("FullAttention", q), in("FullAttention", k), in("FullAttention", v)
	axes("FullAttention", a, 3)
	same("FullAttention: keys", keys.Shape(), a.Shape()...)
	same("FullAttention: values", values.Shape(), a.Shape()...)
	rows, heads, dim := a.dims[0], a.dims[1], a.dims[2]
	y := b.arena.alloc(rows, heads*dim)
	b.jobs.full = fullJob{b: b, dst: y.data, q: a.data, k: keys.data, v: values.data, rows: rows, heads: heads, dim: dim}
	tiles := heads * ((rows + queries - 1) / queries)
	b.pool.do(&b.jobs.full, tiles, macGrain/max(rows*dim*2*queries, 1))
	return y
}
