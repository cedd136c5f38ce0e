package isa

import "golang.org/x/sys/cpu"

// HasVNNI reports whether the processor multiplies 8-bit integers within
// AVX-512, which not all that have the rest of the level do.
func HasVNNI() bool { return detect() == AVX512 && cpu.X86.HasAVX512VNNI }
