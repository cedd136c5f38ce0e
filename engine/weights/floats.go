package weights

import (
	"encoding/binary"
	"math"

	"hark/engine/tensor"
)

// floatFormat returns the Format of a matrix of plain floats.
func floatFormat(dtype string) (tensor.Format, bool) {
	switch dtype {
	case "F32":
		return tensor.F32, true
	case "F16":
		return tensor.F16, true
	case "BF16":
		return tensor.BF16, true
	}
	return 0, false
}

// widen appends the values of a float tensor to dst. It reports false for
// other types.
func widen(dst []float32, dtype string, data []byte) ([]float32, bool) {
	switch dtype {
	case "F32":
		for i := 0; i+4 <= len(data); i += 4 {
			dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(data[i:])))
		}
	case "BF16":
		for i := 0; i+2 <= len(data); i += 2 {
			dst = append(dst, math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[i:]))<<16))
		}
	case "F16":
		for i := 0; i+2 <= len(data); i += 2 {
			dst = append(dst, halfToFloat(binary.LittleEndian.Uint16(data[i:])))
		}
	case "F64":
		for i := 0; i+8 <= len(data); i += 8 {
			dst = append(dst, float32(math.Float64frombits(binary.LittleEndian.Uint64(data[i:]))))
		}
	default:
		return dst, false
	}
	return dst, true
}

// halfToFloat widens an IEEE 754 binary16, exactly.
func halfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // zero and subnormals: fraction * 2^-24
		v := math.Float32bits(float32(fraction) * (1.0 / (1 << 24)))
		return math.Float32frombits(sign | v)
	case 31: // infinity and NaN
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
