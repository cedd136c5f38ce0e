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
	bytes  int       // of a row, scales and biases included
	floats []float32 // the values themselves, if they are usable float32
	packed packing

	// Scales and biases with zeros behind each row, for products with rounded
	// rows that are not whole quads; made by pad.
	paddedScales, paddedBiases []byte
	padded                     []bool // which matrices of the stack they hold

	strips kernel.Strips // a copy in the order in which it is multiplied, once Data is there
	queued bool          // it was looked at for that
	ahead  *[]byte       // what a product reads first
	then   *weight       // the matrix that was multiplied with after it
}

// packing says how package kernel reads the rows where they lie.
type packing struct {
	format  kernel.Format
	ok      bool // it can
	rounded bool // it can with rounded activations
	bytes   int  // of a row
	groups  int  // of a row, 0 when not quantized
}

// Shape returns the logical sizes.
func (w *weight) Shape() []int { return w.shape }

// Weight takes over a stored matrix and keeps pointing at its bytes.
func (b *Backend) Weight(s tensor.Stored) (tensor.Weight, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	s.Shape = append([]int(nil), s.Shape...)
	w := &weight{stored: s, shape: s.Shape, in: s.In(), floats: asFloats(&s), packed: packingOf(&s)}
	w.bytes = (len(s.Data) + len(s.Scales) + len(s.Biases)) / s.Rows()
	w.ahead = &w.stored.Data
	return w, nil
}

// packingOf returns how the kernels know a stored matrix.
func packingOf(s *tensor.Stored) packing {
	in := s.In()
	p := packing{ok: true}
	switch {
	case s.Format == tensor.BF16:
		p.format, p.bytes = kernel.BF16, 2*in
	case s.Format == tensor.F16:
		p.format, p.bytes = kernel.F16, 2*in
	case s.Format == tensor.Affine && s.Bits == 4:
		p.format, p.bytes, p.groups = kernel.Q4, in/2, in/s.Group
	case s.Format == tensor.Affine && s.Bits == 8:
		p.format, p.bytes, p.groups = kernel.Q8, in, in/s.Group
	default:
		return packing{}
	}
	w := kernel.Packed{Format: p.format, Group: s.Group}
	p.ok, p.rounded = w.Fits(in), w.FitsRounded(in)
	return p
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

// view returns rows first to first+n of the stack as the kernels read them.
// Scales are valid until the next call with the same scratch.
func (w *weight) view(s *scratch, first, n int) kernel.Packed {
	st, p := &w.stored, &w.packed
	v := kernel.Packed{Format: p.format, Data: st.Data[first*p.bytes : (first+n)*p.bytes], Stride: p.bytes, Group: st.Group}
	if p.groups > 0 {
		v.Scales = factors(s.floats(slotScales, n*p.groups), st.Scale, st.Scales, first*p.groups)
		v.Biases = factors(s.floats(slotBiases, n*p.groups), st.Scale, st.Biases, first*p.groups)
		// The next rows are likely to be next: theirs come while these are
		// multiplied.
		size := n * p.groups * st.Scale.Size()
		at := (first + n) * p.groups * st.Scale.Size()
		if at+size <= len(st.Scales) {
			kernel.Soon(st.Scales[at : at+size]).Fetch()
			kernel.Soon(st.Biases[at : at+size]).Fetch()
		}
	}
	return v
}

// unpack decodes columns from to from+len(dst) of one row of the stack: whole
// groups, or all of a row that the kernels do not know.
func (w *weight) unpack(dst []float32, s *scratch, row, from int) {
	st := &w.stored
	if !w.packed.ok {
		tensor.DecodeRow(dst, st, row)
		return
	}
	data := st.Data[row*w.packed.bytes+from*w.packed.bytes/w.in:]
	switch w.packed.format {
	case kernel.BF16:
		kernel.UnpackBF16(dst, data)
		return
	case kernel.F16:
		kernel.UnpackF16(dst, data)
		return
	}
	groups := len(dst) / st.Group
	first := row*w.packed.groups + from/st.Group
	scales := factors(s.floats(slotScales, groups), st.Scale, st.Scales, first)
	biases := factors(s.floats(slotBiases, groups), st.Scale, st.Biases, first)
	if w.packed.format == kernel.Q4 {
		kernel.UnpackQ4(dst, data, scales, biases, st.Group)
	} else {
		kernel.UnpackQ8(dst, data, scales, biases, st.Group)
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
			m.unpack(row, &b.scratch[0], int(id), 0)
		}
		if scale != 1 {
			for i := range row {
				row[i] *= scale
			}
		}
	}
	return y
}
