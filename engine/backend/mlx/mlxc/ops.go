package mlxc

// The operations record a node of the graph and return its handle, or 0 where
// MLX refuses; Err says why then. Their operands are those of the functions of
// mlx-c with the same names, see its headers ops.h and fast.h.

func (c *Calls) unary(f function, a Array) Array {
	return c.done(c.call(f, c.result(), uintptr(a), c.stream))
}

func (c *Calls) binary(f function, a, b Array) Array {
	return c.done(c.call(f, c.result(), uintptr(a), uintptr(b), c.stream))
}

// Add returns a+b.
func (c *Calls) Add(a, b Array) Array { return c.binary(fnAdd, a, b) }

// Subtract returns a-b.
func (c *Calls) Subtract(a, b Array) Array { return c.binary(fnSubtract, a, b) }

// Multiply returns a*b.
func (c *Calls) Multiply(a, b Array) Array { return c.binary(fnMultiply, a, b) }

// Divide returns a/b.
func (c *Calls) Divide(a, b Array) Array { return c.binary(fnDivide, a, b) }

// Maximum returns the greater of a and b.
func (c *Calls) Maximum(a, b Array) Array { return c.binary(fnMaximum, a, b) }

// Minimum returns the lesser of a and b.
func (c *Calls) Minimum(a, b Array) Array { return c.binary(fnMinimum, a, b) }

// Matmul returns the product of the last two axes.
func (c *Calls) Matmul(a, b Array) Array { return c.binary(fnMatmul, a, b) }

// Tanh returns the hyperbolic tangent.
func (c *Calls) Tanh(a Array) Array { return c.unary(fnTanh, a) }

// Sigmoid returns 1/(1+exp(-a)).
func (c *Calls) Sigmoid(a Array) Array { return c.unary(fnSigmoid, a) }

// Abs returns the magnitudes.
func (c *Calls) Abs(a Array) Array { return c.unary(fnAbs, a) }

// Negative returns -a.
func (c *Calls) Negative(a Array) Array { return c.unary(fnNegative, a) }

// Round returns the nearest whole numbers, of two the even one.
func (c *Calls) Round(a Array) Array {
	return c.done(c.call(fnRound, c.result(), uintptr(a), 0, c.stream))
}

// Where returns x where the condition holds, y elsewhere.
func (c *Calls) Where(condition, x, y Array) Array {
	return c.done(c.call(fnWhere, c.result(), uintptr(condition), uintptr(x), uintptr(y), c.stream))
}

// AsType converts values.
func (c *Calls) AsType(a Array, t DType) Array {
	return c.done(c.call(fnAstype, c.result(), uintptr(a), uintptr(t), c.stream))
}

// View reads the bytes of a as another type.
func (c *Calls) View(a Array, t DType) Array {
	return c.done(c.call(fnView, c.result(), uintptr(a), uintptr(t), c.stream))
}

// Reshape gives a other axes.
func (c *Calls) Reshape(a Array, shape ...int) Array {
	at, n := c.shape(0, shape)
	return c.done(c.call(fnReshape, c.result(), uintptr(a), at, n, c.stream))
}

// Transpose gives the axes another order.
func (c *Calls) Transpose(a Array, axes ...int) Array {
	at, n := c.shape(0, axes)
	return c.done(c.call(fnTranspose, c.result(), uintptr(a), at, n, c.stream))
}

// BroadcastTo repeats axes of size 1.
func (c *Calls) BroadcastTo(a Array, shape ...int) Array {
	at, n := c.shape(0, shape)
	return c.done(c.call(fnBroadcastTo, c.result(), uintptr(a), at, n, c.stream))
}

// Zeros makes an array of zeros.
func (c *Calls) Zeros(t DType, shape ...int) Array {
	at, n := c.shape(0, shape)
	return c.done(c.call(fnZeros, c.result(), at, n, uintptr(t), c.stream))
}

