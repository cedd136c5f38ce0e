//go:build !amd64 || purego

package isa

// detect returns Generic: other processors run the plain Go kernels.
func detect() Level { return Generic }
