package cpu

import (
	"hark/engine/backend/cpu/kernel"
)

// Sizes of a piece of a product.
const (
	fewRows   = 48      // rows of x for which codes are read as they lie
	fewBrains = 96      // and for which values of 16 bits are
	fewValues = 1 << 16 // weights of a piece then
	blockSize = 98304   // weights that are unpacked at a time otherwise, 384 KiB: part of a second-level cache
	blockRows = 64      // rows of x of a piece
	macGrain  = 1 << 16 // products worth waking a worker for

	mostStriped = 16 // rows of x for which a copy in strips is read
)

// linearJob computes dst [rows, outs] = x [rows, in]·wᵀ + bias. An item is a
// block of outputs for a block of rows.
type linearJob struct {
	b          *Backend
	dst, x     []float32
	panels     []float32      // x as panels, a block of values after the other; nil for few rows
	rounded    kernel.Rounded // x rounded, or of 0 rows
	bias       []float32      // [outs] or nil
	w          *weight
	strips     bool // w has some, and they are for so few rows
	first      int  // row of the stack that makes output 0
	rows, outs int
	outBlock   int // outputs an item
	rowBlock   int // rows an item
	rowBlocks  int
}

func (j *linearJob) run(worker, from, to int) {
	s := &j.b.scratch[worker]
	for item := from; item < to; {
		// Items with the same outputs share what is unpacked.
		o, t := item/j.rowBlocks*j.outBlock, item%j.rowBlocks*j.rowBlock
		n := min(j.rowBlocks-item%j.rowBlocks, to-item)
		outs := j.outBlock
		if j.rowBlocks == 1 && j.rounded.Rows > 0 {
			n, outs = to-item, (to-item)*j.outBlock // weights are read in one go
		}
		item += n
		j.block(s, o, min(outs, j.outs-o), t, min(n*j.rowBlock, j.rows-t))
	}
}

// block computes outputs o to o+outs of rows t to t+rows.
func (j *linearJob) block(s *scratch, o, outs, t, rows int) {
	in, w := j.w.in, j.w
	dst := kernel.Matrix{Data: j.dst[t*j.outs+o:], Stride: j.outs}
	x := kernel.Matrix{Data: j.x[t*in:], Stride: in}
	switch {
	case j.rounded.Rows > 0 && j.strips:
		view, size := w.strips, w.strips.Size()/kernel.StripRows
		view.Data = view.Data[o*size : (o+outs)*size]
		kernel.MatMulStrips(dst, &j.rounded, &view, t, rows)
	case j.rounded.Rows > 0:
		view := w.roundedView(s, j.first+o, outs)
		kernel.MatMulRounded(dst, &j.rounded, &view, s.floats(slotFactors, view.ScratchRounded(in)), t, rows, outs)
	case j.panels != nil:
		j.many(s, dst, o, outs, t, rows)
	case w.floats != nil:
		first := (j.first + o) * in
		kernel.MatMul(dst, x, kernel.Matrix{Data: w.floats[first : first+outs*in], Stride: in}, rows, outs, in)
	case w.packed.ok:
		view := w.view(s, j.first+o, outs)
		kernel.MatMulPacked(dst, x, &view, rows, outs, in)
	default:
		j.decoded(s, dst, x, o, outs, rows)
	}
	if j.bias == nil {
		return
	}
	for r := range rows {
		row := dst.Data[r*j.outs:][:outs]
		for i, bias := range j.bias[o : o+outs] {
			row[i] += bias
		}
	}
}

// many computes outputs o to o+outs of rows t to t+rows out of panels, a block
// of values after the other.
func (j *linearJob) many(s *scratch, dst kernel.Matrix, o, outs, t, rows int) {
	in, all := j.w.in, kernel.Panels{Rows: j.rows, N: 1}.Size()
	for from := 0; from < in; from += kernel.Block {
		p := kernel.Panels{Rows: outs, N: min(kernel.Block, in-from)}
		w := s.floats(slotWeights, p.Size())
		j.pack(s, w, o, outs, from, p.N)
		x := j.panels[all*from+t*p.N : all*(from+p.N)]
		kernel.MatMulPanels(dst, x, w, rows, outs, p.N, from > 0)
	}
}

// pack makes panels of values from to from+n of the weights of some outputs.
func (j *linearJob) pack(s *scratch, dst []float32, o, outs, from, n int) {
	w := j.w
	if w.floats != nil {
		data := w.floats[(j.first+o)*w.in+from : (j.first+o+outs-1)*w.in+from+n]
		kernel.Panels{Rows: outs, N: n}.Pack(dst, kernel.Matrix{Data: data, Stride: w.in})
		return
	}
	const few = 4 // rows that fit into a first-level cache
	plain := s.floats(slotRows, few*n)
	for i := 0; i < outs; i += few {
		p := kernel.Panels{Rows: min(few, outs-i), N: n}
		for k := range p.Rows {
			w.unpack(plain[k*n:(k+1)*n], s, j.first+o+i+k, from)
		}
		p.Pack(dst[i*n:], kernel.Matrix{Data: plain, Stride: n})
	}
}

