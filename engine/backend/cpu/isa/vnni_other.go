//go:build !amd64

package isa

// HasVNNI reports whether the processor multiplies 8-bit integers within
// AVX-512.
func HasVNNI() bool { return false }
