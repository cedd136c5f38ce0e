//go:build amd64 && !purego

package roof

import "hark/engine/backend/cpu/isa"

// level selects the implementations.
var level isa.Level

func init() { isa.Register(func(l isa.Level) { level = l }) }

// stream reads all of data, whose length is a multiple of 512.
func stream(data []byte) uint64 {
	switch level {
	case isa.Generic:
		return streamGeneric(data)
	case isa.AVX2:
		return streamAVX2(&data[0], len(data))
	}
	return streamAVX512(&data[0], len(data))
}

// multiply computes rounds times products products.
func multiply(rounds int) float32 {
	switch level {
	case isa.Generic:
		return multiplyGeneric(rounds)
	case isa.AVX2:
		return multiplyAVX2(rounds)
	}
	return multiplyAVX512(rounds)
}

//go:noescape
func streamAVX2(data *byte, bytes int) uint64

//go:noescape
func streamAVX512(data *byte, bytes int) uint64

func multiplyAVX2(rounds int) float32

func multiplyAVX512(rounds int) float32
