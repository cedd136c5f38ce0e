//go:build !amd64 || purego

package kernel

func dotAhead4x4(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, _ int) {
	dot4x4(dst, dstStride, x, xStride, w, wStride, n, false)
}

func mixAhead4(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, _ int) {
	mix4(dst, dstStride, p, pStride, v, vStride, n, width)
}

func eights() bool { return false }

func dotAhead8x2(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int) {
	panic("kernel: no kernel for 8 rows")
}

func mixAhead8(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int) {
	panic("kernel: no kernel for 8 rows")
}
