//go:build (!amd64 && !arm64) || purego

package kernel

func add(dst, a, b *float32, n int) { addGeneric(dst, a, b, n) }

func mul(dst, a, b *float32, n int) { mulGeneric(dst, a, b, n) }

func scaleMul(dst, x, w *float32, n int, factor float32) { scaleMulGeneric(dst, x, w, n, factor) }

func clamp(dst, x *float32, n int, low, high float32) { clampGeneric(dst, x, n, low, high) }
