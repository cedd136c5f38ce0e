//go:build (!amd64 && !arm64) || purego

package kernel

func dot4x4(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool) {
	dot4x4Generic(dst, dstStride, x, xStride, w, wStride, n, add)
}

func dot1x4(dst, x, w *float32, wStride, n int, add bool) {
	dot1x4Generic(dst, x, w, wStride, n, add)
}

func pack4(dst, src *float32, stride, width, n int) { pack4Generic(dst, src, stride, width, n) }

func panelAt(panel []float32, n int) *float32 { return &panel[n] }

func panel4x4(dst *float32, dstStride int, x, w *float32, n int, add bool) {
	panel4x4Generic(dst, dstStride, x, w, n, add)
}

func mix4(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int) {
	mix4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
}

func expShift(x *float32, n int, shift float32) float32 {
	return expShiftGeneric(x, n, shift)
}

func maximum(x *float32, n int) float32 {
	return maximumGeneric(x, n)
}

func unpackBF16(dst *float32, src *byte, n int) {
	unpackBF16Generic(dst, src, n)
}

func unpackF16(dst *float32, src *byte, n int) {
	unpackF16Generic(dst, src, n)
}

func unpackQ4(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	unpackQ4Generic(dst, codes, scales, biases, groups, group)
}

func unpackQ8(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	unpackQ8Generic(dst, codes, scales, biases, groups, group)
}

func gelu(dst, x, up *float32, n int) { geluGeneric(dst, x, up, n) }

func sigmoidMul(dst, a, x *float32, n int) { sigmoidMulGeneric(dst, a, x, n) }

func softCap(dst, x *float32, n int, limit float32) { softCapGeneric(dst, x, n, limit) }
