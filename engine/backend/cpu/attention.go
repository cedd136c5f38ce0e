package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// A tile is a set of rows of queries that pass over the keys together.
const (
	tileRows = 4  // rows that package kernel mixes at once
	maxRows  = 16 // rows while there are tiles enough for all workers
)

// view is how far one row of queries sees: positions from low to high
// (exclusive).
type view struct{ low, high int }

// attention computes one tile of queries against spans of keys and values.
// The order of every sum is that of the positions, so the tile's other rows
// have no influence.
type attention struct {
	q, scores, mix []float32 // [rows, D], [rows, S], [rows, D]
	views          [maxRows]view
	inverse        [maxRows]float32 // one over the sum of a row's exponentials
	rows           int              // a multiple of tileRows
	low, high      int              // union of views
	dim            int
}

// begin makes room for a tile of at least rows rows. Those beyond what the
// caller fills in see nothing.
func (a *attention) begin(s *scratch, dim, rows int) {
	a.dim, a.rows = dim, (rows+tileRows-1)/tileRows*tileRows
	a.q = s.floats(slotQueries, a.rows*dim)
	a.mix = s.floats(slotMix, a.rows*dim)
	clear(a.q[rows*dim:])
	clear(a.mix)
	a.low, a.high = 0, 0
	clear(a.views[:])
}

// query sets row r, which sees v; rows are set in order.
func (a *attention) query(r int, q []float32, v view) {
	copy(a.q[r*a.dim:(r+1)*a.dim], q)
	if r == 0 {
		a.low, a.high = v.low, v.high
	}
	a.low, a.high = min(a.low, v.low), max(a.high, v.high)
	a.views[r] = v
}

// score fills in the products with n keys from position first on.
func (a *attention) score(keys kernel.Matrix, first, n int) {
	kernel.MatMul(
		kernel.Matrix{Data: a.scores[first-a.low:], Stride: a.high - a.low},
		kernel.Matrix{Data: a.q, Stride: a.dim}, keys, a.rows, n, a.dim)
}

// softmax turns scores into exponentials, 0 where a row does not see.
func (a *attention) softmax() {
	width := a.high - a.low
	for r, v := range a.views[:a.rows] {
		row := a.scores[r*width : (r+1)*width]
		if v.low == v.high {
			clear(row)
			continue
		}
		a.inverse[r] = softmax(row[v.low-a.low : v.high-a.low])
		clear(row[:v.low-a.low])
		clear(row[v.high-a.low:])
	}
}

// add mixes in n values from position first on.
func (a *attention) add(values kernel.Matrix, first, n int) {
	width := a.high - a.low
	for r := 0; r < a.rows; r += tileRows {
		kernel.Mix(
			kernel.Matrix{Data: a.mix[r*a.dim:], Stride: a.dim},
			kernel.Matrix{Data: a.scores[r*width+first-a.low:], Stride: width},
			values, n, a.dim)
	}
}

// result writes row r to dst [D].
func (a *attention) result(dst []float32, r int) {
	dst = dst[:a.dim]
	for d, v := range a.mix[r*a.dim : (r+1)*a.dim] {
		dst[d] = v * a.inverse[r]
	}
}

// softmax turns scores into exponentials relative to the greatest and returns
// one over their sum.
func softmax(scores []float32) float32 {
	return 1 / kernel.Exp(scores, kernel.Max(scores))
}

// tileRef is one tile of Attention: up to job.rows rows of queries that share
// a key head. Row r of a segment's key head has position r/G and query head
// r%G, where G = N/K.
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
	rows   int // rows of a tile
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
	rows := min(j.rows, (seg.To-seg.From)*group-ref.row)
	a := &s.attention
	a.begin(s, l.Dim, rows)
	for r := range rows {
		t := (ref.row + r) / group
		a.query(r, j.q[j.offset(ref, l, group, r):], visible(seg, l, t, j.ahead))
	}
	a.scores = s.floats(slotScores, a.rows*(a.high-a.low))
	for first, n := range spans(a.low, a.high) {
		a.score(l.rows(s, key, ref.head, first, n), first, n)
	}
	a.softmax()
	for first, n := range spans(a.low, a.high) {
		a.add(l.rows(s, value, ref.head, first, n), first, n)
	}
	for r := range rows {
		a.result(j.dst[j.offset(ref, l, group, r):], r)
	}
}

