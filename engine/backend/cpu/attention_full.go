package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// All rows see all rows, so each key and each value meets every query: both are
// copied once into an order in which both products are mixes, whose sums stay in
// registers and need no adding up of lanes. A key's values are the columns of a
// mix of the head's dimensions weighted by the query.

const (
	// fullBlock is the keys of a block: with heads of 64 a block is a third of a first-level cache.
	fullBlock = 64
	// fullRows is the queries that go over the keys together, at most. Their scores stay in a second-level cache.
	fullRows = 32
)

// fullJob computes tiles of FullAttention: some rows of one head each.
type fullJob struct {
	b            *Backend
	dst, q, k, v []float32 // [P, N, D]
	keys, values []float32 // [N, P/64, D, 64], [N, P, D]
	rows, heads  int
	dim          int
	tile         int // rows of a tile
	tiles        int // tiles of a head
	blocks       int // of keys of a head
	packing      bool
}

func (j *fullJob) run(worker, from, to int) {
	for item := from; item < to; item++ {
		if j.packing {
			j.pack(item/j.blocks, item%j.blocks)
		} else {
			j.attend(&j.b.scratch[worker], item/j.tiles, item%j.tiles*j.tile)
		}
	}
}

// pack turns a block of a head's keys and copies its values.
func (j *fullJob) pack(head, block int) {
	stride, first := j.heads*j.dim, block*fullBlock
	n := min(fullBlock, j.rows-first)
	turned := j.keys[(head*j.blocks+block)*fullBlock*j.dim:][:fullBlock*j.dim]
	for i := range n {
		at := (first+i)*stride + head*j.dim
		for d, v := range j.k[at : at+j.dim] {
			turned[d*fullBlock+i] = v
		}
		copy(j.values[(head*j.rows+first+i)*j.dim:][:j.dim], j.v[at:])
	}
}

// attend computes a tile of a head's queries, from row row on.
func (j *fullJob) attend(s *scratch, head, row int) {
	stride, rows := j.heads*j.dim, min(j.tile, j.rows-row)
	var inverse [fullRows]float32 // one over the sum of a row's exponentials
	n := padded(rows) * j.dim
	q, mix := s.floats(slotQueries, n), s.floats(slotMix, n)
	clear(q[rows*j.dim:])
	clear(mix)
	for r := range rows {
		copy(q[r*j.dim:(r+1)*j.dim], j.q[(row+r)*stride+head*j.dim:])
	}
	scores := s.floats(slotScores, padded(rows)*j.rows)
	clear(scores)
	for block := range j.blocks {
		first := block * fullBlock
		keys := kernel.Matrix{Data: j.keys[(head*j.blocks+block)*fullBlock*j.dim:], Stride: fullBlock}
		for r := 0; r < rows; r += tileRows {
			kernel.Mix(kernel.Matrix{Data: scores[r*j.rows+first:], Stride: j.rows}, kernel.Matrix{Data: q[r*j.dim:], Stride: j.dim},
				keys, j.dim, min(fullBlock, j.rows-first))
		}
	}
	for r := range rows {
		inverse[r] = softmax(scores[r*j.rows : (r+1)*j.rows])
	}
	for first := 0; first < j.rows; first += fullBlock {
		values := kernel.Matrix{Data: j.values[(head*j.rows+first)*j.dim:], Stride: j.dim}
		for r := 0; r < rows; r += tileRows {
			kernel.Mix(kernel.Matrix{Data: mix[r*j.dim:], Stride: j.dim}, kernel.Matrix{Data: scores[r*j.rows+first:], Stride: j.rows},
				values, min(fullBlock, j.rows-first), j.dim)
		}
	}
	for r := range rows {
		kernel.ScaleMul(j.dst[(row+r)*stride+head*j.dim:][:j.dim], mix[r*j.dim:], nil, inverse[r])
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
	blocks := (rows + fullBlock - 1) / fullBlock
	turned, straight := b.arena.alloc(heads*blocks, dim*fullBlock), b.arena.alloc(heads, rows*dim)
	b.work.Products += 2 * int64(rows) * int64(rows) * int64(heads*dim)
	j := &b.jobs.full
	*j = fullJob{
		b: b, dst: y.data, q: a.data, k: keys.data, v: values.data, keys: turned.data, values: straight.data,
		rows: rows, heads: heads, dim: dim, blocks: blocks, packing: true,
	}
	b.pool.do(j, heads*blocks, pointwiseGrain/max(2*fullBlock*dim, 1))
	j.packing, j.tile = false, b.tileSize(rows*heads)
	j.tiles = (rows + j.tile - 1) / j.tile
	b.pool.do(j, heads*j.tiles, macGrain/max(rows*dim*2*j.tile, 1))
	b.arena.release(turned)
	b.arena.release(straight)
	return y
}

// tileSize returns the rows of a tile when there are total rows: many, unless
// workers would be idle.
func (b *Backend) tileSize(total int) int {
	if total >= 4*fullRows*b.pool.size {
		return fullRows
	}
	return tileRows
}
