package mlx

import (
	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// Reshape gives x's values in another shape of the same size.
func (b *Backend) Reshape(x tensor.Tensor, shape ...int) tensor.Tensor {
	a := loose("Reshape", x)
	if product(shape) != a.size() {
		same("Reshape", a.Shape(), shape...)
	}
	if len(shape) == 3 && a.size() > 0 { // heads, for all that is known
		made := b.wrap("Reshape", b.c.Reshape(a.h, shape[0], shape[1], 1, shape[2]), shape...)
		made.spread = true
		return made
	}
	return b.wrap("Reshape", b.c.Reshape(a.h, shape...), shape...)
}

// Rows returns x[from:to] along the first axis.
func (b *Backend) Rows(x tensor.Tensor, from, to int) tensor.Tensor {
	a := loose("Rows", x)
	if a.axes == 0 || from < 0 || to < from || to > a.dims[0] {
		panic(&tensor.ShapeError{Op: "Rows", Got: []int{from, to}, Want: []int{0, a.dims[0]}})
	}
	return b.resized("Rows", a, 0, to-from, b.rows(a, from, to))
}

// resized makes a tensor of the step with a's shape and layout but for the size
// of one axis.
func (b *Backend) resized(op string, a *array, axis, size int, h mlxc.Array) *array {
	dims := a.dims
	dims[axis] = size
	made := b.wrap(op, h, dims[:a.axes]...)
	made.spread = a.spread
	return made
}

// with returns a's shape with another size of one axis.
func (a *array) with(axis, size int) []int {
	shape := append(make([]int, 0, maxAxes), a.Shape()...)
	shape[axis] = size
	return shape
}

// rows slices the first axis.
func (b *Backend) rows(a *array, from, to int) mlxc.Array { return b.part(a, 0, from, to) }

// part slices one axis.
func (b *Backend) part(a *array, axis, from, to int) mlxc.Array {
	var start, stop [maxAxes]int
	n := copy(stop[:], a.Shape())
	if a.spread {
		stop[2], stop[3] = 1, stop[2]
		n++
		axis += axis / 2
	}
	start[axis], stop[axis] = from, to
	return b.c.Slice(a.h, start[:n], stop[:n])
}

// Cols returns x[..., from:to] along the last axis.
func (b *Backend) Cols(x tensor.Tensor, from, to int) tensor.Tensor {
	a := loose("Cols", x)
	if a.axes == 0 || from < 0 || to < from || to > a.last() {
		panic(&tensor.ShapeError{Op: "Cols", Got: []int{from, to}, Want: []int{0, a.last()}})
	}
	return b.resized("Cols", a, a.axes-1, to-from, b.part(a, a.axes-1, from, to))
}

// Concat joins tensors along the first axis.
func (b *Backend) Concat(xs ...tensor.Tensor) tensor.Tensor {
	if len(xs) == 0 {
		panic(&tensor.ShapeError{Op: "Concat", Got: []int{0}, Want: []int{1}})
	}
	first, rows, spread := loose("Concat", xs[0]), 0, true
	for _, x := range xs {
		a := loose("Concat", x)
		axes("Concat", a, max(first.axes, 1))
		same("Concat", a.dims[1:a.axes], first.dims[1:first.axes]...)
		spread = spread && a.spread
		rows += a.dims[0]
	}
	b.joined = b.joined[:0]
	for _, x := range xs {
		a := x.(*array)
		if !spread {
			a = in("Concat", x)
		}
		b.joined = append(b.joined, a.h)
	}
	return b.resized("Concat", first, 0, rows, b.c.Concatenate(0, b.joined...))
}

// index makes an array of row numbers.
func (b *Backend) index(list []int) mlxc.Array {
	values := make([]int32, len(list))
	for i, v := range list {
		values[i] = int32(v)
	}
	return b.temp(mlxc.New(b.c, values, mlxc.Int32, len(values)))
}

// Gather returns the rows of x named by index, along the first axis.
func (b *Backend) Gather(x tensor.Tensor, index []int) tensor.Tensor {
	a := in("Gather", x)
	rowsExist("Gather", a, index)
	if n := len(index); n > 0 && index[n-1]-index[0] == n-1 && consecutive(index) {
		return b.wrap("Gather", b.rows(a, index[0], index[0]+n), a.with(0, n)...)
	}
	return b.wrap("Gather", b.c.Take(a.h, b.index(index), 0), a.with(0, len(index))...)
}

// consecutive reports whether the numbers count up.
func consecutive(list []int) bool {
	for i, v := range list {
		if v != list[0]+i {
			return false
		}
	}
	return true
}

// Scatter returns x with rows index[i] replaced by rows[i]. Of rows with the
// same index the last one stays.
func (b *Backend) Scatter(x tensor.Tensor, index []int, rows tensor.Tensor) tensor.Tensor {
	a, r := in("Scatter", x), in("Scatter", rows)
	rowsExist("Scatter", a, index)
	same("Scatter", r.Shape(), a.with(0, len(index))...)
	if len(index) == 0 {
		return b.wrap("Scatter", b.c.Again(a.h), a.Shape()...)
	}
	if consecutive(index) {
		var start, stop [maxAxes]int
		copy(stop[:], a.Shape())
		start[0], stop[0] = index[0], index[0]+len(index)
		return b.wrap("Scatter", b.c.SliceUpdate(a.h, r.h, start[:a.axes], stop[:a.axes]), a.Shape()...)
	}
	from := make([]int, a.dims[0]) // one more than the row that replaces it
	for i, to := range index {
		from[to] = i + 1
	}
	var to, source []int
	for row, i := range from {
		if i > 0 {
			to, source = append(to, row), append(source, i-1)
		}
	}
	updates := b.temp(b.c.Take(r.h, b.index(source), 0))
	shape := append([]int{len(to), 1}, a.dims[1:a.axes]...)
	updates = b.temp(b.c.Reshape(updates, shape...))
	return b.wrap("Scatter", b.c.Scatter(a.h, b.index(to), updates), a.Shape()...)
}

func rowsExist(op string, x *array, index []int) {
	if x.axes == 0 {
		axes(op, x, 1)
	}
	for _, i := range index {
		if i < 0 || i >= x.dims[0] {
			panic(&tensor.ShapeError{Op: op + ": row", Got: []int{i}, Want: []int{x.dims[0]}})
		}
	}
}
