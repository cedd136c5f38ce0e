package mlx

import (
	"math"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// nearby says which rows LocalAttention's rows see.
type nearby struct{ past, n, span int }

// near is that for MLX: the rows [n*span] in the order of their distance, and
// what is added to the scores [n, 1, 1, span] where there are none; 0 if there
// are always some.
type near struct{ index, mask mlxc.Array }

// neighbours returns which rows are near, made once a step.
func (b *Backend) neighbours(key nearby) near {
	if known, ok := b.nearby[key]; ok {
		return known
	}
	index, mask := make([]int32, key.n*key.span), make([]float32, key.n*key.span)
	masked := false
	for i := range key.n {
		for d := range key.span {
			row := key.past + i - d
			if row < 0 {
				row, masked = 0, true
				mask[i*key.span+d] = float32(math.Inf(-1))
			}
			index[i*key.span+d] = int32(row)
		}
	}
	made := near{index: mlxc.New(b.c, index, mlxc.Int32, len(index))}
	if masked {
		made.mask = b.typed(mask, key.n, 1, 1, key.span)
	}
	b.nearby[key] = made
	return made
}

// LocalAttention is the audio tower's; see tensor.Ops. The rows that each row
// sees are laid side by side, so the work grows with span and not with past.
func (b *Backend) LocalAttention(q, k, v, rel tensor.Tensor, span int, cap float32) tensor.Tensor {
	a, keys, values, r := in("LocalAttention", q), in("LocalAttention", k), in("LocalAttention", v), in("LocalAttention", rel)
	axes("LocalAttention", a, 3)
	axes("LocalAttention: keys", keys, 3)
	axes("LocalAttention: rel", r, 3)
	n, heads, dim := a.dims[0], a.dims[1], a.dims[2]
	past := keys.dims[0] - n
	if span < 1 || past < 0 || r.dims[0] < span {
		panic(&tensor.ShapeError{Op: "LocalAttention: rows of k and rel", Got: []int{keys.dims[0], r.dims[0]}, Want: []int{n, span}})
	}
	same("LocalAttention: keys", keys.dims[1:3], heads, dim)
	same("LocalAttention: values", values.Shape(), keys.Shape()...)
	same("LocalAttention: rel", r.dims[1:3], heads, dim)
	if n == 0 {
		return b.wrap("LocalAttention", b.c.Zeros(b.dtype, 0, heads*dim), 0, heads*dim)
	}
	c, t := b.c, b.temp
	seen := b.neighbours(nearby{past, n, span})
	side := func(x mlxc.Array) mlxc.Array { // [n, span, N, D]
		return t(c.Reshape(t(c.Take(x, seen.index, 0)), n, span, heads, dim))
	}
	query := t(c.Reshape(a.h, n, heads, 1, dim))                           // [n, N, 1, D]
	scores := t(c.Matmul(query, t(c.Transpose(side(keys.h), 0, 2, 3, 1)))) // [n, N, 1, span]
	distances := t(c.Transpose(t(b.rows(r, 0, span)), 1, 2, 0))            // [N, D, span]
	scores = t(c.Add(scores, t(c.Matmul(query, distances))))               // [n, N, 1, span]
	scores = t(b.compiled(softCapFormula, scores, b.scalar(cap)))          // [n, N, 1, span]
	if seen.mask != 0 {
		scores = t(c.Add(scores, seen.mask))
	}
	mix := t(c.Matmul(t(c.Softmax(scores, 3)), t(c.Transpose(side(values.h), 0, 2, 1, 3)))) // [n, N, 1, D]
	return b.wrap("LocalAttention", c.Reshape(mix, n, heads*dim), n, heads*dim)
}

// Subsample convolves x [T, F, In] with a 3x3 kernel, stride 2 in both
// directions; see tensor.Ops. Fewer than 3 rows give none.
func (b *Backend) Subsample(x tensor.Tensor, c *tensor.Convolution) tensor.Tensor {
	a := in("Subsample", x)
	axes("Subsample", a, 3)
	same("Subsample: channels", a.dims[2:3], c.In)
	same("Subsample: kernel", []int{len(c.Data)}, c.Out*9*c.In)
	rows, freq := 0, (a.dims[1]-1)/2+1
	if a.dims[0] >= 3 {
		rows = (a.dims[0]-3)/2 + 1
	}
	if rows == 0 {
		return b.wrap("Subsample", b.c.Zeros(b.dtype, 0, freq, c.Out), 0, freq, c.Out)
	}
	kernel, ok := b.kernels[c]
	if !ok {
		kernel = b.typed(c.Data, c.Out, 3, 3, c.In)
		if len(b.kernels) < 64 {
			b.kernels[c] = kernel
		} else {
			b.temp(kernel) // not one of a model's
		}
	}
	h := b.temp(b.c.Reshape(a.h, 1, a.dims[0], a.dims[1], c.In))
	h = b.temp(b.c.Conv2d(h, kernel, [2]int{2, 2}, [2]int{0, 1}))
	return b.wrap("Subsample", b.c.Reshape(h, rows, freq, c.Out), rows, freq, c.Out)
}

// CausalConv convolves each channel along time: x [past+n, C], w [C, past+1]
// → [n, C].
func (b *Backend) CausalConv(x, w tensor.Tensor) tensor.Tensor {
	a, m := in("CausalConv", x), in("CausalConv", w)
	axes("CausalConv", a, 2)
	axes("CausalConv: kernel", m, 2)
	channels, taps := a.dims[1], m.dims[1]
	same("CausalConv: kernel", m.dims[:1], channels)
	n := a.dims[0] - taps + 1
	if n < 0 || taps < 1 {
		panic(&tensor.ShapeError{Op: "CausalConv: rows", Got: []int{a.dims[0]}, Want: []int{taps}})
	}
	if n == 0 {
		return b.wrap("CausalConv", b.c.Zeros(b.dtype, 0, channels), 0, channels)
	}
	if b.gpu && !readsHost {
		return b.wrap("CausalConv", b.taps(a.h, m.h, n, channels, taps), n, channels)
	}
	h := b.temp(b.c.Reshape(a.h, 1, a.dims[0], channels))
	h = b.temp(b.c.DepthwiseConv(h, b.temp(b.c.Reshape(m.h, channels, taps, 1)), channels))
	return b.wrap("CausalConv", b.c.Reshape(h, n, channels), n, channels)
}

// taps is CausalConv as a sum: on CUDA MLX asks cuDNN for a plan for each number
// of rows, and what those plans record cannot be used for the next step.
func (b *Backend) taps(x, kernel mlxc.Array, n, channels, taps int) mlxc.Array {
	c, t := b.c, b.temp
	sum := mlxc.Array(0)
	for j := range taps {
		w := t(c.Reshape(t(c.Slice(kernel, []int{0, j}, []int{channels, j + 1})), channels))
		h := c.Multiply(t(c.Slice(x, []int{j, 0}, []int{j + n, channels})), w)
		if j > 0 {
			h = c.Add(t(sum), t(h))
		}
		sum = h
	}
	return sum
}

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
	h := b.temp(b.c.Reshape(a.h, rows/side, side, cols/side, side, width))
	h = b.temp(b.c.Mean(h, false, 1, 3))
	n := rows / side * (cols / side)
	return b.wrap("Pool", b.c.Reshape(h, n, width), n, width)
}
