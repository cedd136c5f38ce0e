package ranks

import (
	"fmt"
	"slices"

	"hark/engine/tensor"
)

// weight is a stored matrix, divided or whole, or a stack of them.
type weight struct {
	id     uint32
	stored tensor.Stored
	part   tensor.Weight // a matrix: this rank's rows, or all
	whole  bool          // part is all of it
	stack  tensor.Weight // a stack, once its place among the experts is known
}

// Shape returns the logical sizes of the whole.
func (w *weight) Shape() []int { return w.stored.Shape }

// Weight takes over this rank's rows of a matrix. A stack waits until Experts
// says how it is used. All ranks load the same model, so a weight is told only
// behind that.
func (b *Backend) Weight(s tensor.Stored) (tensor.Weight, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	w := &weight{id: uint32(len(b.weights)), stored: s}
	fmt.Fprintf(b.loads, "%s %v %v %d %d;", s.Name, s.Shape, s.Format, s.Bits, s.Group)
	for _, data := range [][]byte{s.Data, s.Scales, s.Biases} {
		tensor.Digest(b.loads, data)
	}
	if len(s.Shape) == 3 {
		b.weights = append(b.weights, w)
		b.tell(opWeight).stored(s)
		return w, nil
	}
	size := b.group.Size()
	if w.whole = s.Shape[0]%size != 0 || s.Shape[0]*s.Shape[1] <= b.whole; !w.whole {
		n := s.Shape[0] / size
		s = rows(s, b.group.Rank()*n, n)
	}
	var err error
	if w.part, err = b.inner.Weight(s); err != nil {
		return nil, err
	}
	b.weights = append(b.weights, w)
	b.tell(opWeight).stored(w.stored)
	return w, nil
}

// rows returns n rows of a matrix from row first on, in the same memory.
func rows(s tensor.Stored, first, n int) tensor.Stored {
	out := s.Shape[0]
	cut := func(data []byte) []byte {
		row := len(data) / out
		return data[first*row : (first+n)*row]
	}
	s.Data, s.Scales, s.Biases = cut(s.Data), cut(s.Scales), cut(s.Biases)
	s.Shape = []int{n, s.Shape[1]}
	return s
}

// inner copies the part of each matrix of a stack that belongs to one of size
// ranks: of gate and up [E, F, H] rows of F, of down [E, H, F] columns of F.
func inner(s tensor.Stored, rank, size int, columns bool) tensor.Stored {
	experts, out, in := s.Shape[0], s.Shape[1], s.Shape[2]
	cut := func(data []byte) []byte {
		if !columns {
			n := len(data) / experts // bytes of a matrix
			part := make([]byte, 0, len(data)/size)
			for e := range experts {
				part = append(part, data[e*n+rank*n/size:e*n+(rank+1)*n/size]...)
			}
			return part
		}
		n := len(data) / (experts * out) // bytes of a row
		part := make([]byte, 0, len(data)/size)
		for r := range experts * out {
			part = append(part, data[r*n+rank*n/size:r*n+(rank+1)*n/size]...)
		}
		return part
	}
	s.Data, s.Scales, s.Biases = cut(s.Data), cut(s.Scales), cut(s.Biases)
	s.Shape = []int{experts, out / size, in}
	if columns {
		s.Shape = []int{experts, out, in / size}
	}
	return s
}

// divisible reports whether down's columns can be divided: whole groups and
// whole 32-bit words of codes.
func divisible(down tensor.Stored, size int) bool {
	f := down.Shape[2]
	if f%size != 0 {
		return false
	}
	bits, group := down.Bits, max(down.Group, 1)
	switch down.Format {
	case tensor.Affine:
	case tensor.MXFP4, tensor.NVFP4:
		bits = 4
	case tensor.MXFP8:
		bits = 8
	default:
		bits = 32
	}
	return f/size%group == 0 && f/size*bits%32 == 0
}

