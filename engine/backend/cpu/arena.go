package cpu

import (
	"math/bits"

	"hark/engine/tensor"
)

// maxAxes bounds the axes of a tensor.
const maxAxes = 6

// array is the backend's tensor: a shape over a run of a buffer. Handles are
// used again after they are released.
type array struct {
	data   []float32
	dims   [maxAxes]int
	axes   int
	buf    *buffer // nil once released
	kept   bool    // survives EndStep
	inStep bool    // listed in arena.step
}

// Shape returns the sizes of the axes, slowest first.
func (a *array) Shape() []int { return a.dims[:a.axes:a.axes] }

// last returns the size of the last axis.
func (a *array) last() int {
	if a.axes == 0 {
		return 1
	}
	return a.dims[a.axes-1]
}

// first returns the size of the first axis.
func (a *array) first() int {
	if a.axes == 0 {
		return 1
	}
	return a.dims[0]
}

// rows returns how often the last axis repeats.
func (a *array) rows() int {
	n := 1
	for _, size := range a.dims[:max(a.axes-1, 0)] {
		n *= size
	}
	return n
}

// buffer is memory that arrays share. It goes back to the arena with the last
// of them.
type buffer struct {
	data []float32 // as long as its class says
	refs int
	used int // step that released it last
}

// arena hands out the memory of tensors and takes it back at the end of a
// step. In the long run a step allocates nothing.
type arena struct {
	free    [classes][]*buffer
	handles []*array // released, to be used again
	step    []*array // made since the last EndStep
	number  int      // steps ended
}

// Buffers come in classes of size: 5, 6, 7 or 8 times a power of two, from
// minClass up, so at most a fifth of a buffer is unused.
const (
	minClass = 64 // values
	classes  = 4 * 40
)

// idleSteps is how many steps a buffer may lie unused before it is dropped.
// Buffers are looked through once in that many steps.
const idleSteps = 512

// class returns the smallest class that holds n values, and its size.
func class(n int) (index, size int) {
	n = max(n, minClass)
	power := bits.Len(uint(n-1)) - 3 // the size is 4 to 8 times 2^power
	unit := 1 << power
	steps := (n + unit - 1) / unit // 4 < steps <= 8
	return (power-3)*4 + steps - 4, steps << power
}

// alloc returns a tensor of the step with undefined values.
func (m *arena) alloc(shape ...int) *array {
	n := 1
	for _, size := range shape {
		n *= size
	}
	index, size := class(n)
	var buf *buffer
	if free := m.free[index]; len(free) > 0 {
		buf = free[len(free)-1]
		m.free[index] = free[:len(free)-1]
	} else {
		buf = &buffer{data: make([]float32, size)}
	}
	return m.view(buf, buf.data[:n:n], shape...)
}

// view returns a tensor of the step over memory that exists.
func (m *arena) view(buf *buffer, data []float32, shape ...int) *array {
	if len(shape) > maxAxes {
		panic(&tensor.ShapeError{Op: "axes", Got: []int{len(shape)}, Want: []int{maxAxes}})
	}
	var a *array
	if n := len(m.handles); n > 0 {
		a = m.handles[n-1]
		m.handles = m.handles[:n-1]
	} else {
		a = new(array)
	}
	buf.refs++
	*a = array{data: data, axes: len(shape), buf: buf, inStep: true}
	copy(a.dims[:], shape)
	m.step = append(m.step, a)
	return a
}

// like returns a tensor of x's shape with undefined values.
func (m *arena) like(x *array) *array { return m.alloc(x.Shape()...) }

// zeros returns a tensor of zeros.
func (m *arena) zeros(shape ...int) *array {
	a := m.alloc(shape...)
	clear(a.data)
	return a
}

// constant returns a tensor that is never released.
func (m *arena) constant(shape []int) *array {
	n := 1
	for _, size := range shape {
		n *= size
	}
	buf := &buffer{data: make([]float32, n), refs: 1}
	a := &array{data: buf.data, axes: len(shape), buf: buf, kept: true}
	copy(a.dims[:], shape)
	return a
}

// release gives back a's memory. The handle stays out of use until its step
// has ended.
func (m *arena) release(a *array) {
	if a.buf == nil {
		return
	}
	buf := a.buf
	a.buf, a.data, a.kept = nil, nil, false
	if buf.refs--; buf.refs == 0 {
		index, size := class(len(buf.data))
		if size == len(buf.data) {
			buf.used = m.number
			m.free[index] = append(m.free[index], buf)
		}
	}
	if !a.inStep {
		m.handles = append(m.handles, a)
	}
}

// sweep releases the step's tensors from number mark on, but for the kept ones
// and keep.
func (m *arena) sweep(mark int, keep *array) {
	for _, a := range m.step[mark:] {
		if a.buf != nil && !a.kept && a != keep {
			m.release(a)
		}
	}
}

// endStep releases the step's tensors but the kept ones.
func (m *arena) endStep() {
	for i, a := range m.step {
		a.inStep = false
		m.step[i] = nil
		switch {
		case a.buf == nil: // freed during the step
			m.handles = append(m.handles, a)
		case !a.kept:
			m.release(a)
		}
	}
	m.step = m.step[:0]
	if m.number++; m.number%idleSteps == 0 {
		m.trim()
	}
}

// trim drops the buffers that nobody used for idleSteps.
func (m *arena) trim() {
	for i, free := range m.free {
		kept := free[:0]
		for _, buf := range free {
			if buf.used+idleSteps > m.number {
				kept = append(kept, buf)
			}
		}
		clear(free[len(kept):])
		m.free[i] = kept
	}
}

// scratch is a worker's memory for intermediate values. Each slot grows to
// the largest size asked for.
type scratch struct {
	slots     [slotCount][]float32
	attention attention
}

// The slots of scratch. One job uses different ones for what it needs at the
// same time.
const (
	slotWeights = iota // unpacked weight rows, or patches of a convolution
	slotScales
	slotBiases
	slotRows // rows of weights on their way into panels
	slotFactors
	slotQueries
	slotScores
	slotMix
	slotCount
)

// floats returns n undefined values, valid until the slot is asked for again.
func (s *scratch) floats(slot, n int) []float32 {
	if cap(s.slots[slot]) < n {
		s.slots[slot] = make([]float32, n+n/4)
	}
	return s.slots[slot][:n]
}