// decoded computes outputs with weights of an unusual format, whole rows of
// them.
func (j *linearJob) decoded(s *scratch, dst, x kernel.Matrix, o, outs, rows int) {
	in := j.w.in
	step := max(blockSize/in&^3, 4)
	w := s.floats(slotWeights, step*in)
	for from := 0; from < outs; from += step {
		n := min(step, outs-from)
		for i := range n {
			j.w.unpack(w[i*in:(i+1)*in], s, j.first+o+from+i, 0)
		}
		part := kernel.Matrix{Data: dst.Data[from:], Stride: dst.Stride}
		kernel.MatMul(part, x, kernel.Matrix{Data: w, Stride: in}, rows, n, in)
	}
}

// packJob makes panels of x [rows, in]; an item is 4 rows.
type packJob struct {
	dst, x   []float32
	rows, in int
}

const packRows = 4

func (j *packJob) run(worker, from, to int) {
	all := kernel.Panels{Rows: j.rows, N: 1}.Size()
	first, last := from*packRows, min(to*packRows, j.rows)
	for at := 0; at < j.in; at += kernel.Block {
		p := kernel.Panels{Rows: last - first, N: min(kernel.Block, j.in-at)}
		p.Pack(j.dst[all*at+first*p.N:], kernel.Matrix{Data: j.x[first*j.in+at:], Stride: j.in})
	}
}

// few returns for how many rows of activations the kernels take the weights as
// they lie; for more, unpacking them first pays.
func (w *weight) few() int {
	if w.packed.ok && w.packed.groups == 0 {
		return fewBrains
	}
	return fewRows
}

// linear computes dst [rows, outs] from x [rows, in] with rows first to
// first+outs of w.
func (b *Backend) linear(dst, x, bias []float32, w *weight, first, rows, outs int) {
	if rows == 0 {
		return
	}
	b.work.Products += int64(rows) * int64(outs) * int64(w.in)
	b.work.WeightBytes += int64(outs) * int64(w.bytes)
	j := &b.jobs.linear
	*j = linearJob{b: b, dst: dst, x: x, bias: bias, w: w, first: first, rows: rows, outs: outs}
	few := rows <= w.few()
	if b.rounded && w.packed.rounded {
		buffer := b.round(j, x)
		defer b.arena.release(buffer)
		j.strips = w.strips.Data != nil && rows <= mostStriped
	} else if !few && (w.floats != nil || w.packed.ok) && (kernel.Panels{N: w.in}).Fit() {
		buffer := b.arena.alloc(kernel.Panels{Rows: rows, N: w.in}.Size())
		defer b.arena.release(buffer)
		j.panels = buffer.data
		b.jobs.pack = packJob{dst: j.panels, x: x, rows: rows, in: w.in}
		b.pool.do(&b.jobs.pack, (rows+packRows-1)/packRows, max(pointwiseGrain/(packRows*w.in), 1))
	}
	// At least four pieces a worker.
	j.outBlock = blockSize / min(w.in, kernel.Block)
	if few {
		j.outBlock = fewValues / w.in
	}
	j.outBlock = min(j.outBlock, (outs+4*b.pool.size-1)/(4*b.pool.size))
	j.outBlock = max((j.outBlock+15)&^15, 16) // whole tiles
	j.rowBlock = min(rows, blockRows)
	if j.rounded.Rows > 0 && few {
		b.follow(j)
	}
	if j.rounded.Rows > 0 && rows <= kernel.StripRows {
		// Weights are read once, as fast as they come.
		j.outBlock, j.rowBlocks = 2*kernel.StripRows, 1
		b.pool.do(j, (outs+j.outBlock-1)/j.outBlock, max(streamPiece/(j.outBlock*w.bytes), 1))
		return
	}
	j.rowBlocks = (rows + j.rowBlock - 1) / j.rowBlock
	items := (outs + j.outBlock - 1) / j.outBlock * j.rowBlocks
	cost := j.outBlock * j.rowBlock * w.in
	// Neighbouring items share unpacked weights, so items go out in runs.
	grain := max(macGrain/cost, min(j.rowBlocks, items/(4*b.pool.size)))
	b.pool.do(j, items, grain)
}

// streamPiece is how many bytes of weights are taken at a time, at least, where they are
// used once.
const streamPiece = 16 << 10

// follow notes which matrix a product with few rows reads. What was read after it the last
// time is likely to be next: threads that wait ask for it.
func (b *Backend) follow(j *linearJob) {
	if j.first != 0 {
		return
	}
	if b.last != nil {
		b.last.then = j.w
	}
	b.last = j.w
	if next := j.w.then; next != nil {
		b.pool.soon.Store(next.ahead)
	}
	b.copyLater(j.w)
}
