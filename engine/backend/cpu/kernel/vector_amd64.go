//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

func add(dst, a, b *float32, n int) {
	switch level {
	case isa.AVX512:
		addAVX512(dst, a, b, n)
	case isa.AVX2:
		addAVX2(dst, a, b, n)
	default:
		addGeneric(dst, a, b, n)
	}
}

func mul(dst, a, b *float32, n int) {
	switch level {
	case isa.AVX512:
		mulAVX512(dst, a, b, n)
	case isa.AVX2:
		mulAVX2(dst, a, b, n)
	default:
		mulGeneric(dst, a, b, n)
	}
}

func scaleMul(dst, x, w *float32, n int, factor float32) {
	switch level {
	case isa.AVX512:
		scaleMulAVX512(dst, x, w, n, factor)
	case isa.AVX2:
		scaleMulAVX2(dst, x, w, n, factor)
	default:
		scaleMulGeneric(dst, x, w, n, factor)
	}
}

func clamp(dst, x *float32, n int, low, high float32) {
	switch level {
	case isa.AVX512:
		clampAVX512(dst, x, n, low, high)
	case isa.AVX2:
		clampAVX2(dst, x, n, low, high)
	default:
		clampGeneric(dst, x, n, low, high)
	}
}

//go:noescape
func addAVX2(dst, a, b *float32, n int)

//go:noescape
func addAVX512(dst, a, b *float32, n int)

//go:noescape
func mulAVX2(dst, a, b *float32, n int)

//go:noescape
func mulAVX512(dst, a, b *float32, n int)

//go:noescape
func scaleMulAVX2(dst, x, w *float32, n int, factor float32)

//go:noescape
func scaleMulAVX512(dst, x, w *float32, n int, factor float32)

//go:noescape
func clampAVX2(dst, x *float32, n int, low, high float32)

//go:noescape
func clampAVX512(dst, x *float32, n int, low, high float32)
