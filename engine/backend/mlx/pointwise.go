package mlx

import (
	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// beside returns the operands of a pointwise operation, laid out alike and
// perhaps not recorded yet. y has x's shape, or its last axis only.
func beside(op string, x, y tensor.Tensor) (left, right *array) {
	left, right = known(op, x), known(op, y)
	if right.axes == 1 && left.axes > 1 {
		same(op, right.Shape(), left.last())
		return left, right
	}
	same(op, right.Shape(), left.Shape()...)
	if left.spread != right.spread {
		return in(op, x), in(op, y)
	}
	return left, right
}

// like makes a tensor of the step with a's shape and layout.
func (b *Backend) like(op string, a *array, h mlxc.Array) *array {
	made := b.wrap(op, h, a.Shape()...)
	made.spread = a.spread
	return made
}

// Add returns x+y. y has x's shape, or x's last axis only.
func (b *Backend) Add(x, y tensor.Tensor) tensor.Tensor {
	left, right := beside("Add", x, y)
	return b.pointwise("Add", left, plus, term{of: left}, term{of: right})
}

// Mul returns x*y. y has x's shape, or x's last axis only.
func (b *Backend) Mul(x, y tensor.Tensor) tensor.Tensor {
	left, right := beside("Mul", x, y)
	return b.pointwise("Mul", left, times, term{of: left}, term{of: right})
}

// Scale returns x*factor.
func (b *Backend) Scale(x tensor.Tensor, factor float32) tensor.Tensor {
	a := known("Scale", x)
	return b.pointwise("Scale", a, times, term{of: a}, term{v: factor})
}

// Clamp limits x to [low, high].
func (b *Backend) Clamp(x tensor.Tensor, low, high float32) tensor.Tensor {
	a := known("Clamp", x)
	return b.pointwise("Clamp", a, clamped, term{of: a}, term{v: low}, term{v: high})
}

// Activate applies f to each value.
func (b *Backend) Activate(f tensor.Activation, x tensor.Tensor) tensor.Tensor {
	a := known("Activate", x)
	switch f {
	case tensor.GELU:
		return b.pointwise("Activate", a, gatedGELU, term{of: a}, term{v: 1})
	case tensor.SiLU:
		return b.pointwise("Activate", a, silu, term{of: a})
	}
	var h mlxc.Array
	switch a = loose("Activate", x); f {
	case tensor.ReLU:
		h = b.c.Maximum(a.h, b.scalar(0))
	case tensor.Tanh:
		h = b.c.Tanh(a.h)
	case tensor.Sigmoid:
		h = b.c.Sigmoid(a.h)
	default:
		panic(&tensor.ShapeError{Op: "Activate: function", Got: []int{int(f)}, Want: []int{int(tensor.Sigmoid)}})
	}
	return b.like("Activate", a, h)
}

// GatedGELU returns GELU(gate)*up; both have one shape.
func (b *Backend) GatedGELU(gate, up tensor.Tensor) tensor.Tensor {
	g, u := known("GatedGELU", gate), known("GatedGELU", up)
	same("GatedGELU", u.Shape(), g.Shape()...)
	if g.spread != u.spread {
		g, u = in("GatedGELU", gate), in("GatedGELU", up)
	}
	return b.pointwise("GatedGELU", g, gatedGELU, term{of: g}, term{of: u})
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
	return b.resized("GLU", a, a.axes-1, width, b.compiled(gluFormula, left, right))
}

// SoftCap returns limit*tanh(x/limit).
func (b *Backend) SoftCap(x tensor.Tensor, limit float32) tensor.Tensor {
	a := loose("SoftCap", x)
	return b.like("SoftCap", a, b.compiled(softCapFormula, a.h, b.scalar(limit)))
}

// RMSNorm returns x/sqrt(mean(x^2)+eps)*w over the last axis; w may be nil.
func (b *Backend) RMSNorm(x, w tensor.Tensor, eps float32) tensor.Tensor {
	a := loose("RMSNorm", x)
	return b.like("RMSNorm", a, b.c.RMSNorm(a.h, b.factor("RMSNorm", a, w), eps))
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
