//go:build arm64 && !purego

package isa

import "golang.org/x/sys/cpu"

// ladder are the levels of this architecture.
var ladder = []Level{Generic, NEON, DotProd, I8MM}

// detect returns the best level of this processor, by what the system says of
// it.
func detect() Level {
	a := &cpu.ARM64
	switch {
	case a.HasASIMDDP && a.HasI8MM:
		return I8MM
	case a.HasASIMDDP:
		return DotProd
	}
	return NEON
}
