package pcm

import "math/bits"

// The two codes of G.711 keep a sign, three bits of exponent and four bits of
// mantissa. They differ in the step next to zero, in the bits they invert, and
// in that mu-law adds a bias of 33 (of 14-bit steps) before it normalises.
const (
	muBias  = 33
	muMax   = 8158 // largest 14-bit magnitude that G.711 table 2a encodes
	aMax    = 4095 // largest 13-bit magnitude
	aInvert = 0x55 // every second bit
)

// muLaw and aLaw hold the sample of each code, in (-1, 1).
var (
	muLaw = table(func(code byte) int { return 4 * decodeMuLaw(code) })
	aLaw  = table(func(code byte) int { return 8 * decodeALaw(code) })
)

// table divides the 16-bit steps that decode gives by 32768.
func table(decode func(byte) int) (values [256]float32) {
	for code := range values {
		values[code] = float32(decode(byte(code))) / 32768
	}
	return values
}

// decodeMuLaw returns a 14-bit step, -8031 to 8031. Source: G.711 table 2.
func decodeMuLaw(code byte) int {
	code = ^code
	exponent, mantissa := int(code>>4&7), int(code&15)
	v := (2*mantissa+muBias)<<exponent - muBias
	if code&0x80 != 0 {
		return -v
	}
	return v
}

// decodeALaw returns a 13-bit step, -4032 to 4032. Source: G.711 table 1.
func decodeALaw(code byte) int {
	code ^= aInvert
	exponent, mantissa := int(code>>4&7), int(code&15)
	v := 2*mantissa + 1
	if exponent > 0 {
		v = (v + 32) << (exponent - 1)
	}
	if code&0x80 == 0 {
		return -v
	}
	return v
}

// encodeMuLaw returns the code whose interval of G.711 table 2 holds v.
func encodeMuLaw(v int16) byte {
	magnitude, sign := int(v), byte(0)
	if magnitude < 0 {
		magnitude, sign = -magnitude, 0x80
	}
	magnitude = min(magnitude/4, muMax) + muBias
	exponent := bits.Len(uint(magnitude)) - 6 // magnitude is at least 33
	mantissa := byte(magnitude>>(exponent+1)) & 15
	return ^(sign | byte(exponent)<<4 | mantissa)
}

// encodeALaw returns the code whose interval of G.711 table 1 holds v.
func encodeALaw(v int16) byte {
	// Negative steps are counted from -1, so that both signs have 4096.
	magnitude, sign := int(v), byte(0x80)
	if magnitude < 0 {
		magnitude, sign = -magnitude-1, 0
	}
	magnitude = min(magnitude/8, aMax)
	exponent, shift := 0, 1
	if magnitude >= 32 {
		exponent = bits.Len(uint(magnitude)) - 5
		shift = exponent
	}
	mantissa := byte(magnitude>>shift) & 15
	return (sign | byte(exponent)<<4 | mantissa) ^ aInvert
}