// rows returns n rows of keys or values of head h, from position first on and
// in one page.
func (l *layerKV) rows(s *scratch, which half, h, first, n int) kernel.Matrix {
	pg, at := l.pages[first/pagePositions], l.slot(which, h, first)
	if l.Bits == 0 {
		return kernel.Matrix{Data: pg.data[at.at : at.at+n*l.Dim], Stride: l.Dim}
	}
	rows := s.floats(slotWeights, n*l.Dim)
	for i := range n {
		pg.get(rows[i*l.Dim:], slot{at.at + i*l.Dim, l.Dim, at.scale + i})
	}
	return kernel.Matrix{Data: rows, Stride: l.Dim}
}

// offset returns where row r of a tile begins in q.
func (j *attendJob) offset(ref tileRef, l *layerKV, group, r int) int {
	r += ref.row
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
	cost, total := 1, 0 // of one row, rows
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
			cost = max(cost, (v.high-v.low)*2*dim)
		}
		total += (s.To - s.From) * heads
	}
	j.rows = b.tileSize(total)
	for i := range segs {
		s := &segs[i]
		_, l := layerOf("Attention", s, layer)
		for h := range l.Heads {
			for r := 0; r < (s.To-s.From)*heads/l.Heads; r += j.rows {
				j.tiles = append(j.tiles, tileRef{i, h, r})
			}
		}
	}
	b.pool.do(j, len(j.tiles), macGrain/(cost*j.rows))
	j.segs = nil
	return y
}

// tileSize returns the rows of a tile when there are total rows: many, so that
// keys are read from memory rarely, unless workers would be idle.
func (b *Backend) tileSize(total int) int {
	if total >= 4*maxRows*b.pool.size {
		return maxRows
	}
	return tileRows
}

// fullJob computes tiles of FullAttention: some rows of one head each.
type fullJob struct {
	b            *Backend
	dst, q, k, v []float32 // [P, N, D]
	rows, heads  int
	dim          int
	tile         int // rows of a tile
	tiles        int // tiles of a head
}

func (j *fullJob) run(worker, from, to int) {
	s := &j.b.scratch[worker]
	a := &s.attention
	stride := j.heads * j.dim
	for item := from; item < to; item++ {
		head, row := item/j.tiles*j.dim, item%j.tiles*j.tile
		rows := min(j.tile, j.rows-row)
		a.begin(s, j.dim, rows)
		for r := range rows {
			a.query(r, j.q[(row+r)*stride+head:], view{0, j.rows})
		}
		a.scores = s.floats(slotScores, a.rows*j.rows)
		for first, n := range spans(0, j.rows) {
			a.score(kernel.Matrix{Data: j.k[first*stride+head:], Stride: stride}, first, n)
		}
		a.softmax()
		for first, n := range spans(0, j.rows) {
			a.add(kernel.Matrix{Data: j.v[first*stride+head:], Stride: stride}, first, n)
		}
		for r := range rows {
			a.result(j.dst[(row+r)*stride+head:], r)
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
	tile := b.tileSize(rows * heads)
	tiles := (rows + tile - 1) / tile
	b.jobs.full = fullJob{
		b: b, dst: y.data, q: a.data, k: keys.data, v: values.data,
		rows: rows, heads: heads, dim: dim, tile: tile, tiles: tiles,
	}
	b.pool.do(&b.jobs.full, heads*tiles, macGrain/max(rows*dim*2*tile, 1))
	return y
}
