package mlx

import (
	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// combine records f of x and y; y has x's shape, or its last axis only.
func (b *Backend) combine(op string, f func(x, y mlxc.Array) mlxc.Array, x, y tensor.Tensor) tensor.Tensor {
	left, right := in(op, x), in(op, y)
	if right.axes == 1 && left.axes > 1 {
		same(op, right.Shape(), left.last())
	} else {
		same(op, right.Shape(), left.Shape()...)
	}
	return b.wrap(op, f(left.h, right.h), left.Shape()...)
}

// Add returns x+y. y has x's shape, or x's last axis only.
func (b *Backend) Add(x, y tensor.Tensor) tensor.Tensor { return b.combine("Add", b.c.Add, x, y) }

// Mul returns x*y. y has x's shape, or x's last axis only.
func (b *Backend) Mul(x, y tensor.Tensor) tensor.Tensor { return b.combine("Mul", b.c.Multiply, x, y) }

// Scale returns x*factor.
func (b *Backend) Scale(x tensor.Tensor, factor float32) tensor.Tensor {
	a := in("Scale", x)
	return b.wrap("Scale", b.c.Multiply(a.h, b.scalar(factor)), a.Shape()...)
}

// Clamp limits x to [low, high].
func (b *Backend) Clamp(x tensor.Tensor, low, high float32) tensor.Tensor {
	a := in("Clamp", x)
	h := b.temp(b.c.Maximum(a.h, b.scalar(low)))
	return b.wrap("Clamp", b.c.Minimum(h, b.scalar(high)), a.Shape()...)
}

// Activate applies f to each value.
func (b *Backend) Activate(f tensor.Activation, x tensor.Tensor) tensor.Tensor {
	a := in("Activate", x)
	var h mlxc.Array
	switch f {
	case tensor.GELU:
		h = b.gated(a.h, b.scalar(1))
	case tensor.SiLU:
		h = b.c.Multiply(a.h, b.temp(b.c.Sigmoid(a.h)))
	case tensor.ReLU:
		h = b.c.Maximum(a.h, b.scalar(0))
	case tensor.Tanh:
		h = b.c.Tanh(a.h)
	case tensor.Sigmoid:
		h = b.c.Sigmoid(a.h)
	default:
		panic(&tensor.ShapeError{Op: "Activate: function", Got: []int{int(f)}, Want: []int{int(tensor.Sigmoid)}})
	}
	return b.wrap("Activate", h, a.Shape()...)
}

// gelu builds GELU(gate)*up for the compiler, which makes one kernel of it.
func (b *Backend) gelu(c *mlxc.Calls, in []mlxc.Array) []mlxc.Array {
	var made []mlxc.Array
	keep := func(h mlxc.Array) mlxc.Array {
		made = append(made, h)
		return h
	}
	result := geluOf(c, in[0], in[1], keep, func(v float32) mlxc.Array { return keep(number(c, v, b.dtype)) })
	for _, h := range made {
		c.Free(h)
	}
	return []mlxc.Array{result}
}

// geluOf records up*gate*0.5*(1+tanh(sqrt(2/pi)*gate*(1+0.044715*gate^2))). t
// takes intermediate results, n makes numbers.
func geluOf(c *mlxc.Calls, gate, up mlxc.Array, t func(mlxc.Array) mlxc.Array, n func(float32) mlxc.Array) mlxc.Array {
	y := t(c.Multiply(t(c.Multiply(gate, gate)), n(0.044715)))
	y = t(c.Multiply(t(c.Multiply(t(c.Add(y, n(1))), gate)), n(rootTwoOverPi)))
	y = t(c.Add(t(c.Tanh(y)), n(1)))
	y = t(c.Multiply(t(c.Multiply(y, gate)), n(0.5)))
	return c.Multiply(y, up)
}

const rootTwoOverPi = 0.7978845608028654

// gated records GELU(gate)*up: on a graphics processor the compiled kernel, of
// which a processor, without a compiler at hand, would have nothing but the
// cost of looking it up.
func (b *Backend) gated(gate, up mlxc.Array) mlxc.Array {
	if b.gpu {
		return b.c.Apply(b.gatedGELU, gate, up)
	}
	return geluOf(b.c, gate, up, b.temp, b.scalar)
}

// GatedGELU returns GELU(gate)*up; both have one shape.
func (b *Backend) GatedGELU(gate, up tensor.Tensor) tensor.Tensor {
	g, u := in("GatedGELU", gate), in("GatedGELU", up)
	same("GatedGELU", u.Shape(), g.Shape()...)
	return b.wrap("GatedGELU", b.gated(g.h, u.h), g.Shape()...)
}

// GLU returns a*sigmoid(b) where a and b are the halves of x's last axis.
func (b *Backend) GLU(x tensor.Tensor) tensor.Tensor {
	a := in("GLU", x)
	width := a.last() / 2
	if a.axes == 0 || width == 0 || a.last()%2 != 0 {
		panic(&tensor.ShapeError{Op: "GLU: last axis", Got: []int{a.last()}, Want: []int{2 * max(width, 1)}})
	}
	left := b.temp(b.part(a, a.axes-1, 0, width))
	right := b.temp(b.part(a, a.axes-1, width, 2*width))
	return b.wrap("GLU", b.c.Multiply(left, b.temp(b.c.Sigmoid(right))), a.with(a.axes-1, width)...)
}

// SoftCap returns limit*tanh(x/limit).
func (b *Backend) SoftCap(x tensor.Tensor, limit float32) tensor.Tensor {
	a := in("SoftCap", x)
	return b.wrap("SoftCap", b.softCap(a.h, limit), a.Shape()...)
}

func (b *Backend) softCap(h mlxc.Array, limit float32) mlxc.Array {
	h = b.temp(b.c.Divide(h, b.scalar(limit)))
	return b.c.Multiply(b.temp(b.c.Tanh(h)), b.scalar(limit))
}

// RMSNorm returns x/sqrt(mean(x^2)+eps)*w over the last axis; w may be nil.
func (b *Backend) RMSNorm(x, w tensor.Tensor, eps float32) tensor.Tensor {
	a := in("RMSNorm", x)
	return b.wrap("RMSNorm", b.c.RMSNorm(a.h, b.factor("RMSNorm", a, w), eps), a.Shape()...)
}

// factor returns the handle of a row as long as a's last axis, 0 for nil.
func (b *Backend) factor(op string, a *array, w tensor.Tensor) mlxc.Array {
	row := optional(op, w)
	if row == nil {
		return 0
	}
	same(op, row.Shape(), a.last())
	return row.h
}

// LayerNorm returns (x-mean)/sqrt(var+eps)*w+bias over the last axis; bias may
// be nil. The variance is that of centred values, as rows may have a large
// mean.
func (b *Backend) LayerNorm(x, w, bias tensor.Tensor, eps float32) tensor.Tensor {
	a := in("LayerNorm", x)
	factor, shift := b.factor("LayerNorm", a, w), b.factor("LayerNorm", a, bias)
	if a.size() == 0 {
		return b.wrap("LayerNorm", b.c.Again(a.h), a.Shape()...)
	}
	mean := b.temp(b.c.Mean(a.h, true, a.axes-1))
	y := b.c.RMSNorm(b.temp(b.c.Subtract(a.h, mean)), factor, eps)
	if shift != 0 {
		y = b.c.Add(b.temp(y), shift)
	}
	return b.wrap("LayerNorm", y, a.Shape()...)
}
