//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// packedOne and packedFour return the outputs of a tile of dotOne and dotFour.
func packedOne(f Format) int {
	if f == Q4 && level == isa.AVX512 {
		return 8
	}
	return 4
}

func packedFour(Format) int {
	if level == isa.AVX2 {
		return 2
	}
	return 4
}

// dotOne computes a.tiles tiles for row 0 of x, dotFour for all rows.
func dotOne(f Format, a *packedArgs) {
	switch level {
	case isa.AVX512:
		switch f {
		case Q4:
			q4oneAVX512(a)
		case Q8:
			q8oneAVX512(a)
		case BF16:
			bf16oneAVX512(a)
		case F16:
			f16oneAVX512(a)
		}
	case isa.AVX2:
		switch f {
		case Q4:
			q4oneAVX2(a)
		case Q8:
			q8oneAVX2(a)
		case BF16:
			bf16oneAVX2(a)
		case F16:
			f16oneAVX2(a)
		}
	default:
		packedGeneric(f, a, 1, packedOne(f))
	}
}

func dotFour(f Format, a *packedArgs) {
	switch level {
	case isa.AVX512:
		switch f {
		case Q4:
			q4fourAVX512(a)
		case Q8:
			q8fourAVX512(a)
		case BF16:
			bf16fourAVX512(a)
		case F16:
			f16fourAVX512(a)
		}
	case isa.AVX2:
		switch f {
		case Q4:
			q4fourAVX2(a)
		case Q8:
			q8fourAVX2(a)
		case BF16:
			bf16fourAVX2(a)
		case F16:
			f16fourAVX2(a)
		}
	default:
		packedGeneric(f, a, tile, packedFour(f))
	}
}

//go:noescape
func q4oneAVX2(a *packedArgs)

//go:noescape
func q4fourAVX2(a *packedArgs)

//go:noescape
func q8oneAVX2(a *packedArgs)

//go:noescape
func q8fourAVX2(a *packedArgs)

//go:noescape
func bf16oneAVX2(a *packedArgs)

//go:noescape
func bf16fourAVX2(a *packedArgs)

//go:noescape
func f16oneAVX2(a *packedArgs)

//go:noescape
func f16fourAVX2(a *packedArgs)

//go:noescape
func q4oneAVX512(a *packedArgs)

//go:noescape
func q4fourAVX512(a *packedArgs)

//go:noescape
func q8oneAVX512(a *packedArgs)

//go:noescape
func q8fourAVX512(a *packedArgs)

//go:noescape
func bf16oneAVX512(a *packedArgs)

//go:noescape
func bf16fourAVX512(a *packedArgs)

//go:noescape
func f16oneAVX512(a *packedArgs)

//go:noescape
func f16fourAVX512(a *packedArgs)
