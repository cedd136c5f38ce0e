package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

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
			a.score(kvRows{floats: kernel.Matrix{Data: j.k[first*stride+head:], Stride: stride}}, first, n)
		}
		a.softmax()
		for first, n := range spans(0, j.rows) {
			a.add(kvRows{floats: kernel.Matrix{Data: j.v[first*stride+head:], Stride: stride}}, first, n, 0, j.dim)
		}
		for r := range rows {
			a.result(j.dst[(row+r)*stride+head:], r, 0, j.dim)
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

// tileSize returns the rows of a tile when there are total rows: many, unless
// workers would be idle.
func (b *Backend) tileSize(total int) int {
	if total >= 4*maxRows*b.pool.size {
		return maxRows
	}
	return tileRows
}
