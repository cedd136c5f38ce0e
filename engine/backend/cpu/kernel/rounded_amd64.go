//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// vnni: the processor has AVX-512 VNNI, and it may be used.
var vnni bool

func init() { isa.Register(func(l isa.Level) { vnni = l == isa.AVX512 && isa.HasVNNI() }) }

// roundedOne computes one row.
func roundedOne(a *roundedArgs) {
	if level == isa.Generic {
		roundedOneGeneric(a)
		return
	}
	roundedOneAVX2(a)
}

// roundedOneAVX2 computes one row.
func roundedOneAVX2(a *roundedArgs) {
	switch {
	case a.format == Q4 && a.each == 1 && a.brain:
		q4g64BF16oneAVX2(a)
	case a.format == Q4 && a.each == 1:
		q4g64F32oneAVX2(a)
	case a.format == Q4 && a.brain:
		q4g32BF16oneAVX2(a)
	case a.format == Q4:
		q4g32F32oneAVX2(a)
	case a.each == 1 && a.brain:
		q8g64BF16oneAVX2(a)
	case a.each == 1:
		q8g64F32oneAVX2(a)
	case a.brain:
		q8g32BF16oneAVX2(a)
	default:
		q8g32F32oneAVX2(a)
	}
}

// Several rows go by quads, or one by one: roundedTwo and roundedFour are not called.
func roundedBatches() bool     { return false }
func roundedTwo(*roundedArgs)  {}
func roundedFour(*roundedArgs) {}

// roundRow rounds blocks of 64 values of a row.
func roundRow(dst *int8, scales, sums, x *float32, blocks, group int, split bool) {
	if level == isa.Generic {
		roundRowGeneric(dst, scales, sums, x, blocks, group, split)
		return
	}
	roundRowAVX2(dst, scales, sums, x, blocks, group, split)
}

//go:noescape
func roundRowAVX2(dst *int8, scales, sums, x *float32, blocks, group int, split bool)

//go:noescape
func q4g64F32oneAVX2(a *roundedArgs)

//go:noescape
func q4g64BF16oneAVX2(a *roundedArgs)

//go:noescape
func q4g32F32oneAVX2(a *roundedArgs)

//go:noescape
func q4g32BF16oneAVX2(a *roundedArgs)

//go:noescape
func q8g64F32oneAVX2(a *roundedArgs)

//go:noescape
func q8g64BF16oneAVX2(a *roundedArgs)

//go:noescape
func q8g32F32oneAVX2(a *roundedArgs)

//go:noescape
func q8g32BF16oneAVX2(a *roundedArgs)
