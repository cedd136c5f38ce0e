package mlx

import (
	"fmt"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// joint is what matrices became that multiply the same rows: one matrix, of
// which each is some rows. A single row, a step of one conversation, is
// multiplied with all of it at once, and each takes its share of the result.
type joint struct {
	codes *mlxc.Quantized // nil when not quantized
	turn  mlxc.Array      // [in, out] when not quantized
	rows  int             // of all
}

func (j *joint) free(c *mlxc.Calls) {
	c.Free(j.turn)
	if j.codes != nil {
		freeCodes(c, j.codes)
	}
}

// Stack lays matrices together that multiply the same rows; see tensor.Stacker.
// Where weights stay in the mapped file they are left as they are: a copy would
// take memory, and kernels that do not need each other's results run side by
// side there.
func (b *Backend) Stack(ws ...tensor.Weight) error {
	if b.gpu && readsHost || len(ws) < 2 {
		return nil
	}
	list := make([]*weight, len(ws))
	j := &joint{}
	for i, w := range ws {
		m := matrix("Stack", w, 2)
		if !m.joins(matrix("Stack", ws[0], 2)) {
			return nil
		}
		list[i] = m
		j.rows += m.shape[0]
	}
	// together joins one of the arrays of each and puts a part in its place.
	together := func(of func(m *weight) *mlxc.Array) mlxc.Array {
		b.joined = b.joined[:0]
		for _, m := range list {
			b.joined = append(b.joined, *of(m))
		}
		return b.c.Concatenate(0, b.joined...)
	}
	var whole []mlxc.Array
	fields := []func(m *weight) *mlxc.Array{func(m *weight) *mlxc.Array { return &m.plain }}
	if list[0].codes != nil {
		fields = []func(m *weight) *mlxc.Array{func(m *weight) *mlxc.Array { return &m.codes.Data }, func(m *weight) *mlxc.Array { return &m.codes.Scales }}
		if list[0].codes.Biases != 0 {
			fields = append(fields, func(m *weight) *mlxc.Array { return &m.codes.Biases })
		}
	}
	for _, of := range fields {
		whole = append(whole, together(of))
	}
	name := &weight{name: list[0].name + " and those beside it"}
	if err := b.loaded(name, whole...); err != nil {
		for _, h := range whole {
			b.c.Free(h)
		}
		return err
	}
	var parts []mlxc.Array
	for f, of := range fields {
		at := 0
		for _, m := range list {
			width := b.c.Shape(whole[f])[1]
			part := b.c.Slice(whole[f], []int{at, 0}, []int{at + m.shape[0], width})
			b.c.Free(*of(m))
			*of(m) = part
			parts = append(parts, part)
			at += m.shape[0]
		}
	}
	if q := list[0].codes; q != nil {
		j.codes = &mlxc.Quantized{Mode: q.Mode, Bits: q.Bits, Group: q.Group, Data: whole[0], Scales: whole[1]}
		if len(whole) > 2 {
			j.codes.Biases = whole[2]
		}
	} else {
		j.turn = b.c.Transpose(b.temp(whole[0]), 1, 0)
		parts = append(parts, j.turn)
		for _, m := range list {
			b.c.Free(m.turn)
			m.turn = b.c.Transpose(m.plain, 1, 0)
			parts = append(parts, m.turn)
		}
	}
	at := 0
	for _, m := range list {
		m.joint, m.first = j, at
		at += m.shape[0]
	}
	b.joints = append(b.joints, j)
	if err := b.loaded(name, parts...); err != nil {
		return fmt.Errorf("mlx: stack: %w", err)
	}
	return nil
}

// joins reports whether m can lie beside another matrix.
func (m *weight) joins(o *weight) bool {
	if m.joint != nil || m.codes == nil && m.turn == 0 || m.shape[1] != o.shape[1] || (m.codes == nil) != (o.codes == nil) {
		return false
	}
	if m.codes == nil {
		return true
	}
	p, q := m.codes, o.codes
	return p.Mode == q.Mode && p.Bits == q.Bits && p.Group == q.Group && (p.Biases == 0) == (q.Biases == 0)
}

// share returns m's share of the product of a, a single row, with all that m was
// joined with, which is computed when it is first asked for and goes with a; 0
// if there is none.
func (b *Backend) share(a *array, m *weight) mlxc.Array {
	j := m.joint
	if j == nil || a.size() != a.last() || a.joint != nil && a.joint != j {
		return 0
	}
	if a.joint == nil {
		var h mlxc.Array
		if j.codes != nil {
			h = b.c.QuantizedMatmul(a.h, j.codes)
		} else {
			h = b.c.Matmul(a.h, j.turn)
		}
		if h == 0 {
			b.fail("Linear")
		}
		a.joint, a.product = j, h
	}
	var start, stop [maxAxes]int
	copy(stop[:], a.Shape())
	start[a.axes-1], stop[a.axes-1] = m.first, m.first+m.shape[0]
	return b.c.Slice(a.product, start[:a.axes], stop[:a.axes])
}
