package cpu

import "hark/engine/tensor"

// Pool averages squares of side by side patches: x [rows*cols, H] →
// [rows/side*cols/side, H], in reading order.
func (b *Backend) Pool(x tensor.Tensor, rows, cols, side int) tensor.Tensor {
	a := in("Pool", x)
	axes("Pool", a, 2)
	if side < 1 || rows%side != 0 || cols%side != 0 {
		panic(&tensor.ShapeError{Op: "Pool: rows, cols", Got: []int{rows, cols}, Want: []int{side, side}})
	}
	width := a.dims[1]
	same("Pool", a.Shape(), rows*cols, width)
	y := b.arena.zeros(rows/side*(cols/side), width)
	for r := range rows {
		for c := range cols {
			cell := r/side*(cols/side) + c/side
			dst, src := y.data[cell*width:(cell+1)*width], a.data[(r*cols+c)*width:]
			for i := range dst {
				dst[i] += src[i]
			}
		}
	}
	scale(y.data, y.data, nil, 1/float32(side*side), 0)
	return y
}
