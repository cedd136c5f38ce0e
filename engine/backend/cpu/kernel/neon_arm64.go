//go:build !purego

package kernel

// The assembly, by file.

//go:noescape
func geluNEON(dst, x, up *float32, n int)

//go:noescape
func sigmoidMulNEON(dst, a, x *float32, n int)

//go:noescape
func softCapNEON(dst, x *float32, n int, limit float32)

//go:noescape
func dotCodes4x4NEON(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)

//go:noescape
func mixCodes4NEON(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)

//go:noescape
func expShiftNEON(x *float32, n int, shift float32) float32

//go:noescape
func maximumNEON(x *float32, n int) float32

//go:noescape
func dot4x4NEON(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)

//go:noescape
func dot1x4NEON(dst, x, w *float32, wStride, n int, add bool)

//go:noescape
func mix4NEON(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)

//go:noescape
func pack4NEON(dst, src *float32, stride, n int)

//go:noescape
func panel4x4NEON(dst *float32, dstStride int, x, w *float32, n int, add bool)

//go:noescape
func unpackBF16NEON(dst *float32, src *byte, n int)

//go:noescape
func unpackF16NEON(dst *float32, src *byte, n int)

//go:noescape
func unpackQ4NEON(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func unpackQ8NEON(dst *float32, codes *byte, scales, biases *float32, groups, group int)

//go:noescape
func addNEON(dst, a, b *float32, n int)

//go:noescape
func mulNEON(dst, a, b *float32, n int)

//go:noescape
func scaleMulNEON(dst, x, w *float32, n int, factor float32)

//go:noescape
func scaleNEON(dst, x *float32, n int, factor float32)

//go:noescape
func clampNEON(dst, x *float32, n int, low, high float32)

//go:noescape
func q4oneNEON(a *packedArgs)

//go:noescape
func q4fourNEON(a *packedArgs)

//go:noescape
func q8oneNEON(a *packedArgs)

//go:noescape
func q8fourNEON(a *packedArgs)

//go:noescape
func bf16oneNEON(a *packedArgs)

//go:noescape
func bf16fourNEON(a *packedArgs)

//go:noescape
func f16oneNEON(a *packedArgs)

//go:noescape
func f16fourNEON(a *packedArgs)

// prefetch asks for n cache lines, stride bytes apart.
//
//go:noescape
func prefetch(p *int8, stride, n int)
