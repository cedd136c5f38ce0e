//go:build (!amd64 && !arm64) || purego

package isa

// ladder are the levels of this architecture.
var ladder = []Level{Generic}

// detect returns Generic: other processors run the plain Go kernels.
func detect() Level { return Generic }
