// Package kernel holds the inner loops of the CPU backend: products of
// float32 rows, unpacking of stored weights, exponentials. Each exported
// function checks its lengths, panics when they do not fit, and calls the
// implementation that package isa selected. Every implementation has a twin
// in plain Go.
//
// # Order of summation
//
// Within one implementation the sum behind one result depends only on the two
// operands, never on how many other results the call computes. A model that
// decodes one row therefore gets the bits it would get in a batch.
//
// Implementations differ from one another in the order of summation and in
// whether products are rounded.
//
// Start reading at MatMul.
package kernel

import (
	"fmt"

	"hark/engine/backend/cpu/isa"
)

// tile is how many rows of either operand the fastest kernels take at once.
const tile = 4

// The implementations in use. Pointers point at the first value of a slice
// whose length the caller has checked; strides and lengths count values.
var (
	// dot4x4 sets dst[r*dstStride+c] = sum over n of x[r*xStride+i]*w[c*wStride+i]
	// for r and c below 4.
	dot4x4 func(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int)
	// dot1x4 sets dst[c], c below 4, to what dot4x4 gives for one row of x.
	dot1x4 func(dst, x, w *float32, wStride, n int)
	// mix4 adds to dst[r*dstStride+d], r below 4 and d below width, the sum
	// over j below n of p[r*pStride+j]*v[j*vStride+d], j in order.
	mix4 func(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)
	// expShift sets x[i] = exp(x[i]-shift) and returns their sum.
	expShift func(x *float32, n int, shift float32) float32
	// unpackBF16 and unpackF16 widen n values.
	unpackBF16 func(dst *float32, src *byte, n int)
	unpackF16  func(dst *float32, src *byte, n int)
	// unpackQ4 and unpackQ8 decode groups*group codes.
	unpackQ4 func(dst *float32, codes *byte, scales, biases *float32, groups, group int)
	unpackQ8 func(dst *float32, codes *byte, scales, biases *float32, groups, group int)
)

func init() { isa.Register(use) }

// useGeneric selects plain Go for everything.
func useGeneric() {
	dot4x4, dot1x4 = dot4x4Generic, dot1x4Generic
	mix4 = mix4Generic
	expShift = expShiftGeneric
	unpackBF16, unpackF16 = unpackBF16Generic, unpackF16Generic
	unpackQ4, unpackQ8 = unpackQ4Generic, unpackQ8Generic
}

// need panics unless a slice of length have holds want values.
func need(kernel, operand string, have, want int) {
	if have < want {
		panic(fmt.Sprintf("kernel: %s: %s has %d values, want %d", kernel, operand, have, want))
	}
}

// span returns the values from the first of rows rows to the last, stride
// apart.
func span(rows, stride, width int) int { return (rows-1)*stride + width }
