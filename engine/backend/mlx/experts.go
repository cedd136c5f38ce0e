package mlx

import (
	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// manyChoices is the number of rows and experts from which on rows are put in
// the order of their experts, so that each expert's weights are read once.
const manyChoices = 64

// Experts is a mixture of gated MLPs; see tensor.Ops.
func (b *Backend) Experts(x, logits tensor.Tensor, top int, perExpert tensor.Tensor, gate, up, down tensor.Weight) tensor.Tensor {
	a, l, scale := in("Experts", x), in("Experts", logits), in("Experts", perExpert)
	g, u, d := matrix("Experts", gate, 3), matrix("Experts", up, 3), matrix("Experts", down, 3)
	axes("Experts", a, 2)
	rows, hidden, experts, width := a.dims[0], a.dims[1], g.shape[0], g.shape[1]
	same("Experts: logits", l.Shape(), rows, experts)
	same("Experts: perExpert", scale.Shape(), experts)
	same("Experts: gate", g.shape, experts, width, hidden)
	same("Experts: up", u.shape, experts, width, hidden)
	same("Experts: down", d.shape, experts, hidden, width)
	if top < 1 || top > experts {
		panic(&tensor.ShapeError{Op: "Experts: top", Got: []int{top}, Want: []int{experts}})
	}
	c, t := b.c, b.temp
	order := t(c.Argpartition(t(c.Negative(l.h)), top-1))       // [T, E]
	chosen := t(c.Slice(order, []int{0, 0}, []int{rows, top}))  // [T, top]
	share := t(c.Softmax(t(c.TakeAlong(l.h, chosen, 1)), 1))    // [T, top]
	share = t(c.Multiply(share, t(c.Take(scale.h, chosen, 0)))) // [T, top]
	share = t(c.Reshape(share, rows, top, 1))                   // [T, top, 1]
	in, index := t(c.Reshape(a.h, rows, 1, 1, hidden)), chosen  // [T, 1, 1, H]
	sorted := rows*top >= manyChoices
	var back mlxc.Array // where a choice is in the order of the experts, [T*top]
	if sorted {
		flat := t(c.Reshape(chosen, rows*top))
		by := t(c.Argsort(flat))
		back = t(c.Argsort(by))
		rowOf := t(c.Reshape(t(c.BroadcastTo(b.column(rows), rows, top)), rows*top))
		in = t(c.Reshape(t(c.Take(a.h, t(c.Take(rowOf, by, 0)), 0)), rows*top, 1, hidden)) // [T*top, 1, H]
		index = t(c.Take(flat, by, 0))
	}
	inner := t(b.compiled(gatedGELUFormula, b.picked(in, g, index, sorted), b.picked(in, u, index, sorted)))
	out := b.picked(inner, d, index, sorted) // [T, top, 1, H] or [T*top, 1, H]
	if sorted {
		out = t(c.Take(t(c.Reshape(out, rows*top, hidden)), back, 0))
	}
	out = t(c.Reshape(out, rows, top, hidden))
	return b.wrap("Experts", c.Sum(t(c.Multiply(out, share)), false, 1), rows, hidden)
}

// column makes the numbers of rows, [T, 1].
func (b *Backend) column(rows int) mlxc.Array {
	list := make([]int32, rows)
	for i := range list {
		list[i] = int32(i)
	}
	return b.temp(mlxc.New(b.c, list, mlxc.Int32, rows, 1))
}

// picked multiplies with the matrices of a stack that index names.
func (b *Backend) picked(x mlxc.Array, w *weight, index mlxc.Array, sorted bool) mlxc.Array {
	if w.codes != nil {
		return b.temp(b.c.GatherQMM(x, w.codes, index, sorted))
	}
	return b.temp(b.c.GatherMM(x, w.turn, index, sorted))
}
