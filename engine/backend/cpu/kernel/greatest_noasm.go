//go:build !amd64 || purego

package kernel

func greatest(x *float32, n int) float32 { return greatestGeneric(x, n) }
