//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// vnni: the processor has AVX-512 VNNI, and it may be used.
var vnni bool

func init() { isa.Register(func(l isa.Level) { vnni = l == isa.AVX512 && isa.HasVNNI() }) }

// roundedBatches reports whether there are kernels for several rows.
func roundedBatches() bool { return vnni }

// roundedOne computes one row.
func roundedOne(a *roundedArgs) {
	switch {
	case level == isa.Generic:
		roundedOneGeneric(a)
	case vnni:
		roundedOneVNNI(a)
	default:
		roundedOneAVX2(a)
	}
}

// roundedOneVNNI computes one row.
func roundedOneVNNI(a *roundedArgs) {
	switch {
	case a.format == Q4 && a.each == 1 && a.brain:
		q4g64BF16oneVNNI(a)
	case a.format == Q4 && a.each == 1:
		q4g64F32oneVNNI(a)
	case a.format == Q4 && a.brain:
		q4g32BF16oneVNNI(a)
	case a.format == Q4:
		q4g32F32oneVNNI(a)
	case a.each == 1 && a.brain:
		q8g64BF16oneVNNI(a)
	case a.each == 1:
		q8g64F32oneVNNI(a)
	case a.brain:
		q8g32BF16oneVNNI(a)
	default:
		q8g32F32oneVNNI(a)
	}
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

// roundedTwo computes two rows.
func roundedTwo(a *roundedArgs) {
	switch {
	case a.format == Q4 && a.each == 1 && a.brain:
		q4g64BF16twoVNNI(a)
	case a.format == Q4 && a.each == 1:
		q4g64F32twoVNNI(a)
	case a.format == Q4 && a.brain:
		q4g32BF16twoVNNI(a)
	case a.format == Q4:
		q4g32F32twoVNNI(a)
	case a.each == 1 && a.brain:
		q8g64BF16twoVNNI(a)
	case a.each == 1:
		q8g64F32twoVNNI(a)
	case a.brain:
		q8g32BF16twoVNNI(a)
	default:
		q8g32F32twoVNNI(a)
	}
}

// roundedFour computes a.rows rows, at most 4, with whole tiles of outputs.
func roundedFour(a *roundedArgs) {
	switch {
	case a.format == Q4 && a.each == 1 && a.brain:
		q4g64BF16fourVNNI(a)
	case a.format == Q4 && a.each == 1:
		q4g64F32fourVNNI(a)
	case a.format == Q4 && a.brain:
		q4g32BF16fourVNNI(a)
	case a.format == Q4:
		q4g32F32fourVNNI(a)
	case a.each == 1 && a.brain:
		q8g64BF16fourVNNI(a)
	case a.each == 1:
		q8g64F32fourVNNI(a)
	case a.brain:
		q8g32BF16fourVNNI(a)
	default:
		q8g32F32fourVNNI(a)
	}
}

// roundRow rounds blocks of 64 values of a row.
func roundRow(dst *int8, scales, sums, x *float32, blocks, group int, split bool) {
	switch level {
	case isa.AVX512:
		roundRowAVX512(dst, scales, sums, x, blocks, group, split)
	case isa.AVX2:
		roundRowAVX2(dst, scales, sums, x, blocks, group, split)
	default:
		roundRowGeneric(dst, scales, sums, x, blocks, group, split)
	}
}

//go:noescape
func roundRowAVX2(dst *int8, scales, sums, x *float32, blocks, group int, split bool)

//go:noescape
func roundRowAVX512(dst *int8, scales, sums, x *float32, blocks, group int, split bool)

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

//go:noescape
func q4g64F32oneVNNI(a *roundedArgs)

//go:noescape
func q4g64BF16oneVNNI(a *roundedArgs)

//go:noescape
func q4g32F32oneVNNI(a *roundedArgs)

//go:noescape
func q4g32BF16oneVNNI(a *roundedArgs)

//go:noescape
func q8g64F32oneVNNI(a *roundedArgs)

//go:noescape
func q8g64BF16oneVNNI(a *roundedArgs)

//go:noescape
func q8g32F32oneVNNI(a *roundedArgs)

//go:noescape
func q8g32BF16oneVNNI(a *roundedArgs)

//go:noescape
func q4g64F32fourVNNI(a *roundedArgs)

//go:noescape
func q4g64BF16fourVNNI(a *roundedArgs)

//go:noescape
func q4g32F32fourVNNI(a *roundedArgs)

//go:noescape
func q4g32BF16fourVNNI(a *roundedArgs)

//go:noescape
func q8g64F32fourVNNI(a *roundedArgs)

//go:noescape
func q8g64BF16fourVNNI(a *roundedArgs)

//go:noescape
func q8g32F32fourVNNI(a *roundedArgs)

//go:noescape
func q8g32BF16fourVNNI(a *roundedArgs)

//go:noescape
func q4g64F32twoVNNI(a *roundedArgs)

//go:noescape
func q4g64BF16twoVNNI(a *roundedArgs)

//go:noescape
func q4g32F32twoVNNI(a *roundedArgs)

//go:noescape
func q4g32BF16twoVNNI(a *roundedArgs)

//go:noescape
func q8g64F32twoVNNI(a *roundedArgs)

//go:noescape
func q8g64BF16twoVNNI(a *roundedArgs)

//go:noescape
func q8g32F32twoVNNI(a *roundedArgs)

//go:noescape
func q8g32BF16twoVNNI(a *roundedArgs)
