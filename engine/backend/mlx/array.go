package mlx

import (
	"fmt"
	"time"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// maxAxes bounds the axes of a tensor.
const maxAxes = 6

// array is the backend's tensor: a handle and its shape. Go's part is used
// again after it is released.
type array struct {
	b    *Backend
	h    mlxc.Array // 0 once released
	dims [maxAxes]int
	axes int
	// spread says that a has three axes, [T, heads, D], and MLX's array one
	// more, [T, heads, 1, D], as rotations and attention want it.
	spread  bool
	joint   *joint     // whose product with a is held; nil: none
	product mlxc.Array // that product
	later   bool       // not recorded yet, listed in Backend.laters
	kept    bool       // survives EndStep
	inStep  bool       // listed in arena.step
	flight  int64      // that computes a kept one; 0: none was begun
}

// Shape returns the sizes of the axes, slowest first.
func (a *array) Shape() []int { return a.dims[:a.axes:a.axes] }

// size returns the number of values.
func (a *array) size() int {
	n := 1
	for _, d := range a.dims[:a.axes] {
		n *= d
	}
	return n
}

// last returns the size of the last axis.
func (a *array) last() int {
	if a.axes == 0 {
		return 1
	}
	return a.dims[a.axes-1]
}

// arena holds the tensors of a step.
type arena struct {
	handles []*array // released, to be used again
	step    []*array // made since the last EndStep
	kept    map[*array]bool
}

// add lists a handle as a tensor of the step.
func (m *arena) add(b *Backend, h mlxc.Array, shape []int) *array {
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
	*a = array{b: b, h: h, axes: len(shape), inStep: true}
	copy(a.dims[:], shape)
	m.step = append(m.step, a)
	return a
}

// release frees a's handle.
func (m *arena) release(c *mlxc.Calls, a *array) {
	if a.h == 0 {
		return
	}
	c.Free(a.h)
	c.Free(a.product)
	if a.kept {
		delete(m.kept, a)
	}
	a.h, a.kept, a.joint, a.product = 0, false, nil, 0
	if !a.inStep {
		m.handles = append(m.handles, a)
	}
}

// endStep releases the step's tensors but the kept ones.
func (m *arena) endStep(c *mlxc.Calls) {
	for i, a := range m.step {
		a.inStep = false
		m.step[i] = nil
		switch {
		case a.h == 0: // freed during the step
			m.handles = append(m.handles, a)
		case !a.kept:
			m.release(c, a)
		}
	}
	m.step = m.step[:0]
}

// close releases everything.
func (m *arena) close(c *mlxc.Calls) {
	m.endStep(c)
	for a := range m.kept {
		m.release(c, a)
	}
}

// wrap makes a tensor of the step of what an operation recorded, and frees what
// it was made of.
func (b *Backend) wrap(op string, h mlxc.Array, shape ...int) *array {
	if h == 0 {
		b.fail(op)
	}
	b.sweepTrash()
	if b.began.IsZero() {
		b.began = time.Now()
	}
	return b.arena.add(b, h, shape)
}

// temp lists an intermediate result, to be freed when its operation is
// recorded.
func (b *Backend) temp(h mlxc.Array) mlxc.Array {
	b.trash = append(b.trash, h)
	return h
}

func (b *Backend) sweepTrash() {
	for _, h := range b.trash {
		b.c.Free(h)
	}
	b.trash = b.trash[:0]
}

// maxScalars bounds the numbers that are kept as arrays; towers with clipped
// projections have about a thousand.
const maxScalars = 4096

// scalar returns a number as an array without axes, in the activations' type.
func (b *Backend) scalar(v float32) mlxc.Array {
	if h, ok := b.scalars[v]; ok {
		return h
	}
	if len(b.scalars) >= maxScalars {
		for key, h := range b.scalars {
			b.temp(h) // the operation being recorded may hold it
			delete(b.scalars, key)
		}
	}
	h := number(b.c, v, b.dtype)
	b.scalars[v] = h
	return h
}

// number makes an array of one value.
func number(c *mlxc.Calls, v float32, t mlxc.DType) mlxc.Array {
	h := mlxc.New(c, []float32{v}, mlxc.Float32)
	if t == mlxc.Float32 {
		return h
	}
	defer c.Free(h)
	return c.AsType(h, t)
}

// typed returns values in the activations' type.
func (b *Backend) typed(data []float32, shape ...int) mlxc.Array {
	h := mlxc.New(b.c, data, mlxc.Float32, shape...)
	if b.dtype == mlxc.Float32 {
		return h
	}
	return b.c.AsType(b.temp(h), b.dtype)
}

// Input makes a tensor of host values.
func (b *Backend) Input(data []float32, shape ...int) tensor.Tensor {
	same("Input", []int{len(data)}, product(shape))
	return b.wrap("Input", b.typed(data, shape...), shape...)
}

// Constant makes a tensor that lives until Close.
func (b *Backend) Constant(data []float32, shape ...int) tensor.Tensor {
	same("Constant", []int{len(data)}, product(shape))
	h := b.typed(data, shape...)
	if h == 0 {
		b.fail("Constant")
	}
	b.sweepTrash()
	a := &array{b: b, h: h, axes: len(shape), kept: true}
	copy(a.dims[:], shape)
	b.constants = append(b.constants, a)
	b.keepers = append(b.keepers, a)
	return a
}

// Keep makes x survive EndStep until it is freed.
func (b *Backend) Keep(x tensor.Tensor) tensor.Tensor {
	a := loose("Keep", x)
	if !a.kept {
		a.kept = true
		if b.arena.kept == nil {
			b.arena.kept = make(map[*array]bool)
		}
		b.arena.kept[a] = true
		b.keepers = append(b.keepers, a)
	}
	return x
}

// Free releases a kept tensor, or one of the step before its end; nil is
// ignored.
func (b *Backend) Free(x tensor.Tensor) {
	if a, ok := x.(*array); ok && a != nil {
		b.letGo(a)
		b.arena.release(b.c, a)
	}
}

// Mark returns how many tensors the step has made.
func (b *Backend) Mark() int { return len(b.arena.step) }

// Sweep releases the tensors made since mark but x; see tensor.Ops.
func (b *Backend) Sweep(mark int, x tensor.Tensor) tensor.Tensor {
	keep := loose("Sweep", x)
	for _, a := range b.arena.step[mark:] {
		if a.later {
			b.drop(a)
		}
		if a.h != 0 && !a.kept && a != keep {
			b.arena.release(b.c, a)
		}
	}
	return x
}

// Name returns x: the backend has no tracer.
func (b *Backend) Name(x tensor.Tensor, name string) tensor.Tensor { return x }

// in returns the array behind an operand, with its axes as its shape says. One
// that was released panics.
func in(op string, x tensor.Tensor) *array {
	a := loose(op, x)
	if a.spread {
		c := a.b.c
		h := c.Reshape(a.h, a.Shape()...)
		if h == 0 {
			a.b.fail(op)
		}
		c.Free(a.h)
		a.h, a.spread = h, false
	}
	return a
}

// loose is in for an operation that takes a spread operand too.
func loose(op string, x tensor.Tensor) *array {
	a := known(op, x)
	if a.later {
		a.b.resolve(op, a)
	}
	return a
}

// known is loose for an operation that takes what is not recorded yet, too.
func known(op string, x tensor.Tensor) *array {
	a, ok := x.(*array)
	if !ok {
		panic(fmt.Sprintf("mlx: %s: operand is %T, not a tensor of this backend", op, x))
	}
	if a.h == 0 && !a.later {
		panic(fmt.Sprintf("mlx: %s: operand was released", op))
	}
	return a
}

// optional is in for an operand that may be nil.
func optional(op string, x tensor.Tensor) *array {
	if x == nil {
		return nil
	}
	return in(op, x)
}

// product multiplies sizes.
func product(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

// same panics unless the sizes got are want.
func same(op string, got []int, want ...int) {
	if len(got) == len(want) {
		equal := true
		for i, size := range got {
			equal = equal && size == want[i]
		}
		if equal {
			return
		}
	}
	panic(&tensor.ShapeError{Op: op, Got: append([]int(nil), got...), Want: append([]int(nil), want...)})
}

// axes panics unless x has n axes.
func axes(op string, x *array, n int) {
	if x.axes != n {
		panic(&tensor.ShapeError{Op: op + ": axes", Got: append([]int(nil), x.Shape()...), Want: []int{n}})
	}
}
