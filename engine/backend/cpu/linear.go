package cpu

import (
	"unsafe"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// weight is a stored matrix, or a stack of them, used where it lies.
type weight struct {
	stored tensor.Stored
	shape  []int
	in     int
	floats []float32 // the values themselves, if they are usable float32
}

// Shape returns the logical sizes.
func (w *weight) Shape() []int { return w.shape }

// Weight takes over a stored matrix and keeps pointing at its bytes.
func (b *Backend) Weight(s tensor.Stored) (tensor.Weight, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	s.Shape = append([]int(nil), s.Shape...)
	return &weight{stored: s, shape: s.Shape, in: s.In(), floats: asFloats(&s)}, nil
}

// asFloats returns the bytes of an F32 matrix as values if the processor
// stores them alike and they are aligned, nil otherwise.
func asFloats(s *tensor.Stored) []float32 {
	one := float32(1)
	little := *(*[4]byte)(unsafe.Pointer(&one)) == [4]byte{0, 0, 0x80, 0x3f}
	p := unsafe.Pointer(unsafe.SliceData(s.Data))
	if s.Format != tensor.F32 || !little || uintptr(p)%4 != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), len(s.Data)/4)
}

// rows returns rows first to first+n of the stack, unpacked [n, in]. They are
// valid until the next call with the same scratch.
func (w *weight) rows(s *scratch, first, n int) []float32 {
	if w.floats != nil {
		return w.floats[first*w.in : (first+n)*w.in]
	}
	dst := s.floats(slotWeights, n*w.in)
	for i := range n {
		w.unpack(dst[i*w.in:(i+1)*w.in], s, first+i)
	}
	return dst
}

// unpack decodes one row of the stack to dst [in].
func (w *weight) unpack(dst []float32, s *scratch, row int) {
	st := &w.stored
	switch {
	case st.Format == tensor.BF16:
		kernel.UnpackBF16(dst, st.Data[2*row*w.in:])
	case st.Format == tensor.Affine && st.Bits == 4:
		groups := w.in / st.Group
		scales := factors(s.floats(slotScales, groups), st.Scale, st.Scales, row*groups)
		biases := factors(s.floats(slotBiases, groups), st.Scale, st.Biases, row*groups)
		kernel.UnpackQ4(dst, st.Data[row*w.in/2:], scales, biases, st.Group)
	case st.Format == tensor.Affine && st.Bits == 8:
		groups := w.in / st.Group
		scales := factors(s.floats(slotScales, groups), st.Scale, st.Scales, row*groups)
		biases := factors(s.floats(slotBiases, groups), st.Scale, st.Biases, row*groups)
		kernel.UnpackQ8(dst, st.Data[row*w.in:], scales, biases, st.Group)
	default:
		tensor.DecodeRow(dst, st, row)
	}
}

// factors decodes len(dst) scales or biases from value first on.
func factors(dst []float32, f tensor.Format, data []byte, first int) []float32 {
	data = data[first*f.Size():]
	switch f {
	case tensor.BF16:
		kernel.UnpackBF16(dst, data)
	case tensor.F32:
		kernel.UnpackF32(dst, data)
	case tensor.F16:
		kernel.UnpackF16(dst, data)
	}
	return dst
}

// Sizes of a piece of a linear layer.
const (
	blockValues = 1 << 15 // unpacked weights, 128 KiB: half of a small L2
	blockRows   = 64      // rows of x
	macGrain    = 1 << 17 // products worth waking a worker for
)

// linearJob computes dst [rows, outs] = x [rows, in]·wᵀ + bias. An item is a
// block of outputs for a block of rows.
type linearJob struct {
	b          *Backend
	dst, x     []float32
	bias       []float32 // [outs] or nil
	w          *weight
	first      int // row of the stack that makes output 0
	rows, outs int
	outBlock   int // outputs an item
	rowBlock   int // rows an item
	rowBlocks  int
}

