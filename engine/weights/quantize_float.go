package weights

import (
	"encoding/binary"
	"math"

	"hark/engine/tensor"
)

// float fills in the codes of an mxfp4, mxfp8 or nvfp4 group and returns its
// scale.
//
// The reference computes these modes in the format of the values: the scale is
// the largest magnitude over the largest code's value (6 or 448), rounded to
// that format. It then becomes the next power of two that is not smaller
// (e8m0), or the nearest e4m3. Quotients by an e4m3 are rounded to the format
// as well before the nearest code is taken.
func (g *group) float() uint8 {
	largest := float32(0)
	for _, x := range g.values {
		if x = float32(math.Abs(float64(x))); x > largest {
			largest = x
		}
	}
	if g.scheme.Format == tensor.NVFP4 {
		code := toE4M3(roundTo(g.from, largest/6))
		scale := fromE4M3(code)
		for i, x := range g.values {
			g.codes[i] = toE2M1(roundTo(g.from, x/scale))
		}
		return code
	}
	limit := float32(6)
	if g.scheme.Format == tensor.MXFP8 {
		limit = 448
	}
	exponent := 0
	if scale := roundTo(g.from, largest/limit); scale != 0 {
		fraction, e := math.Frexp(float64(scale))
		if exponent = e; fraction == 0.5 {
			exponent--
		}
	}
	// Below 2^-127 the reference wraps round to the largest scale there is.
	exponent = max(exponent, -127)
	// Dividing by a power of two is exact, there is nothing to be rounded
	// before the code is.
	inverse := float32(math.Ldexp(1, -exponent))
	if g.scheme.Format == tensor.MXFP8 {
		for i, x := range g.values {
			g.codes[i] = toE4M3(x * inverse)
		}
	} else {
		for i, x := range g.values {
			g.codes[i] = toE2M1(x * inverse)
		}
	}
	return uint8(exponent + 127)
}

// toE2M1 returns the nearest 4-bit code; halves go towards zero, and there is
// no negative zero. What a scale of zero makes, infinities and NaN, becomes 0.
func toE2M1(x float32) uint8 {
	bits := math.Float32bits(x)
	sign := uint8(bits >> 28 & 8)
	bits &= 0x7fffffff
	switch {
	case bits <= 0x3e800000 || bits >= 0x7f800000: // at most .25, or not finite
		return 0
	case bits <= 0x3f400000: // at most .75
		return sign | 1
	case bits > 0x40a00000: // more than 5
		return sign | 7
	case bits <= 0x3f800000:
		return sign | 2
	}
	// One bit of the fraction stays: 1, 1.5, 2, 3, 4, 6 have codes 2 to 7.
	return sign | uint8((bits+0x1fffff)>>22-127<<1+2)
}

// toE4M3 returns the nearest 8-bit code, halves to even, at most 448.
func toE4M3(x float32) uint8 {
	bits := math.Float32bits(x)
	sign := uint8(bits >> 24 & 0x80)
	bits &= 0x7fffffff
	a := math.Float32frombits(bits)
	switch {
	case a >= 448 || a != a:
		return sign | 0x7e
	case a < 1.0/64: // subnormal: whole multiples of 2^-9
		return sign | uint8(math.RoundToEven(float64(a)*512))
	}
	bits += 0x7ffff + bits>>20&1
	return sign | uint8(bits>>20-(127-7)<<3)
}

// fromE4M3 returns the value of a code without sign.
func fromE4M3(code uint8) float32 {
	exponent, fraction := int(code>>3), float64(code&7)
	if exponent == 0 {
		return float32(fraction / 512)
	}
	return float32(math.Ldexp(8+fraction, exponent-10))
}

// roundTo rounds to a plain format, halves to even.
func roundTo(f tensor.Format, x float32) float32 {
	switch f {
	case tensor.BF16:
		return math.Float32frombits(uint32(floatToBrain(x)) << 16)
	case tensor.F16:
		return halfToFloat(floatToHalf(x))
	}
	return x
}

// putFloat writes x in a plain format.
func putFloat(to []byte, f tensor.Format, x float32) {
	switch f {
	case tensor.BF16:
		binary.LittleEndian.PutUint16(to, floatToBrain(x))
	case tensor.F16:
		binary.LittleEndian.PutUint16(to, floatToHalf(x))
	default:
		binary.LittleEndian.PutUint32(to, math.Float32bits(x))
	}
}

// floatToBrain rounds to a bfloat16, halves to even.
func floatToBrain(x float32) uint16 {
	bits := math.Float32bits(x)
	if x != x {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// floatToHalf rounds to an IEEE 754 binary16, halves to even.
func floatToHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00
	case bits >= 0x477ff000: // 65520 and more
		return sign | 0x7c00
	case bits < 0x38800000: // below 2^-14: whole multiples of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(bits))*(1<<24)))
	}
	bits += 0xfff + bits>>13&1
	return sign | uint16(bits>>13-(127-15)<<10)
}
