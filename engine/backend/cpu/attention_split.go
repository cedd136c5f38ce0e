package cpu

// splitJob computes Attention when there are fewer tiles than it takes to keep
// the workers busy, as when one token is decoded behind a long conversation:
// all workers share each tile. The scores are split by positions, the softmax
// by rows and the mix of values by columns, so every sum is the one that a
// worker alone computes, in the same order, and each key and value is read
// from memory once.
type splitJob struct {
	attend *attendJob
	phase  splitPhase
	tiles  []attention
	memory []float32   // of the tiles
	spans  []splitSpan // of all tiles
	block  int         // columns of a piece of the mix
}

// splitPhase is a part of the work that waits for the part before.
type splitPhase int

const (
	splitScores splitPhase = iota
	splitSoftmax
	splitMix
)

// splitSpan is positions of one page that a tile sees.
type splitSpan struct{ tile, first, n int }

// splitBlock is the least columns that a worker mixes: a few cache lines.
const splitBlock = 64

// run does some items of the phase: spans, rows or blocks of columns.
func (j *splitJob) run(_, from, to int) {
	for item := from; item < to; item++ {
		switch j.phase {
		case splitScores:
			s := j.spans[item]
			ref := j.attend.tiles[s.tile]
			l, _ := j.attend.of(ref)
			j.tiles[s.tile].score(l.rows(key, ref.head, s.first, s.n), s.first, s.n)
		case splitSoftmax:
			if a := &j.tiles[item/maxRows]; item%maxRows < a.rows {
				a.softmaxRow(item % maxRows)
			}
		case splitMix:
			tile := item % len(j.tiles)
			ref := j.attend.tiles[tile]
			l, rows := j.attend.of(ref)
			column := item / len(j.tiles) * j.block
			j.attend.mix(&j.tiles[tile], l, ref, rows, column, min(column+j.block, l.Dim))
		}
	}
}

// do computes the tiles of a.
func (j *splitJob) do(a *attendJob) {
	pool, dim := a.b.pool, j.begin(a)
	j.phase = splitScores
	pool.do(j, len(j.spans), macGrain/(maxRows*pagePositions*dim))
	j.phase = splitSoftmax
	pool.do(j, len(j.tiles)*maxRows, 1)
	j.phase = splitMix
	blocks := max(1, min(2*pool.size/len(j.tiles), dim/splitBlock))
	j.block = (dim/blocks + splitBlock - 1) / splitBlock * splitBlock
	pool.do(j, (dim+j.block-1)/j.block*len(j.tiles), 1)
	j.attend = nil
}

// begin makes the tiles and lists their spans. It returns D.
func (j *splitJob) begin(a *attendJob) (dim int) {
	j.attend, j.spans = a, j.spans[:0]
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
			j.spans = append(j.spans, splitSpan{i, first, n})
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
	return dim
}
