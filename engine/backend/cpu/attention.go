package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// A tile is a set of rows of queries that pass over the keys together.
const (
	tileRows = 4  // rows that package kernel mixes at once
	maxRows  = 16 // rows at most, so that keys are read from memory rarely
)

// view is how far one row of queries sees: positions from low to high
// (exclusive).
type view struct{ low, high int }

// attention computes one tile of queries against spans of keys and values.
// The order of every sum is that of the positions, in chunks, so the tile's other
// rows have no influence.
type attention struct {
	q, scores, mix []float32 // [rows, D], [rows, S], [rows, D]
	part           []float32 // [rows, D], the mix of a chunk
	views          [maxRows]view
	inverse        [maxRows]float32 // one over the sum of a row's exponentials
	rows           int              // a multiple of tileRows
	low, high      int              // union of views
	dim            int
}

// padded returns the rows of a tile that holds so many.
func padded(rows int) int { return (rows + tileRows - 1) / tileRows * tileRows }

// begin makes room for a tile of at least rows rows in a worker's memory.
func (a *attention) begin(s *scratch, dim, rows int) {
	n := padded(rows) * dim
	a.beginIn(s.floats(slotQueries, n), s.floats(slotMix, n), dim, rows)
	a.part = s.floats(slotRows, n)
}

