//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// dotCodes4x4 sets dst[r*dstStride+c] = sum over n of
// x[r*xStride+i]*w[c*wStride+i]*s[c*sStride+i/CodeGroup] for r and c below 4. n
// is a positive multiple of CodeGroup. With strides of 0 only the first row or
// column counts.
func dotCodes4x4(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int) {
	switch level {
	case isa.AVX512:
		dotCodes4x4AVX512(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
	case isa.AVX2:
		dotCodes4x4AVX2(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
	default:
		dotCodes4x4Generic(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
	}
}

// mixCodes4 adds to dst[r*dstStride+d], r below 4 and d below width, the sum
// over j below n of p[r*pStride+j]*v[j*vStride+d], j in order. width is a
// positive multiple of vector.
func mixCodes4(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int) {
	switch level {
	case isa.AVX512:
		mixCodes4AVX512(dst, dstStride, p, pStride, v, vStride, n, width)
	case isa.AVX2:
		mixCodes4AVX2(dst, dstStride, p, pStride, v, vStride, n, width)
	default:
		mixCodes4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
	}
}

// prefetch asks for n cache lines, stride bytes apart.
//
//go:noescape
func prefetch(p *int8, stride, n int)

//go:noescape
func dotCodes4x4AVX2(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)

//go:noescape
func dotCodes4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)

//go:noescape
func mixCodes4AVX2(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)

//go:noescape
func mixCodes4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)
