//go:build amd64 && !purego

package kernel

import "hark/engine/backend/cpu/isa"

// greatest is Greatest of n values, a positive multiple of greatestBlock.
func greatest(x *float32, n int) float32 {
	switch level {
	case isa.AVX512:
		return greatestAVX512(x, n)
	case isa.AVX2:
		return greatestAVX2(x, n)
	}
	return greatestGeneric(x, n)
}

//go:noescape
func greatestAVX2(x *float32, n int) float32

//go:noescape
func greatestAVX512(x *float32, n int) float32
