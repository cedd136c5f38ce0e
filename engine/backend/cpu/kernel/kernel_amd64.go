//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// level selects the implementations. Calls go through a switch, as a function
// variable would move what its arguments point at to the heap.
var level isa.Level

func init() { isa.Register(func(l isa.Level) { level = l }) }

// Pointers point at the first value of a slice whose length the caller has
// checked; strides and lengths count values.

// dot4x4 sets dst[r*dstStride+c] = sum over n of x[r*xStride+i]*w[c*wStride+i]
// for r and c below 4, or adds it.
func dot4x4(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool) {
	switch level {
	case isa.AVX512:
		dot4x4AVX512(dst, dstStride, x, xStride, w, wStride, n, add)
	case isa.AVX2:
		dot4x4AVX2(dst, dstStride, x, xStride, w, wStride, n, add)
	default:
		dot4x4Generic(dst, dstStride, x, xStride, w, wStride, n, add)
	}
}

// dot1x4 sets dst[c], c below 4, to what dot4x4 gives for one row of x.
func dot1x4(dst, x, w *float32, wStride, n int, add bool) {
	switch level {
	case isa.AVX512:
		dot1x4AVX512(dst, x, w, wStride, n, add)
	case isa.AVX2:
		dot1x4AVX2(dst, x, w, wStride, n, add)
	default:
		dot1x4Generic(dst, x, w, wStride, n, add)
	}
}

// pack4 writes n values of 4 rows, a multiple of 16, into a panel that has
// width values a row.
func pack4(dst, src *float32, stride, width, n int) {
	switch level {
	case isa.AVX512:
		pack4AVX512(dst, src, stride, n)
	case isa.AVX2:
		pack4AVX2(dst, src, stride, n)
	default:
		pack4Generic(dst, src, stride, width, n)
	}
}

// panelAt returns where value n of a panel begins, n a multiple of 16.
func panelAt(panel []float32, n int) *float32 {
	if level == isa.Generic {
		return &panel[n]
	}
	return &panel[n*tile]
}

// panel4x4 is dot4x4 with panels of n values a row.
func panel4x4(dst *float32, dstStride int, x, w *float32, n int, add bool) {
	switch level {
	case isa.AVX512:
		panel4x4AVX512(dst, dstStride, x, w, n, add)
	case isa.AVX2:
		panel4x4AVX2(dst, dstStride, x, w, n, add)
	default:
		panel4x4Generic(dst, dstStride, x, w, n, add)
	}
}

// mix4 adds to dst[r*dstStride+d], r below 4 and d below width, the sum over j
// below n of p[r*pStride+j]*v[j*vStride+d], j in order.
func mix4(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int) {
	switch level {
	case isa.AVX512:
		mix4AVX512(dst, dstStride, p, pStride, v, vStride, n, width)
	case isa.AVX2:
		mix4AVX2(dst, dstStride, p, pStride, v, vStride, n, width)
	default:
		mix4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
	}
}

// expShift sets x[i] = exp(x[i]-shift) and returns their sum.
func expShift(x *float32, n int, shift float32) float32 {
	switch level {
	case isa.AVX512:
		return expShiftAVX512(x, n, shift)
	case isa.AVX2:
		return expShiftAVX2(x, n, shift)
	}
	return expShiftGeneric(x, n, shift)
}

// maximum returns the greatest of n values, n at least 1.
func maximum(x *float32, n int) float32 {
	switch level {
	case isa.AVX512:
		return maximumAVX512(x, n)
	case isa.AVX2:
		return maximumAVX2(x, n)
	}
	return maximumGeneric(x, n)
}

// gelu, sigmoidMul and softCap take a multiple of activationVector values; up
// and a may be nil.
func gelu(dst, x, up *float32, n int) {
	switch level {
	case isa.AVX512:
		geluAVX512(dst, x, up, n)
	case isa.AVX2:
		geluAVX2(dst, x, up, n)
	default:
		geluGeneric(dst, x, up, n)
	}
}

