package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// pointwiseGrain is the values of a piece of pointwise work.
const pointwiseGrain = 1 << 14

// pointwise computes dst from a, and b where there is one, all of one length.
// p and q are the operation's numbers.
type pointwise func(dst, a, b []float32, p, q float32)

// rowsJob applies a pointwise function to rows of width values.
type rowsJob struct {
	f             pointwise
	dst, a        []float32
	b             []float32 // as long as a, or one row, or nil
	p, q          float32
	width, aWidth int // values from row to row in dst and a
	bStep         int // values from row to row in b; 0 repeats the first
}

func (j *rowsJob) run(worker, from, to int) {
	if j.aWidth == j.width && (j.b == nil || j.bStep == j.width) {
		b := j.b
		if b != nil {
			b = b[from*j.width : to*j.width]
		}
		j.f(j.dst[from*j.width:to*j.width], j.a[from*j.width:to*j.width], b, j.p, j.q)
		return
	}
	for r := from; r < to; r++ {
		j.f(j.dst[r*j.width:][:j.width], j.a[r*j.aWidth:][:j.width], j.b[r*j.bStep:][:j.width], j.p, j.q)
	}
}

// apply runs f over x and returns the result, of x's shape.
func (b *Backend) apply(op string, f pointwise, x tensor.Tensor, p, q float32) tensor.Tensor {
	a := in(op, x)
	y := b.arena.like(a)
	b.jobs.rows = rowsJob{f: f, dst: y.data, a: a.data, p: p, q: q, width: 1, aWidth: 1}
	b.pool.do(&b.jobs.rows, len(y.data), pointwiseGrain)
	return y
}

// combine runs f over x and y; y has x's shape, or its last axis only.
func (b *Backend) combine(op string, f pointwise, x, y tensor.Tensor) tensor.Tensor {
	left, right := in(op, x), in(op, y)
	width := max(left.last(), 1)
	z := b.arena.like(left)
	j := &b.jobs.rows
	*j = rowsJob{f: f, dst: z.data, a: left.data, b: right.data, width: width, aWidth: width, bStep: width}
	if right.axes == 1 && left.axes > 1 {
		same(op, right.Shape(), left.last())
		j.bStep = 0
	} else {
		same(op, right.Shape(), left.Shape()...)
	}
	b.pool.do(j, len(z.data)/width, max(pointwiseGrain/width, 1))
	return z
}

// Add returns x+y. y has x's shape, or x's last axis only.
func (b *Backend) Add(x, y tensor.Tensor) tensor.Tensor { return b.combine("Add", add, x, y) }

// Mul returns x*y. y has x's shape, or x's last axis only.
func (b *Backend) Mul(x, y tensor.Tensor) tensor.Tensor { return b.combine("Mul", mul, x, y) }

// Scale returns x*factor.
func (b *Backend) Scale(x tensor.Tensor, factor float32) tensor.Tensor {
	return b.apply("Scale", scale, x, factor, 0)
}

// Clamp limits x to [low, high].
func (b *Backend) Clamp(x tensor.Tensor, low, high float32) tensor.Tensor {
	return b.apply("Clamp", clamp, x, low, high)
}

// Activate applies f to each value.
func (b *Backend) Activate(f tensor.Activation, x tensor.Tensor) tensor.Tensor {
	a := in("Activate", x)
	switch f {
	case tensor.GELU:
		// The gate without its partner: GELU(x)*1.
		return b.apply("Activate", gelu, a, 0, 0)
	case tensor.SiLU:
		return b.apply("Activate", silu, a, 0, 0)
	case tensor.ReLU:
		return b.apply("Activate", relu, a, 0, 0)
	case tensor.Tanh:
		return b.apply("Activate", softCap, a, 1, 0)
	case tensor.Sigmoid:
		return b.apply("Activate", sigmoid, a, 0, 0)
	}
	panic(&tensor.ShapeError{Op: "Activate: function", Got: []int{int(f)}, Want: []int{int(tensor.Sigmoid)}})
}

// GatedGELU returns GELU(gate)*up; both have one shape.
func (b *Backend) GatedGELU(gate, up tensor.Tensor) tensor.Tensor {
	g, u := in("GatedGELU", gate), in("GatedGELU", up)
	same("GatedGELU", u.Shape(), g.Shape()...)
	y := b.arena.like(g)
	b.gatedGELU(y.data, g.data, u.data)
	return y
}

func (b *Backend) gatedGELU(dst, gate, up []float32) {
	b.jobs.rows = rowsJob{f: gatedGELU, dst: dst, a: gate, b: up, width: 1, aWidth: 1, bStep: 1}
	b.pool.do(&b.jobs.rows, len(dst), pointwiseGrain/4)
}

// GLU returns a*sigmoid(b) where a and b are the halves of x's last axis.
func (b *Backend) GLU(x tensor.Tensor) tensor.Tensor {
	a := in("GLU", x)
	width := a.last() / 2
	if a.axes == 0 || width == 0 || a.last()%2 != 0 {
		panic(&tensor.ShapeError{Op: "GLU: last axis", Got: []int{a.last()}, Want: []int{2 * max(width, 1)}})
	}
	shape := a.dims
	shape[a.axes-1] = width
	y := b.arena.alloc(shape[:a.axes]...)
	if len(y.data) == 0 {
		return y
	}
	b.jobs.rows = rowsJob{f: glu, dst: y.data, a: a.data, b: a.data[width:], width: width, aWidth: 2 * width, bStep: 2 * width}
	b.pool.do(&b.jobs.rows, a.rows(), max(pointwiseGrain/4/width, 1))
	return y
}

// SoftCap returns limit*tanh(x/limit).
func (b *Backend) SoftCap(x tensor.Tensor, limit float32) tensor.Tensor {
	return b.apply("SoftCap", softCap, x, limit, 0)
}

func add(dst, a, b []float32, _, _ float32)        { kernel.Add(dst, a, b) }
func mul(dst, a, b []float32, _, _ float32)        { kernel.Mul(dst, a, b) }
func scale(dst, a, _ []float32, factor, _ float32) { kernel.ScaleMul(dst, a, nil, factor) }
func clamp(dst, a, _ []float32, low, high float32) { kernel.Clamp(dst, a, low, high) }

func relu(dst, a, _ []float32, _, _ float32) {
	for i, v := range a {
		dst[i] = max(v, 0)
	}
}

func gelu(dst, a, _ []float32, _, _ float32)      { kernel.GELU(dst, a, nil) }
func gatedGELU(dst, a, b []float32, _, _ float32) { kernel.GELU(dst, a, b) }
func silu(dst, a, _ []float32, _, _ float32)      { kernel.SigmoidMul(dst, a, a) }
func sigmoid(dst, a, _ []float32, _, _ float32)   { kernel.SigmoidMul(dst, nil, a) }
func glu(dst, a, b []float32, _, _ float32)       { kernel.SigmoidMul(dst, a, b) }

func softCap(dst, a, _ []float32, limit, _ float32) { kernel.SoftCap(dst, a, limit) }