func (j *linearJob) run(worker, from, to int) {
	s, in := &j.b.scratch[worker], j.w.in
	var w []float32
	unpacked := -1
	for item := from; item < to; item++ {
		o, t := item/j.rowBlocks*j.outBlock, item%j.rowBlocks*j.rowBlock
		outs, rows := min(j.outBlock, j.outs-o), min(j.rowBlock, j.rows-t)
		if unpacked != o {
			w = j.w.rows(s, j.first+o, outs)
			unpacked = o
		}
		dst := j.dst[t*j.outs+o:]
		kernel.MatMul(
			kernel.Matrix{Data: dst, Stride: j.outs},
			kernel.Matrix{Data: j.x[t*in:], Stride: in},
			kernel.Matrix{Data: w, Stride: in}, rows, outs, in)
		if j.bias == nil {
			continue
		}
		for r := range rows {
			row := dst[r*j.outs:][:outs]
			for i, bias := range j.bias[o : o+outs] {
				row[i] += bias
			}
		}
	}
}

// linear computes dst [rows, outs] from x [rows, in] with rows first to
// first+outs of w.
func (b *Backend) linear(dst, x, bias []float32, w *weight, first, rows, outs int) {
	if rows == 0 {
		return
	}
	j := &b.jobs.linear
	*j = linearJob{b: b, dst: dst, x: x, bias: bias, w: w, first: first, rows: rows, outs: outs}
	// At least four pieces a worker, at most a block of scratch each.
	j.outBlock = min(blockValues/w.in, (outs+4*b.pool.size-1)/(4*b.pool.size))
	j.outBlock = min(max((j.outBlock+3)&^3, 4), 64)
	j.rowBlock = min(rows, blockRows)
	j.rowBlocks = (rows + j.rowBlock - 1) / j.rowBlock
	items := (outs + j.outBlock - 1) / j.outBlock * j.rowBlocks
	cost := j.outBlock * j.rowBlock * w.in
	// Neighbouring items share unpacked weights, so items go out in runs.
	grain := max(macGrain/cost, min(j.rowBlocks, items/(4*b.pool.size)))
	b.pool.do(j, items, grain)
}

// Linear returns x·wᵀ (+ bias) over the last axis: [.., in] → [.., out].
func (b *Backend) Linear(x tensor.Tensor, w tensor.Weight, bias tensor.Tensor) tensor.Tensor {
	a, m := in("Linear", x), matrix("Linear", w, 2)
	if a.axes == 0 || a.last() != m.in {
		panic(&tensor.ShapeError{Op: "Linear " + m.stored.Name, Got: append([]int(nil), a.Shape()...), Want: []int{m.in}})
	}
	shape := a.dims
	shape[a.axes-1] = m.shape[0]
	y := b.arena.alloc(shape[:a.axes]...)
	var add []float32
	if bias := optional("Linear", bias); bias != nil {
		same("Linear: bias", bias.Shape(), m.shape[0])
		add = bias.data
	}
	b.linear(y.data, a.data, add, m, 0, a.rows(), m.shape[0])
	return y
}

// matrix returns the weight behind an operand, of n axes.
func matrix(op string, w tensor.Weight, n int) *weight {
	m := w.(*weight)
	if len(m.shape) != n {
		panic(&tensor.ShapeError{Op: op + " " + m.stored.Name + ": axes", Got: m.shape, Want: []int{n}})
	}
	return m
}

// Embed returns rows of w times scale: ids [T] → [T, in].
func (b *Backend) Embed(w tensor.Weight, ids []int32, scale float32) tensor.Tensor {
	m := matrix("Embed", w, 2)
	y := b.arena.alloc(len(ids), m.in)
	for t, id := range ids {
		if id < 0 || int(id) >= m.shape[0] {
			panic(&tensor.ShapeError{Op: "Embed " + m.stored.Name + ": row", Got: []int{int(id)}, Want: []int{m.shape[0]}})
		}
		row := y.data[t*m.in : (t+1)*m.in]
		if m.floats != nil {
			copy(row, m.floats[int(id)*m.in:])
		} else {
			m.unpack(row, &b.scratch[0], int(id))
		}
		if scale != 1 {
			for i := range row {
				row[i] *= scale
			}
		}
	}
	return y
}
