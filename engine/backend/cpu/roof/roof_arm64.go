//go:build !purego

package roof

import "hark/engine/backend/cpu/isa"

// level selects the implementations.
var level isa.Level

func init() { isa.Register(func(l isa.Level) { level = l }) }

// stream reads all of data, whose length is a multiple of 512.
func stream(data []byte) uint64 {
	if level == isa.Generic {
		return streamGeneric(data)
	}
	return streamNEON(&data[0], len(data))
}

// multiply computes rounds times products products.
func multiply(rounds int) float32 {
	if level == isa.Generic {
		return multiplyGeneric(rounds)
	}
	return multiplyNEON(rounds)
}

//go:noescape
func streamNEON(data *byte, bytes int) uint64

func multiplyNEON(rounds int) float32