// beginIn is begin in memory [padded(rows), D] of the caller. Rows beyond what
// is filled in see nothing.
func (a *attention) beginIn(q, mix []float32, dim, rows int) {
	a.dim, a.rows, a.q, a.mix = dim, padded(rows), q, mix
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

// kvRows are keys or values of one head and of positions that follow each
// other: float32, or codes.
type kvRows struct {
	floats kernel.Matrix
	next   []float32    // more of them, to be read next
	codes  kernel.Codes // Data is nil where they are float32
}

// score fills in the products with n keys from position first on.
func (a *attention) score(keys kvRows, first, n int) {
	width := a.high - a.low
	dst, q := kernel.Matrix{Data: a.scores[first-a.low:], Stride: width}, kernel.Matrix{Data: a.q, Stride: a.dim}
	if keys.codes.Data != nil {
		kernel.MatMulCodes(dst, q, keys.codes, a.rows, n, a.dim)
	} else {
		kernel.MatMulAhead(dst, q, keys.floats, a.rows, n, a.dim, keys.next)
	}
}

// softmax turns scores into exponentials, 0 where a row does not see.
func (a *attention) softmax() {
	for r := range a.rows {
		a.softmaxRow(r)
	}
}

func (a *attention) softmaxRow(r int) {
	width, v := a.high-a.low, a.views[r]
	row := a.scores[r*width : (r+1)*width]
	if v.low == v.high {
		clear(row)
		return
	}
	a.inverse[r] = softmax(row[v.low-a.low : v.high-a.low])
	clear(row[:v.low-a.low])
	clear(row[v.high-a.low:])
}

// add mixes n values from position first on into dst [rows, D].
func (a *attention) add(dst []float32, values kvRows, first, n int) {
	width := a.high - a.low
	p := kernel.Matrix{Data: a.scores[first-a.low:], Stride: width}
	if values.codes.Data == nil {
		kernel.MixAhead(kernel.Matrix{Data: dst, Stride: a.dim}, p, values.floats, a.rows, n, a.dim, values.next)
		return
	}
	for r := 0; r < a.rows; r += tileRows {
		kernel.MixCodes(
			kernel.Matrix{Data: dst[r*a.dim:], Stride: a.dim},
			kernel.Matrix{Data: p.Data[r*width:], Stride: width}, values.codes, n, a.dim)
	}
}

// result writes row r to dst [D].
func (a *attention) result(dst []float32, r int) {
	kernel.ScaleMul(dst[:a.dim], a.mix[r*a.dim:], nil, a.inverse[r])
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
	l, rows := j.of(ref)
	a := &s.attention
	a.begin(s, l.Dim, rows)
	j.queries(a, l, ref, rows)
	a.scores = s.floats(slotScores, a.rows*(a.high-a.low))
	for first, n := range spans(a.low, a.high) {
		a.score(l.rows(key, ref.head, first, n), first, n)
	}
	a.softmax()
	for first, n := range chunks(a.low, a.high) {
		if first == a.low {
			j.mix(a, a.mix, l, ref, first, n)
			continue
		}
		clear(a.part)
		j.mix(a, a.part, l, ref, first, n)
		kernel.Add(a.mix, a.mix, a.part)
	}
	j.results(a, l, ref, rows)
}

// of returns the layer that a tile looks at, and its rows.
func (j *attendJob) of(ref tileRef) (l *layerKV, rows int) {
	seg := &j.segs[ref.seg]
	_, l = layerOf("Attention", seg, j.layer)
	return l, min(j.rows, (seg.To-seg.From)*j.heads/l.Heads-ref.row)
}

// queries sets the rows of a tile.
func (j *attendJob) queries(a *attention, l *layerKV, ref tileRef, rows int) {
	group := j.heads / l.Heads
	for r := range rows {
		a.query(r, j.q[j.offset(ref, l, r):], visible(&j.segs[ref.seg], l, (ref.row+r)/group, j.ahead))
	}
}

// sees returns the first and one past the last position that a tile sees.
func (j *attendJob) sees(l *layerKV, ref tileRef, rows int) (low, high int) {
	group := j.heads / l.Heads
	for r := range rows {
		v := visible(&j.segs[ref.seg], l, (ref.row+r)/group, j.ahead)
		if r == 0 {
			low, high = v.low, v.high
		}
		low, high = min(low, v.low), max(high, v.high)
	}
	return low, high
}

// mix adds a tile's values of n positions, from first on, to dst [rows, D].
func (j *attendJob) mix(a *attention, dst []float32, l *layerKV, ref tileRef, first, n int) {
	for first, n := range spans(first, first+n) {
		a.add(dst, l.rows(value, ref.head, first, n), first, n)
	}
}

// results writes a tile's rows to where they belong.
func (j *attendJob) results(a *attention, l *layerKV, ref tileRef, rows int) {
	for r := range rows {
		a.result(j.dst[j.offset(ref, l, r):], r)
	}
}

// rows returns n keys or values of head h, from position first on and in one
// page.
func (l *layerKV) rows(which half, h, first, n int) kvRows {
	pg, at := l.pages[first/pagePositions], l.slot(which, h, first)
	next, begin := pg, at.at // of the next page
	if i := first/pagePositions + 1; i < len(l.pages) {
		next, begin = l.pages[i], l.slot(which, h, 0).at
	}
	if l.Bits == 0 {
		return kvRows{floats: kernel.Matrix{Data: pg.data[at.at : at.at+n*l.Dim], Stride: l.Dim}, next: next.data[begin:]}
	}
	return kvRows{codes: kernel.Codes{
		Data: pg.codes[at.at : at.at+n*l.Dim], Stride: l.Dim, Next: next.codes[begin:],
		Scales: pg.scales[at.scale : at.scale+n*at.scales()], Group: at.group,
	}}
}

// offset returns where row r of a tile begins in q.
func (j *attendJob) offset(ref tileRef, l *layerKV, r int) int {
	group := j.heads / l.Heads
	r += ref.row
	row := j.segs[ref.seg].From + r/group
	return (row*j.heads + ref.head*group + r%group) * l.Dim
}

// chunkPositions is how many positions' values are mixed before their sum is added to that of the chunks before, so that
// workers can share them and the bits of the sum do not depend on how many there are. It is a number of pages.
const chunkPositions = 8 * pagePositions

// spans yields the pieces of positions low to high that lie in one page,
// chunks those that lie in one chunk.
func spans(low, high int) func(yield func(first, n int) bool) { return cuts(low, high, pagePositions) }
func chunks(low, high int) func(yield func(first, n int) bool) {
	return cuts(low, high, chunkPositions)
}

// cuts yields the pieces of low to high between multiples of size.
func cuts(low, high, size int) func(yield func(first, n int) bool) {
	return func(yield func(first, n int) bool) {
		for low < high {
			n := min(high-low, size-low%size)
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
	widest, work := 0, 0 // positions that a row sees, that all of them see
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
			if v.high > l.n || v.low < l.first {
				panic(&tensor.ShapeError{Op: "Attention: positions held", Got: []int{l.first, l.n}, Want: []int{v.low, v.high}})
			}
			widest = max(widest, v.high-v.low)
			work += (v.high - v.low) * heads
		}
	}
	b.work.Products += 2 * int64(work) * int64(dim)
	j.cut(maxRows)
	switch few := len(j.tiles) < 2*b.pool.size; {
	case b.pool.size > 1 && widest*dim >= b.split && (few || 2*widest*maxRows*b.pool.size > work):
		b.jobs.split.do(j)
	case b.pool.size > 1 && few:
		j.cut(tileRows)
		fallthrough
	default:
		b.pool.do(j, len(j.tiles), macGrain/max(2*widest*dim*j.rows, 1))
	}
	j.segs = nil
	return y
}

// splitValues is the size of the keys from which on it is worth to have
// several workers on one tile.
const splitValues = 1 << 16

// cut makes tiles of rows rows.
func (j *attendJob) cut(rows int) {
	j.rows, j.tiles = rows, j.tiles[:0]
	for i := range j.segs {
		s := &j.segs[i]
		_, l := layerOf("Attention", s, j.layer)
		for h := range l.Heads {
			for r := 0; r < (s.To-s.From)*j.heads/l.Heads; r += rows {
				j.tiles = append(j.tiles, tileRef{i, h, r})
			}
		}
	}
}
