//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// use selects the kernels of a level.
func use(l isa.Level) {
	useGeneric()
	switch l {
	case isa.AVX2:
		dot4x4, dot1x4, mix4 = dot4x4AVX2, dot1x4AVX2, mix4AVX2
		expShift = expShiftAVX2
		unpackBF16, unpackF16 = unpackBF16AVX2, unpackF16AVX2
		unpackQ4, unpackQ8 = unpackQ4AVX2, unpackQ8AVX2
	case isa.AVX512:
		dot4x4, dot1x4, mix4 = dot4x4AVX512, dot1x4AVX512, mix4AVX512
		expShift = expShiftAVX512
		unpackBF16, unpackF16 = unpackBF16AVX512, unpackF16AVX512
		unpackQ4, unpackQ8 = unpackQ4AVX512, unpackQ8AVX512
	}
}

// The assembly twins of the generic kernels; see kernel.go for what each does.

//go:noescape
func dot4x4AVX2(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int)

//go:noescape
func dot4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int)

//go:noescape
func dot1x4AVX2(dst, x, w *float32, wStride, n int)

//go:noescape
func dot1x4AVX512(dst, x, w *float32, wStride, n int)

//go:noescape
func mix4AVX2(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)

//go:noescape
func mix4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)

//go:noescape
func expShiftAVX2(x *float32, n int, shift float32) float32

//go:noescape
func expShiftAVX512(x *float32, n int, shift float32) float32

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
