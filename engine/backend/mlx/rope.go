package mlx

import (
	"math"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// angles are the positions of one set of rows, valid until EndStep.
type angles struct {
	rotary *tensor.Rotary
	rows   int        // T
	offset mlxc.Array // [T*sections] int32

	cosines, sines mlxc.Array // of narrow turns, [T, 1, sections, D/2]; else 0
}

// narrow is the width of a section below which MLX's rotation is not used on
// CUDA: of many rows it asks for 1,024 threads a block, and fills up with
// threads of the third dimension, of which a block may have 64.
const narrow = 32

// Angles prepares turns for coordinates pos [T*Sections].
func (b *Backend) Angles(r *tensor.Rotary, pos []int32) tensor.Angles {
	if r.Sections < 1 || len(pos)%r.Sections != 0 {
		panic(&tensor.ShapeError{Op: "Angles: positions", Got: []int{len(pos)}, Want: []int{r.Sections}})
	}
	h := mlxc.New(b.c, pos, mlxc.Int32, len(pos))
	if h == 0 {
		b.fail("Angles")
	}
	a := &angles{rotary: r, rows: len(pos) / r.Sections, offset: h}
	b.angles = append(b.angles, a)
	if half := len(r.Freq); b.gpu && !readsHost && 2*half < narrow && a.rows > 0 {
		cosines, sines := make([]float32, len(pos)*half), make([]float32, len(pos)*half)
		for i, p := range pos {
			for j, f := range r.Freq {
				sin, cos := math.Sincos(float64(p) * float64(f))
				cosines[i*half+j], sines[i*half+j] = float32(cos), float32(sin)
			}
		}
		a.cosines = mlxc.New(b.c, cosines, mlxc.Float32, a.rows, 1, r.Sections, half)
		a.sines = mlxc.New(b.c, sines, mlxc.Float32, a.rows, 1, r.Sections, half)
	}
	return a
}

// ropeNarrow is Rope by operations of its own.
func (b *Backend) ropeNarrow(a *array, r *angles) mlxc.Array {
	c, t := b.c, b.temp
	rows, heads, sections, half := r.rows, a.dims[1], r.rotary.Sections, len(r.rotary.Freq)
	h := t(c.Reshape(a.h, rows, heads, sections, 2*half))
	if b.dtype != mlxc.Float32 {
		h = t(c.AsType(h, mlxc.Float32))
	}
	left := t(c.Slice(h, []int{0, 0, 0, 0}, []int{rows, heads, sections, half}))
	right := t(c.Slice(h, []int{0, 0, 0, half}, []int{rows, heads, sections, 2 * half}))
	turned := t(c.Subtract(t(c.Multiply(left, r.cosines)), t(c.Multiply(right, r.sines))))
	other := t(c.Add(t(c.Multiply(left, r.sines)), t(c.Multiply(right, r.cosines))))
	h = c.Concatenate(3, turned, other)
	if b.dtype != mlxc.Float32 {
		h = c.AsType(t(h), b.dtype)
	}
	return h
}

// maxPeriods bounds the tables that are kept of rotary embeddings.
const maxPeriods = 64

// turns returns the inverse frequencies of r, which MLX wants: infinity for a
// pair that does not turn.
func (b *Backend) turns(r *tensor.Rotary) mlxc.Array {
	if h, ok := b.periods[r]; ok {
		return h
	}
	if len(b.periods) >= maxPeriods {
		for key, h := range b.periods {
			b.c.Free(h)
			delete(b.periods, key)
		}
	}
	list := make([]float32, len(r.Freq))
	for i, f := range r.Freq {
		list[i] = 1 / f
	}
	h := mlxc.New(b.c, list, mlxc.Float32, len(list))
	b.periods[r] = h
	return h
}

// Rope turns x [T, heads, D]. Every row, and every section of it, is a batch
// of one position to MLX.
func (b *Backend) Rope(x tensor.Tensor, turns tensor.Angles) tensor.Tensor {
	a, r := loose("Rope", x), turns.(*angles)
	axes("Rope", a, 3)
	sections, width := r.rotary.Sections, 2*len(r.rotary.Freq)
	rows, heads := r.rows, a.dims[1]
	same("Rope", a.Shape(), rows, heads, width*sections)
	c, t := b.c, b.temp
	if rows == 0 {
		return b.like("Rope", a, c.Again(a.h))
	}
	var made *array
	if r.cosines != 0 {
		h := t(b.ropeNarrow(a, r))
		made = b.wrap("Rope", c.Reshape(h, rows, heads, 1, sections*width), a.Shape()...)
		made.spread = true
		return made
	}
	if sections == 1 {
		made = b.wrap("Rope", c.Rope(b.spread(a), width, r.offset, b.turns(r.rotary)), a.Shape()...)
		made.spread = true
		return made
	}
	h := t(c.Transpose(t(c.Reshape(a.h, rows, heads, sections, width)), 0, 2, 1, 3))
	h = t(c.Rope(t(c.Reshape(h, rows*sections, heads, 1, width)), width, r.offset, b.turns(r.rotary)))
	h = t(c.Transpose(t(c.Reshape(h, rows, sections, heads, width)), 0, 2, 1, 3))
	made = b.wrap("Rope", c.Reshape(h, rows, heads, 1, sections*width), a.Shape()...)
	made.spread = true
	return made
}

// spread returns a [T, heads, D] as [T, heads, 1, D].
func (b *Backend) spread(a *array) mlxc.Array {
	if a.spread {
		return a.h
	}
	return b.temp(b.c.Reshape(a.h, a.dims[0], a.dims[1], 1, a.dims[2]))
}
