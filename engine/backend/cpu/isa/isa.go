// Package isa decides which instruction sets the kernels may use: what the
// processor has, limited by the environment variable HARK_ISA (generic; avx2 or
// avx512 on amd64; neon, dotprod or i8mm on arm64).
//
// Start reading at Register.
package isa

import (
	"fmt"
	"os"
	"slices"
)

// Level is a set of instructions. Each includes the ones below it of the same
// architecture.
type Level uint8

// The levels that kernels are written for.
const (
	Generic Level = iota // plain Go
	AVX2                 // amd64: AVX2, FMA, F16C
	AVX512               // amd64: AVX-512 F, BW, DQ, VL
	NEON                 // arm64: what every one has
	DotProd              // arm64: products of four 8-bit integers, added up
	I8MM                 // arm64: products of 2x8 with 8x2 8-bit integers
	levels
)

// String returns the name as HARK_ISA spells it.
func (l Level) String() string {
	switch l {
	case Generic:
		return "generic"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case NEON:
		return "neon"
	case DotProd:
		return "dotprod"
	case I8MM:
		return "i8mm"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

var (
	current  = limit(os.Getenv("HARK_ISA"))
	switches []func(Level)
)

// limit returns the best level that the processor has and name allows, which is
// Generic for levels of another architecture. An unknown name panics: a typo
// would quietly measure the wrong kernels.
func limit(name string) Level {
	best := detect()
	if name == "" {
		return best
	}
	for l := range levels {
		if l.String() != name {
			continue
		}
		if !slices.Contains(ladder, l) {
			return Generic
		}
		return min(l, best)
	}
	panic(fmt.Sprintf("isa: HARK_ISA %q, want generic, avx2, avx512, neon, dotprod or i8mm", name))
}

// Register adds a package's switch, a function that selects its kernels for a
// level, and calls it with the current one. It is for init functions.
func Register(use func(Level)) {
	switches = append(switches, use)
	use(current)
}

// Current returns the level in use.
func Current() Level { return current }

// Available returns the levels that this processor has, Generic first,
// whatever HARK_ISA says.
func Available() []Level {
	best := detect()
	return slices.DeleteFunc(slices.Clone(ladder), func(l Level) bool { return l > best })
}

// Use switches all kernels to a level and returns the one used before. It is
// for tests and benchmarks, while no kernel runs. A level that the processor
// lacks panics.
func Use(l Level) (before Level) {
	if !slices.Contains(Available(), l) {
		panic(fmt.Sprintf("isa: %v is not available", l))
	}
	before = current
	current = l
	for _, use := range switches {
		use(l)
	}
	return before
}