// Linear returns x·wᵀ (+ bias): each rank its outputs, then all of them. What
// was told is sent before every exchange, so that the followers record while
// the leader does.
func (b *Backend) Linear(x tensor.Tensor, w tensor.Weight, bias tensor.Tensor) tensor.Tensor {
	m := w.(*weight)
	if len(m.stored.Shape) != 2 {
		panic(&tensor.ShapeError{Op: "Linear " + m.stored.Name + ": axes", Got: m.stored.Shape, Want: make([]int, 2)})
	}
	if bias != nil && !slices.Equal(bias.Shape(), m.stored.Shape[:1]) {
		panic(&tensor.ShapeError{Op: "Linear " + m.stored.Name + ": bias", Got: bias.Shape(), Want: m.stored.Shape[:1]})
	}
	if m.whole {
		y := b.made(b.inner.Linear(in(x), m.part, in(bias)))
		b.tell(opLinear).tensor(x).weight(w).tensor(bias)
		return y
	}
	y := b.inner.Linear(in(x), m.part, nil)
	b.tell(opLinear).tensor(x).weight(w).tensor(bias)
	b.meet()
	y = b.group.GatherCols(y)
	if bias != nil {
		y = b.inner.Add(y, in(bias))
	}
	return b.made(y)
}

// Embed returns rows of w times scale: of every row each rank looks one up,
// its own where it has it.
func (b *Backend) Embed(w tensor.Weight, ids []int32, scale float32) tensor.Tensor {
	m := w.(*weight)
	if len(m.stored.Shape) != 2 {
		panic(&tensor.ShapeError{Op: "Embed " + m.stored.Name + ": axes", Got: m.stored.Shape, Want: make([]int, 2)})
	}
	if m.whole {
		rows := b.made(b.inner.Embed(m.part, ids, scale))
		b.tell(opEmbed).weight(w).int32s(ids).float(scale)
		return rows
	}
	n := m.stored.Shape[0] / b.group.Size()
	first := b.group.Rank() * n
	own, index := make([]int32, len(ids)), make([]int, len(ids))
	for i, id := range ids {
		if id < 0 || int(id) >= m.stored.Shape[0] {
			panic(&tensor.ShapeError{Op: "Embed " + m.stored.Name + ": row", Got: []int{int(id)}, Want: []int{m.stored.Shape[0]}})
		}
		if int(id)/n == b.group.Rank() {
			own[i] = id - int32(first)
		}
		index[i] = int(id)/n*len(ids) + i
	}
	mine := b.inner.Embed(m.part, own, scale)
	b.tell(opEmbed).weight(w).int32s(ids).float(scale)
	b.meet()
	all := b.group.GatherRows(mine)
	return b.made(b.inner.Gather(all, index))
}

// Experts computes this rank's part of every expert's inner width and adds the
// parts.
func (b *Backend) Experts(x, logits tensor.Tensor, top int, perExpert tensor.Tensor, gate, up, down tensor.Weight) tensor.Tensor {
	g, u, d := gate.(*weight), up.(*weight), down.(*weight)
	divided := len(d.stored.Shape) == 3 && divisible(d.stored, b.group.Size())
	for _, w := range []*weight{g, u, d} {
		if len(w.stored.Shape) != 3 {
			panic(&tensor.ShapeError{Op: "Experts " + w.stored.Name + ": axes", Got: w.stored.Shape, Want: make([]int, 3)})
		}
		if w.stack != nil {
			continue
		}
		s := w.stored
		if divided {
			s = inner(s, b.group.Rank(), b.group.Size(), w == d)
		}
		var err error
		if w.stack, err = b.inner.Weight(s); err != nil {
			panic(&tensor.DeviceError{Op: "Experts " + s.Name, Err: err})
		}
	}
	y := b.inner.Experts(in(x), in(logits), top, in(perExpert), g.stack, u.stack, d.stack)
	b.tell(opExperts).tensor(x).tensor(logits).int(top).tensor(perExpert).weight(gate).weight(up).weight(down)
	if divided {
		b.meet()
		y = b.group.Sum(y)
	}
	return b.made(y)
}
