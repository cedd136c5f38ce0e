package mlx

import (
	"time"

	"hark/engine/backend/mlx/mlxc"
)

// formula names a pointwise function that is compiled: one kernel instead of
// one for each of its operations.
type formula int

const (
	gatedGELU  formula = iota // gate, up → GELU(gate)*up
	softCapped                // x, limit → limit*tanh(x/limit)
	clamped                   // x, low, high → x limited to [low, high]
	silu                      // x → x*sigmoid(x)
	glu                       // a, b → a*sigmoid(b)
	sumScaled                 // x, y, f → (x+y)*f
	addScaled                 // x, y, f → x+y*f
	formulas
)

// record records f of operands. take gets the intermediate results, which are
// to be freed, and value makes a number.
func (f formula) record(c *mlxc.Calls, in []mlxc.Array, take func(mlxc.Array) mlxc.Array, value func(float32) mlxc.Array) mlxc.Array {
	switch f {
	case gatedGELU:
		return geluOf(c, in[0], in[1], take, value)
	case softCapped:
		return c.Multiply(take(c.Tanh(take(c.Divide(in[0], in[1])))), in[1])
	case clamped:
		return c.Minimum(take(c.Maximum(in[0], in[1])), in[2])
	case silu:
		return c.Multiply(in[0], take(c.Sigmoid(in[0])))
	case glu:
		return c.Multiply(in[0], take(c.Sigmoid(in[1])))
	case sumScaled:
		return c.Multiply(take(c.Add(in[0], in[1])), in[2])
	default: // addScaled
		return c.Add(in[0], take(c.Multiply(in[1], in[2])))
	}
}

// geluOf records up*gate*0.5*(1+tanh(sqrt(2/pi)*gate*(1+0.044715*gate^2))).
func geluOf(c *mlxc.Calls, gate, up mlxc.Array, t func(mlxc.Array) mlxc.Array, n func(float32) mlxc.Array) mlxc.Array {
	y := t(c.Multiply(t(c.Multiply(gate, gate)), n(0.044715)))
	y = t(c.Multiply(t(c.Multiply(t(c.Add(y, n(1))), gate)), n(rootTwoOverPi)))
	y = t(c.Add(t(c.Tanh(y)), n(1)))
	y = t(c.Multiply(t(c.Multiply(y, gate)), n(0.5)))
	return c.Multiply(y, up)
}

const rootTwoOverPi = 0.7978845608028654

// compiled records f of operands: where formulas are compiled as one node, whose
// closure is made when it is first asked for and serves all shapes, elsewhere as
// what it consists of. A processor has no compiler at hand, and would have
// nothing from closures but the cost of looking them up.
func (b *Backend) compiled(f formula, in ...mlxc.Array) mlxc.Array {
	if !b.fuse {
		var held [4]mlxc.Array
		return f.record(b.c, held[:copy(held[:], in)], b.temp, b.scalar)
	}
	if !b.closures[f].Made() {
		closure, err := b.c.Compile(func(c *mlxc.Calls, in []mlxc.Array) []mlxc.Array {
			var made []mlxc.Array
			keep := func(h mlxc.Array) mlxc.Array {
				made = append(made, h)
				return h
			}
			result := f.record(c, in, keep, func(v float32) mlxc.Array { return keep(number(c, v, b.dtype)) })
			for _, h := range made {
				c.Free(h)
			}
			return []mlxc.Array{result}
		})
		if err != nil {
			return 0 // the caller asks the library for its error
		}
		b.closures[f] = closure
	}
	return b.c.Apply(b.closures[f], in...)
}

// later is a sum or a multiple that is recorded when it is first used: what
// uses it may be such an operation too, and then one kernel does both.
type later struct {
	of, x, y *array // of is x+y; with y nil it is x*factor
	factor   float32
}

// postpone makes the tensor of a sum or a multiple.
func (b *Backend) postpone(x, y *array, factor float32) *array {
	if b.began.IsZero() {
		b.began = time.Now()
	}
	a := b.arena.add(b, 0, x.Shape())
	a.later, a.spread = true, x.spread
	b.laters = append(b.laters, later{of: a, x: x, y: y, factor: factor})
	return a
}

// postponed returns what a is, if it is not recorded yet.
func (b *Backend) postponed(a *array) (later, bool) {
	if a.later {
		for i := len(b.laters) - 1; i >= 0; i-- {
			if b.laters[i].of == a {
				return b.laters[i], true
			}
		}
	}
	return later{}, false
}

// resolve records a, if it is not recorded yet.
func (b *Backend) resolve(op string, a *array) {
	l, ok := b.postponed(a)
	if !ok {
		return
	}
	b.drop(a)
	if l.y != nil {
		a.h = b.c.Add(l.x.h, l.y.h)
	} else {
		a.h = b.c.Multiply(l.x.h, b.scalar(l.factor))
	}
	if a.h == 0 {
		b.fail(op)
	}
}

// drop forgets that a is to be recorded.
func (b *Backend) drop(a *array) {
	a.later = false
	for i := range b.laters {
		if b.laters[i].of == a {
			b.laters[i] = b.laters[len(b.laters)-1]
			b.laters = b.laters[:len(b.laters)-1]
			return
		}
	}
}

// letGo prepares for a's release: what is to be made of it is recorded.
func (b *Backend) letGo(a *array) {
	for i := len(b.laters) - 1; i >= 0; i-- {
		if l := b.laters[i]; l.of != a && (l.x == a || l.y == a) {
			b.resolve("Free", l.of)
		}
	}
	b.drop(a)
}
