//go:build !purego

package kernel

import "hark/engine/backend/cpu/isa"

func packedOne(Format) int { return 4 }

func packedFour(Format) int { return 2 }

func dotOne(f Format, a *packedArgs) {
	if level == isa.Generic {
		packedGeneric(f, a, 1, packedOne(f))
		return
	}
	switch f {
	case Q4:
		q4oneNEON(a)
	case Q8:
		q8oneNEON(a)
	case BF16:
		bf16oneNEON(a)
	case F16:
		f16oneNEON(a)
	}
}

func dotFour(f Format, a *packedArgs) {
	if level == isa.Generic {
		packedGeneric(f, a, tile, packedFour(f))
		return
	}
	switch f {
	case Q4:
		q4fourNEON(a)
	case Q8:
		q8fourNEON(a)
	case BF16:
		bf16fourNEON(a)
	case F16:
		f16fourNEON(a)
	}
}
