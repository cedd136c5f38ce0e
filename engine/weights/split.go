package weights

import (
	"fmt"
	"slices"

	"hark/engine/tensor"
)

// SplitRows cuts the rows of a matrix [out, in] or of every matrix of a stack
// [E, out, in]: a gets rows 0 to at-1, b the rest. The halves of a matrix share
// its memory; those of a stack are copies, because a Stored is contiguous. A
// zero Stored, what Matrix returns for a tensor that is not there, gives two of
// them. It panics if at is not between 0 and out.
func SplitRows(s tensor.Stored, at int) (a, b tensor.Stored) {
	if s.Shape == nil {
		return s, s
	}
	axis := len(s.Shape) - 2
	out := s.Shape[axis]
	if at < 0 || at > out {
		panic(fmt.Sprintf("weights: %s: split %v at row %d", s.Name, s.Shape, at))
	}
	a, b = s, s
	a.Shape, b.Shape = slices.Clone(s.Shape), slices.Clone(s.Shape)
	a.Shape[axis], b.Shape[axis] = at, out-at
	stack := 1
	if axis == 1 {
		stack = s.Shape[0]
	}
	a.Data, b.Data = splitStack(s.Data, stack, out, at)
	a.Scales, b.Scales = splitStack(s.Scales, stack, out, at)
	a.Biases, b.Biases = splitStack(s.Biases, stack, out, at)
	return a, b
}

// splitStack cuts each of n equal parts of data, of rows rows, before row at.
func splitStack(data []byte, n, rows, at int) (a, b []byte) {
	if data == nil || n == 0 || rows == 0 {
		return data, data
	}
	part := len(data) / n
	cut := part / rows * at
	if n == 1 {
		return data[:cut:cut], data[cut:]
	}
	a, b = make([]byte, 0, n*cut), make([]byte, 0, n*(part-cut))
	for i := range n {
		p := data[i*part : (i+1)*part]
		a, b = append(a, p[:cut]...), append(b, p[cut:]...)
	}
	return a, b
}
