//go:build amd64 && !purego

package isa

import "golang.org/x/sys/cpu"

// ladder are the levels of this architecture.
var ladder = []Level{Generic, AVX2, AVX512}

// detect returns the best level of this processor.
func detect() Level {
	x := &cpu.X86
	switch {
	case !x.HasAVX2 || !x.HasFMA || !x.HasF16C:
		return Generic
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return AVX512
	}
	return AVX2
}
