//go:build (!amd64 && !arm64) || purego

package kernel

// prefetch does nothing: plain Go cannot ask for memory.
func prefetch(*int8, int, int) {}

func dotCodes4x4(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int) {
	dotCodes4x4Generic(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
}

func mixCodes4(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int) {
	mixCodes4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
}
