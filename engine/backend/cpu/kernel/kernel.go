// Package kernel holds the inner loops of the CPU backend: products of
// float32 rows, unpacking of stored weights, exponentials. Each exported
// function checks its lengths, panics when they do not fit, and calls the
// implementation that package isa selected. Every implementation has a twin
// in plain Go.
//
// # Order of summation
//
// Within one implementation the sum behind one result depends only on the two
// operands, never on how many other results the call computes, nor on whether
// weights are unpacked before. A model that decodes one row therefore gets the
// bits it would get in a batch.
//
// Implementations differ from one another in the order of summation and in
// whether products are rounded.
//
// Start reading at MatMul.
package kernel

import "fmt"

// tile is how many rows of either operand the fastest kernels take at once.
const tile = 4

// need panics unless a slice of length have holds want values.
func need(kernel, operand string, have, want int) {
	if have < want {
		panic(fmt.Sprintf("kernel: %s: %s has %d values, want %d", kernel, operand, have, want))
	}
}

// span returns the values from the first of rows rows to the last, stride
// apart.
func span(rows, stride, width int) int { return (rows-1)*stride + width }
