package cpu

import "hark/engine/backend/cpu/kernel"

// splitJob computes Attention when there are fewer tiles than it takes to keep
// the workers busy, as when one token is decoded behind a long conversation:
// all workers share each tile. The scores are split by pages, the softmax by
// rows and the mix of values by chunks, so every sum is the one that a worker
// alone computes, in the same order, and each key and value is read from memory
// once, row after row.
type splitJob struct {
	attend *attendJob
	phase  splitPhase
	tiles  []attention
	memory []float32   // of the tiles
	spans  []splitSpan // of all tiles, in pages
	chunks []splitSpan // in chunks
}

// splitPhase is a part of the work that waits for the part before.
type splitPhase int

const (
	splitScores splitPhase = iota
	splitSoftmax
	splitMix
	splitSum
)

// splitSpan is positions that a tile sees.
type splitSpan struct {
	tile, first, n int
	mix            []float32 // [rows, D], of a chunk; the first one's is the tile's
}

// run does some items of the phase: pages, chunks or rows.
func (j *splitJob) run(_, from, to int) {
	for item := from; item < to; item++ {
		switch j.phase {
		case splitScores:
			s := &j.spans[item]
			ref := j.attend.tiles[s.tile]
			l, _ := j.attend.of(ref)
			j.tiles[s.tile].score(l.rows(key, ref.head, s.first, s.n), s.first, s.n)
		case splitMix:
			s := &j.chunks[item]
			ref := j.attend.tiles[s.tile]
			l, _ := j.attend.of(ref)
			clear(s.mix)
			j.attend.mix(&j.tiles[s.tile], s.mix, l, ref, s.first, s.n)
		case splitSoftmax:
			if a := &j.tiles[item/maxRows]; item%maxRows < a.rows {
				a.softmaxRow(item % maxRows)
			}
		case splitSum:
			j.sum(item/maxRows, item%maxRows)
		}
	}
}

// sum adds up the chunks of row r of a tile and writes it.
func (j *splitJob) sum(tile, r int) {
	a, ref := &j.tiles[tile], j.attend.tiles[tile]
	l, rows := j.attend.of(ref)
	if r >= rows {
		return
	}
	row := a.mix[r*a.dim : (r+1)*a.dim]
	for i := range j.chunks {
		if s := &j.chunks[i]; s.tile == tile && s.first > a.low {
			kernel.Add(row, row, s.mix[r*a.dim:])
		}
	}
	a.result(j.attend.dst[j.attend.offset(ref, l, r):], r)
}

// do computes the tiles of a.
func (j *splitJob) do(a *attendJob) {
	pool, dim := a.b.pool, j.begin(a)
	j.phase = splitScores
	pool.do(j, len(j.spans), macGrain/(maxRows*pagePositions*dim))
	j.phase = splitSoftmax
	pool.do(j, len(j.tiles)*maxRows, 1)
	j.phase = splitMix
	pool.do(j, len(j.chunks), 1)
	j.phase = splitSum
	pool.do(j, len(j.tiles)*maxRows, 1)
	j.attend = nil
}

// begin makes the tiles and lists their spans. It returns D.
func (j *splitJob) begin(a *attendJob) (dim int) {
	j.attend, j.spans, j.chunks = a, j.spans[:0], j.chunks[:0]
	if cap(j.tiles) < len(a.tiles) {
		j.tiles = make([]attention, len(a.tiles))
	}
	j.tiles = j.tiles[:len(a.tiles)]
	size := 0
	for i, ref := range a.tiles {
		l, rows := a.of(ref)
		dim = l.Dim
		low, high := a.sees(l, ref, rows)
		size += padded(rows) * (2*dim + high - low)
		for first, n := range spans(low, high) {
			j.spans = append(j.spans, splitSpan{tile: i, first: first, n: n})
		}
		for first, n := range chunks(low, high) {
			j.chunks = append(j.chunks, splitSpan{tile: i, first: first, n: n})
			if first > low {
				size += padded(rows) * dim
			}
		}
	}
	j.memory = grown(j.memory, size)
	rest := j.memory
	take := func(n int) []float32 {
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	for i, ref := range a.tiles {
		l, rows := a.of(ref)
		t := &j.tiles[i]
		t.beginIn(take(padded(rows)*dim), take(padded(rows)*dim), dim, rows)
		a.queries(t, l, ref, rows)
		t.scores = take(t.rows * (t.high - t.low))
	}
	for i := range j.chunks {
		s := &j.chunks[i]
		if t := &j.tiles[s.tile]; s.first > t.low {
			s.mix = take(t.rows * dim)
		} else {
			s.mix = t.mix
		}
	}
	return dim
}
