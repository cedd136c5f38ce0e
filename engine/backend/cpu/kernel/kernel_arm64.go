//go:build !purego

package kernel

import "hark/engine/backend/cpu/isa"

// level selects the implementations.
var level isa.Level

func init() { isa.Register(func(l isa.Level) { level = l }) }

// What the functions do is said in kernel_amd64.go and its neighbours.

func dot4x4(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool) {
	if level == isa.Generic {
		dot4x4Generic(dst, dstStride, x, xStride, w, wStride, n, add)
		return
	}
	dot4x4NEON(dst, dstStride, x, xStride, w, wStride, n, add)
}

func dot1x4(dst, x, w *float32, wStride, n int, add bool) {
	if level == isa.Generic {
		dot1x4Generic(dst, x, w, wStride, n, add)
		return
	}
	dot1x4NEON(dst, x, w, wStride, n, add)
}

func pack4(dst, src *float32, stride, width, n int) {
	if level == isa.Generic {
		pack4Generic(dst, src, stride, width, n)
		return
	}
	pack4NEON(dst, src, stride, n)
}

func panelAt(panel []float32, n int) *float32 {
	if level == isa.Generic {
		return &panel[n]
	}
	return &panel[n*tile]
}

func panel4x4(dst *float32, dstStride int, x, w *float32, n int, add bool) {
	if level == isa.Generic {
		panel4x4Generic(dst, dstStride, x, w, n, add)
		return
	}
	panel4x4NEON(dst, dstStride, x, w, n, add)
}

func mix4(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int) {
	if level == isa.Generic {
		mix4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
		return
	}
	mix4NEON(dst, dstStride, p, pStride, v, vStride, n, width)
}

func dotCodes4x4(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int) {
	if level == isa.Generic {
		dotCodes4x4Generic(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
		return
	}
	dotCodes4x4NEON(dst, dstStride, x, xStride, w, wStride, s, sStride, n)
}

func mixCodes4(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int) {
	if level == isa.Generic {
		mixCodes4Generic(dst, dstStride, p, pStride, v, vStride, n, width)
		return
	}
	mixCodes4NEON(dst, dstStride, p, pStride, v, vStride, n, width)
}

func expShift(x *float32, n int, shift float32) float32 {
	if level == isa.Generic {
		return expShiftGeneric(x, n, shift)
	}
	return expShiftNEON(x, n, shift)
}

func maximum(x *float32, n int) float32 {
	if level == isa.Generic {
		return maximumGeneric(x, n)
	}
	return maximumNEON(x, n)
}

func gelu(dst, x, up *float32, n int) {
	if level == isa.Generic {
		geluGeneric(dst, x, up, n)
		return
	}
	geluNEON(dst, x, up, n)
}

func sigmoidMul(dst, a, x *float32, n int) {
	if level == isa.Generic {
		sigmoidMulGeneric(dst, a, x, n)
		return
	}
	sigmoidMulNEON(dst, a, x, n)
}

func softCap(dst, x *float32, n int, limit float32) {
	if level == isa.Generic {
		softCapGeneric(dst, x, n, limit)
		return
	}
	softCapNEON(dst, x, n, limit)
}

func unpackBF16(dst *float32, src *byte, n int) {
	if level == isa.Generic {
		unpackBF16Generic(dst, src, n)
		return
	}
	unpackBF16NEON(dst, src, n)
}

func unpackF16(dst *float32, src *byte, n int) {
	if level == isa.Generic {
		unpackF16Generic(dst, src, n)
		return
	}
	unpackF16NEON(dst, src, n)
}

func unpackQ4(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	if level == isa.Generic {
		unpackQ4Generic(dst, codes, scales, biases, groups, group)
		return
	}
	unpackQ4NEON(dst, codes, scales, biases, groups, group)
}

func unpackQ8(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	if level == isa.Generic {
		unpackQ8Generic(dst, codes, scales, biases, groups, group)
		return
	}
	unpackQ8NEON(dst, codes, scales, biases, groups, group)
}

func add(dst, a, b *float32, n int) {
	if level == isa.Generic {
		addGeneric(dst, a, b, n)
		return
	}
	addNEON(dst, a, b, n)
}

func mul(dst, a, b *float32, n int) {
	if level == isa.Generic {
		mulGeneric(dst, a, b, n)
		return
	}
	mulNEON(dst, a, b, n)
}

func scaleMul(dst, x, w *float32, n int, factor float32) {
	switch {
	case level == isa.Generic:
		scaleMulGeneric(dst, x, w, n, factor)
	case w == nil:
		scaleNEON(dst, x, n, factor)
	default:
		scaleMulNEON(dst, x, w, n, factor)
	}
}

func clamp(dst, x *float32, n int, low, high float32) {
	if level == isa.Generic {
		clampGeneric(dst, x, n, low, high)
		return
	}
	clampNEON(dst, x, n, low, high)
}
