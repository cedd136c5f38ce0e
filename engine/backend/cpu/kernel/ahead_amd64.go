//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// dotAhead4x4 is dot4x4, n a positive multiple of aheadVector. While it
// computes, it asks for what lies ahead bytes behind the first two rows of w.
func dotAhead4x4(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int) {
	if level == isa.AVX512 {
		dotAhead4x4AVX512(dst, dstStride, x, xStride, w, wStride, n, ahead)
	} else {
		dot4x4(dst, dstStride, x, xStride, w, wStride, n, false)
	}
}

// dotAhead8x2 is dot4x4 for 8 rows of x and 2 of w, likewise.
func dotAhead8x2(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int) {
	dotAhead8x2AVX512(dst, dstStride, x, xStride, w, wStride, n, ahead)
}

// eights reports whether there are dotAhead8x2 and mixAhead8.
func eights() bool { return level == isa.AVX512 }

// mixAhead4 is mix4, width a positive multiple of aheadWidth. While it
// computes, it asks for as much as it reads, from ahead bytes behind v on, in the order of
// memory.
func mixAhead4(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int) {
	if level == isa.AVX512 {
		mixAhead4AVX512(dst, dstStride, p, pStride, v, vStride, n, width, ahead)
	} else {
		mix4(dst, dstStride, p, pStride, v, vStride, n, width)
	}
}

// mixAhead8 is mixAhead4 for 8 rows.
func mixAhead8(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int) {
	mixAhead8AVX512(dst, dstStride, p, pStride, v, vStride, n, width, ahead)
}

//go:noescape
func dotAhead4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int)

//go:noescape
func mixAhead4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int)

//go:noescape
func dotAhead8x2AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int)

//go:noescape
func mixAhead8AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int)