// Slice returns a[from:to] along every axis.
func (c *Calls) Slice(a Array, from, to []int) Array {
	start, n := c.shape(0, from)
	stop, _ := c.shape(1, to)
	return c.done(c.call(fnSlice, c.result(), uintptr(a), start, n, stop, n, c.ones(len(from)), n, c.stream))
}

// SliceUpdate returns a with a[from:to] replaced.
func (c *Calls) SliceUpdate(a, update Array, from, to []int) Array {
	start, n := c.shape(0, from)
	stop, _ := c.shape(1, to)
	return c.done(c.call(fnSliceUpdate, c.result(), uintptr(a), uintptr(update), start, n, stop, n, c.ones(len(from)), n, c.stream))
}

// ones returns the place of n ones, the strides of slices.
func (c *Calls) ones(n int) uintptr {
	for i := range n {
		c.ints[2][i] = 1
	}
	return address(&c.ints[2])
}

// Concatenate joins arrays along an axis.
func (c *Calls) Concatenate(axis int, list ...Array) Array {
	v := c.vector(list)
	code := c.call(fnConcatenate, c.result(), v, uintptr(axis), c.stream)
	a := c.done(code)
	c.call(fnVectorFree, v)
	return a
}

// Take returns what index names along an axis.
func (c *Calls) Take(a, index Array, axis int) Array {
	return c.done(c.call(fnTake, c.result(), uintptr(a), uintptr(index), uintptr(axis), c.stream))
}

// TakeAlong returns what index names along an axis, for each place of the
// other axes on its own.
func (c *Calls) TakeAlong(a, index Array, axis int) Array {
	return c.done(c.call(fnTakeAlong, c.result(), uintptr(a), uintptr(index), uintptr(axis), c.stream))
}

// Scatter returns a with a[index[i]] along the first axis replaced by
// updates[i], which has an axis of size 1 behind its first.
func (c *Calls) Scatter(a, index, updates Array) Array {
	return c.done(c.call(fnScatter, c.result(), uintptr(a), uintptr(index), uintptr(updates), 0, c.stream))
}

// Contiguous returns a with its values side by side in the order of its axes.
func (c *Calls) Contiguous(a Array) Array {
	return c.done(c.call(fnContiguous, c.result(), uintptr(a), truth(false), c.stream))
}

func (c *Calls) reduce(f function, a Array, keep bool, axes []int) Array {
	at, n := c.shape(0, axes)
	return c.done(c.call(f, c.result(), uintptr(a), at, n, truth(keep), c.stream))
}

// Mean returns the mean over axes; keep leaves them with size 1.
func (c *Calls) Mean(a Array, keep bool, axes ...int) Array { return c.reduce(fnMean, a, keep, axes) }

// Sum returns the sum over axes.
func (c *Calls) Sum(a Array, keep bool, axes ...int) Array { return c.reduce(fnSum, a, keep, axes) }

// Max returns the greatest over axes.
func (c *Calls) Max(a Array, keep bool, axes ...int) Array { return c.reduce(fnMax, a, keep, axes) }

// Softmax returns exponentials that add up to 1 along an axis.
func (c *Calls) Softmax(a Array, axis int) Array {
	return c.done(c.call(fnSoftmax, c.result(), uintptr(a), uintptr(uint32(axis)), truth(true), c.stream))
}

// Argpartition returns indices along the last axis, those of the n+1 least
// first.
func (c *Calls) Argpartition(a Array, n int) Array {
	return c.done(c.call(fnArgpartition, c.result(), uintptr(a), uintptr(n), uintptr(^uint32(0)), c.stream))
}

// Argsort returns indices along the last axis, rising.
func (c *Calls) Argsort(a Array) Array {
	return c.done(c.call(fnArgsort, c.result(), uintptr(a), uintptr(^uint32(0)), c.stream))
}

// Argmax returns the index of the greatest along the last axis.
func (c *Calls) Argmax(a Array) Array {
	return c.done(c.call(fnArgmax, c.result(), uintptr(a), uintptr(^uint32(0)), truth(false), c.stream))
}