func sigmoidMul(dst, a, x *float32, n int) {
	switch level {
	case isa.AVX512:
		sigmoidMulAVX512(dst, a, x, n)
	case isa.AVX2:
		sigmoidMulAVX2(dst, a, x, n)
	default:
		sigmoidMulGeneric(dst, a, x, n)
	}
}

func softCap(dst, x *float32, n int, limit float32) {
	switch level {
	case isa.AVX512:
		softCapAVX512(dst, x, n, limit)
	case isa.AVX2:
		softCapAVX2(dst, x, n, limit)
	default:
		softCapGeneric(dst, x, n, limit)
	}
}

// unpackBF16 widens n values.
func unpackBF16(dst *float32, src *byte, n int) {
	switch level {
	case isa.AVX512:
		unpackBF16AVX512(dst, src, n)
	case isa.AVX2:
		unpackBF16AVX2(dst, src, n)
	default:
		unpackBF16Generic(dst, src, n)
	}
}

// unpackF16 widens n values.
func unpackF16(dst *float32, src *byte, n int) {
	switch level {
	case isa.AVX512:
		unpackF16AVX512(dst, src, n)
	case isa.AVX2:
		unpackF16AVX2(dst, src, n)
	default:
		unpackF16Generic(dst, src, n)
	}
}

// unpackQ4 decodes groups*group codes of 4 bits.
func unpackQ4(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	switch level {
	case isa.AVX512:
		unpackQ4AVX512(dst, codes, scales, biases, groups, group)
	case isa.AVX2:
		unpackQ4AVX2(dst, codes, scales, biases, groups, group)
	default:
		unpackQ4Generic(dst, codes, scales, biases, groups, group)
	}
}

// unpackQ8 decodes groups*group codes of 8 bits.
func unpackQ8(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	switch level {
	case isa.AVX512:
		unpackQ8AVX512(dst, codes, scales, biases, groups, group)
	case isa.AVX2:
		unpackQ8AVX2(dst, codes, scales, biases, groups, group)
	default:
		unpackQ8Generic(dst, codes, scales, biases, groups, group)
	}
}

// The assembly twins of the generic kernels.

//go:noescape
func dot4x4AVX2(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)

//go:noescape
func dot4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)

//go:noescape
func dot1x4AVX2(dst, x, w *float32, wStride, n int, add bool)

//go:noescape
func dot1x4AVX512(dst, x, w *float32, wStride, n int, add bool)

//go:noescape
func pack4AVX2(dst, src *float32, stride, n int)

//go:noescape
func pack4AVX512(dst, src *float32, stride, n int)

//go:noescape
func panel4x4AVX2(dst *float32, dstStride int, x, w *float32, n int, add bool)

//go:noescape
func panel4x4AVX512(dst *float32, dstStride int, x, w *float32, n int, add bool)

//go:noescape
func mix4AVX2(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)

//go:noescape
func mix4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)

//go:noescape
func expShiftAVX2(x *float32, n int, shift float32) float32

//go:noescape
func expShiftAVX512(x *float32, n int, shift float32) float32

//go:noescape
func maximumAVX2(x *float32, n int) float32

//go:noescape
func maximumAVX512(x *float32, n int) float32

//go:noescape
func unpackBF16AVX2(dst *float32, src *byte, n int)

//go:noescape
func unpackBF16AVX512(dst *float32, src *byte, n int)

//go:noescape
func unpackF16AVX2(dst *float32, src *byte, n int)

//go:noescape
func unpackF16AVX512(dst *float32, src *byte, n int)

//go:noescape
func unpackQ4AVX2(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func unpackQ4AVX512(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func unpackQ8AVX2(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func unpackQ8AVX512(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func geluAVX2(dst, x, up *float32, n int)

//go:noescape
func sigmoidMulAVX2(dst, a, x *float32, n int)

//go:noescape
func softCapAVX2(dst, x *float32, n int, limit float32)

//go:noescape
func geluAVX512(dst, x, up *float32, n int)

//go:noescape
func sigmoidMulAVX512(dst, a, x *float32, n int)

//go:noescape
func softCapAVX512(dst, x *float32, n int, limit float32)
