package mlx

import (
	"bytes"
	"time"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// A formula is a pointwise function that is compiled: one kernel instead of one
// for each of its operations. It is written in postfix, a letter an operation:
// v takes the next operand, the others take what they need from what was
// computed before, and leave their result there.
const (
	operand   = 'v'
	plus      = '+' // a, b → a+b
	times     = '*' // a, b → a*b
	clamped   = 'c' // x, low, high → x limited to [low, high]
	silu      = 's' // x → x*sigmoid(x)
	glu       = 'l' // a, b → a*sigmoid(b)
	gatedGELU = 'g' // gate, up → GELU(gate)*up
	softCap   = 't' // x, limit → limit*tanh(x/limit)
)

// The formulas that are recorded where they stand.
var gluFormula, gatedGELUFormula, softCapFormula = []byte("vvl"), []byte("vvg"), []byte("vvt")

// maxOperands and maxLetters bound a formula.
const maxOperands, maxLetters = 12, 32

// scratch takes intermediate results, which are to be freed, and makes numbers.
type scratch interface {
	temp(h mlxc.Array) mlxc.Array
	scalar(v float32) mlxc.Array
}

// record records a formula of operands.
func record(c *mlxc.Calls, formula []byte, in []mlxc.Array, s scratch) mlxc.Array {
	var stack [maxOperands]mlxc.Array
	n := 0
	for i := range len(formula) {
		if formula[i] == operand {
			stack[n], in = in[0], in[1:]
			n++
			continue
		}
		var h mlxc.Array
		takes := 2
		switch a := stack[:n]; formula[i] {
		case plus:
			h = c.Add(a[n-2], a[n-1])
		case times:
			h = c.Multiply(a[n-2], a[n-1])
		case clamped:
			h = c.Minimum(s.temp(c.Maximum(a[n-3], a[n-2])), a[n-1])
			takes = 3
		case silu:
			h = c.Multiply(a[n-1], s.temp(c.Sigmoid(a[n-1])))
			takes = 1
		case glu:
			h = c.Multiply(a[n-2], s.temp(c.Sigmoid(a[n-1])))
		case gatedGELU:
			h = geluOf(c, a[n-2], a[n-1], s)
		case softCap:
			h = c.Multiply(s.temp(c.Tanh(s.temp(c.Divide(a[n-2], a[n-1])))), a[n-1])
		}
		if i < len(formula)-1 {
			s.temp(h)
		}
		n -= takes
		stack[n] = h
		n++
	}
	return stack[0]
}

// geluOf records up*gate*0.5*(1+tanh(sqrt(2/pi)*gate*(1+0.044715*gate^2))).
func geluOf(c *mlxc.Calls, gate, up mlxc.Array, s scratch) mlxc.Array {
	t, n := s.temp, s.scalar
	y := t(c.Multiply(t(c.Multiply(gate, gate)), n(0.044715)))
	y = t(c.Multiply(t(c.Multiply(t(c.Add(y, n(1))), gate)), n(rootTwoOverPi)))
	y = t(c.Add(t(c.Tanh(y)), n(1)))
	y = t(c.Multiply(t(c.Multiply(y, gate)), n(0.5)))
	return c.Multiply(y, up)
}

const rootTwoOverPi = 0.7978845608028654

// traced is the scratch of a formula that is being traced.
type traced struct {
	c    *mlxc.Calls
	t    mlxc.DType
	made []mlxc.Array
}

func (s *traced) temp(h mlxc.Array) mlxc.Array {
	s.made = append(s.made, h)
	return h
}

func (s *traced) scalar(v float32) mlxc.Array { return s.temp(number(s.c, v, s.t)) }

// compiled records a formula of operands: where formulas are compiled as one
// node, whose closure is made when it is first asked for and serves all shapes,
// elsewhere as what it consists of. A processor has no compiler at hand, and
// would have nothing from closures but the cost of looking them up.
func (b *Backend) compiled(formula []byte, in ...mlxc.Array) mlxc.Array {
	if !b.fuse {
		return record(b.c, formula, in, b)
	}
	closure, ok := b.closures[string(formula)]
	if !ok {
		formula := bytes.Clone(formula)
		var err error
		closure, err = b.c.Compile(func(c *mlxc.Calls, in []mlxc.Array) []mlxc.Array {
			s := &traced{c: c, t: b.dtype}
			result := record(c, formula, in, s)
			for _, h := range s.made {
				c.Free(h)
			}
			return []mlxc.Array{result}
		})
		if err != nil {
			return 0 // the caller asks the library for its error
		}
		b.closures[string(formula)] = closure
	}
	return b.c.Apply(closure, in...)
}

// term is an operand of a formula: an array, or without one a number.
type term struct {
	of *array
	v  float32
}

// later is a formula that is recorded when its result is first used: what uses
// it may be pointwise too, and then one kernel does both.
type later struct {
	of      *array // the result
	letters [maxLetters]byte
	terms   [maxOperands]term
	n, m    int // letters, terms
}

// add appends an operand: a number, an array, or the formula of one that is not
// recorded, if there is room.
func (l *later) add(op string, t term) {
	if a := t.of; a != nil && a.later {
		if o := a.b.postponed(a); l.n+o.n < maxLetters-4 && l.m+o.m < maxOperands-2 {
			l.n += copy(l.letters[l.n:], o.letters[:o.n])
			l.m += copy(l.terms[l.m:], o.terms[:o.m])
			return
		}
		loose(op, a)
	}
	l.letters[l.n], l.terms[l.m] = operand, t
	l.n++
	l.m++
}

// pointwise makes the tensor, in like's shape and layout, of an operation and
// its operands.
func (b *Backend) pointwise(op string, like *array, letter byte, terms ...term) tensor.Tensor {
	var l later
	for _, t := range terms {
		l.add(op, t)
	}
	l.letters[l.n] = letter
	l.n++
	if b.began.IsZero() {
		b.began = time.Now()
	}
	a := b.arena.add(b, 0, like.Shape())
	a.spread, l.of = like.spread, a
	if b.fuse {
		a.later = true
		b.laters = append(b.laters, l)
	} else {
		b.perform(op, &l)
		b.sweepTrash()
	}
	return a
}

// perform records a formula as its result's array.
func (b *Backend) perform(op string, l *later) {
	var in [maxOperands]mlxc.Array
	for i, t := range l.terms[:l.m] {
		if t.of != nil {
			in[i] = t.of.h
		} else {
			in[i] = b.scalar(t.v)
		}
	}
	switch f := l.letters[:l.n]; {
	case string(f) == "vv+":
		l.of.h = b.c.Add(in[0], in[1])
	case string(f) == "vv*":
		l.of.h = b.c.Multiply(in[0], in[1])
	default:
		l.of.h = b.compiled(f, in[:l.m]...)
	}
	if l.of.h == 0 {
		b.fail(op)
	}
}

// postponed returns the formula of an array that is not recorded yet.
func (b *Backend) postponed(a *array) *later {
	for i := len(b.laters) - 1; ; i-- {
		if b.laters[i].of == a {
			return &b.laters[i]
		}
	}
}

// resolve records an array that is not recorded yet.
func (b *Backend) resolve(op string, a *array) {
	l := *b.postponed(a)
	b.drop(a)
	b.perform(op, &l)
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
		l := &b.laters[i]
		if l.of == a {
			continue
		}
		for _, t := range l.terms[:l.m] {
			if t.of == a {
				b.resolve("Free", l.of)
				i = len(b.laters) // the others have moved
				break
			}
		}
	}
	b.drop(a)
}
