package cpu

import "hark/engine/tensor"

// Reshape returns a view of x in another shape of the same size.
func (b *Backend) Reshape(x tensor.Tensor, shape ...int) tensor.Tensor {
	a := in("Reshape", x)
	n := 1
	for _, size := range shape {
		n *= size
	}
	if n != len(a.data) {
		same("Reshape", a.Shape(), shape...)
	}
	return b.arena.view(a.buf, a.data, shape...)
}

// Rows returns a view of x[from:to] along the first axis.
func (b *Backend) Rows(x tensor.Tensor, from, to int) tensor.Tensor {
	a := in("Rows", x)
	if a.axes == 0 || from < 0 || to < from || to > a.first() {
		panic(&tensor.ShapeError{Op: "Rows", Got: []int{from, to}, Want: []int{0, a.first()}})
	}
	width := a.inner()
	view := b.arena.view(a.buf, a.data[from*width:to*width], a.Shape()...)
	view.dims[0] = to - from
	return view
}

// inner returns the values in one row along the first axis.
func (a *array) inner() int {
	n := 1
	for _, size := range a.dims[1:a.axes] {
		n *= size
	}
	return n
}

// Cols returns x[..., from:to] along the last axis.
func (b *Backend) Cols(x tensor.Tensor, from, to int) tensor.Tensor {
	a := in("Cols", x)
	width := a.last()
	if a.axes == 0 || from < 0 || to < from || to > width {
		panic(&tensor.ShapeError{Op: "Cols", Got: []int{from, to}, Want: []int{0, width}})
	}
	shape := a.dims
	shape[a.axes-1] = to - from
	y := b.arena.alloc(shape[:a.axes]...)
	for r := range a.rows() {
		copy(y.data[r*(to-from):(r+1)*(to-from)], a.data[r*width+from:])
	}
	return y
}

// Concat joins tensors along the first axis.
func (b *Backend) Concat(xs ...tensor.Tensor) tensor.Tensor {
	if len(xs) == 0 {
		panic(&tensor.ShapeError{Op: "Concat", Got: []int{0}, Want: []int{1}})
	}
	shape := in("Concat", xs[0]).dims
	n := in("Concat", xs[0]).axes
	shape[0] = 0
	for _, x := range xs {
		a := in("Concat", x)
		axes("Concat", a, max(n, 1))
		same("Concat", a.dims[1:n], shape[1:n]...)
		shape[0] += a.dims[0]
	}
	y := b.arena.alloc(shape[:n]...)
	next := y.data
	for _, x := range xs {
		next = next[copy(next, x.(*array).data):]
	}
	return y
}

// Gather returns the rows of x named by index, along the first axis.
func (b *Backend) Gather(x tensor.Tensor, index []int) tensor.Tensor {
	a := in("Gather", x)
	rowsExist("Gather", a, index)
	shape := a.dims
	shape[0] = len(index)
	y := b.arena.alloc(shape[:a.axes]...)
	width := a.inner()
	for i, r := range index {
		copy(y.data[i*width:(i+1)*width], a.data[r*width:])
	}
	return y
}

// Scatter returns x with rows index[i] replaced by rows[i]. Of rows with the
// same index the last one stays.
func (b *Backend) Scatter(x tensor.Tensor, index []int, rows tensor.Tensor) tensor.Tensor {
	a, r := in("Scatter", x), in("Scatter", rows)
	rowsExist("Scatter", a, index)
	want := a.dims
	want[0] = len(index)
	same("Scatter", r.Shape(), want[:a.axes]...)
	y := b.arena.like(a)
	copy(y.data, a.data)
	width := a.inner()
	for i, to := range index {
		copy(y.data[to*width:(to+1)*width], r.data[i*width:])
	}
	return y
}

func rowsExist(op string, x *array, index []int) {
	if x.axes == 0 {
		axes(op, x, 1)
	}
	for _, i := range index {
		if i < 0 || i >= x.first() {
			panic(&tensor.ShapeError{Op: op + ": row", Got: []int{i}, Want: []int{x.first()}})
		}
	}
}
