package kernel

import (
	"math"
	"unsafe"
)

// greatestBlock is how many values the kernels of Greatest take at a time.
const greatestBlock = 64

// Greatest returns the greatest value of x, -Inf if there is none, NaN if any is NaN.
func Greatest(x []float32) float32 {
	most := float32(math.Inf(-1))
	whole := len(x) &^ (greatestBlock - 1)
	if whole > 0 {
		most = greatest(&x[0], whole)
	}
	if whole < len(x) {
		most = max(most, greatestGeneric(&x[whole], len(x)-whole))
	}
	return most
}

func greatestGeneric(x *float32, n int) float32 {
	most := *x
	for _, v := range unsafe.Slice(x, n) {
		most = max(most, v)
	}
	return most
}
