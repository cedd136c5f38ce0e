//go:build !purego

package kernel

import (
	"unsafe"

	"hark/engine/backend/cpu/isa"
)

// roundedBatches reports whether there are kernels for several rows.
func roundedBatches() bool { return level == isa.I8MM }

// roundedOne computes one row.
func roundedOne(a *roundedArgs) {
	switch {
	case level == isa.Generic:
		roundedOneGeneric(a)
	case a.format == Q4 && level == isa.NEON:
		q4oneMul(a)
	case a.format == Q4:
		q4oneDot(a)
	case level == isa.NEON:
		q8oneMul(a)
	default:
		q8oneDot(a)
	}
}

// roundedTwo computes two rows, the few outputs of them that roundedFour leaves.
func roundedTwo(a *roundedArgs) {
	roundedOne(a)
	b := *a
	b.x = (*int8)(unsafe.Add(unsafe.Pointer(a.x), a.xStride))
	b.rowScales = (*float32)(unsafe.Add(unsafe.Pointer(a.rowScales), a.rowFactors))
	b.sums = (*float32)(unsafe.Add(unsafe.Pointer(a.sums), a.rowFactors))
	b.dst = (*float32)(unsafe.Add(unsafe.Pointer(a.dst), a.dstStride))
	roundedOne(&b)
}

// roundedFour computes a.rows rows, at most 4, with whole tiles of outputs.
func roundedFour(a *roundedArgs) {
	if a.format == Q4 {
		q4fourI8MM(a)
	} else {
		q8fourI8MM(a)
	}
}

// roundRow rounds blocks of 64 values of a row.
func roundRow(dst *int8, scales, sums, x *float32, blocks, group int, split bool) {
	if level == isa.Generic {
		roundRowGeneric(dst, scales, sums, x, blocks, group, split)
		return
	}
	roundRowNEON(dst, scales, sums, x, blocks, group, split)
}

//go:noescape
func roundRowNEON(dst *int8, scales, sums, x *float32, blocks, group int, split bool)

//go:noescape
func q4oneMul(a *roundedArgs)

//go:noescape
func q8oneMul(a *roundedArgs)

//go:noescape
func q4oneDot(a *roundedArgs)

//go:noescape
func q8oneDot(a *roundedArgs)

//go:noescape
func q4fourI8MM(a *roundedArgs)

//go:noescape
func q8fourI8MM(a *roundedArgs)
