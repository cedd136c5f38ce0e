package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// UnpackBF16 widens len(dst) little-endian bfloat16 values.
func UnpackBF16(dst []float32, src []byte) {
	need("UnpackBF16", "src", len(src), 2*len(dst))
	if len(dst) > 0 {
		unpackBF16(&dst[0], &src[0], len(dst))
	}
}

// UnpackQ4 decodes 4-bit codes, two a byte, low half first:
// dst[i] = scales[i/group]*q + biases[i/group]. group divides len(dst) and is
// a multiple of 32. The bits are those of tensor.DecodeRow.
func UnpackQ4(dst []float32, codes []byte, scales, biases []float32, group int) {
	groups := len(dst) / group
	need("UnpackQ4", "codes", len(codes), len(dst)/2)
	unpackCheck("UnpackQ4", len(dst), groups, group, scales, biases)
	if groups > 0 {
		unpackQ4(&dst[0], &codes[0], &scales[0], &biases[0], groups, group)
	}
}

// UnpackQ8 decodes 8-bit codes as UnpackQ4 does 4-bit ones.
func UnpackQ8(dst []float32, codes []byte, scales, biases []float32, group int) {
	groups := len(dst) / group
	need("UnpackQ8", "codes", len(codes), len(dst))
	unpackCheck("UnpackQ8", len(dst), groups, group, scales, biases)
	if groups > 0 {
		unpackQ8(&dst[0], &codes[0], &scales[0], &biases[0], groups, group)
	}
}

func unpackCheck(kernel string, n, groups, group int, scales, biases []float32) {
	if group%32 != 0 || groups*group != n {
		panic("kernel: " + kernel + ": values are not whole groups of a multiple of 32")
	}
	need(kernel, "scales", len(scales), groups)
	need(kernel, "biases", len(biases), groups)
}

// UnpackF32 copies len(dst) little-endian values.
func UnpackF32(dst []float32, src []byte) {
	need("UnpackF32", "src", len(src), 4*len(dst))
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func unpackBF16Generic(dst *float32, src *byte, n int) {
	out, in := at(dst, 0, n), unsafe.Slice(src, 2*n)
	for i := range out {
		out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(in[2*i:])) << 16)
	}
}

func unpackQ4Generic(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	s, b := at(scales, 0, groups), at(biases, 0, groups)
	for g := range groups {
		out := at(dst, g*group, group)
		in := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(codes), g*group/2)), group/2)
		var values [16]float32
		for q := range values {
			values[q] = float32(s[g]*float32(q)) + b[g]
		}
		for i, code := range in {
			out[2*i] = values[code&15]
			out[2*i+1] = values[code>>4]
		}
	}
}

func unpackQ8Generic(dst *float32, codes *byte, scales, biases *float32, groups, group int) {
	s, b := at(scales, 0, groups), at(biases, 0, groups)
	for g := range groups {
		out := at(dst, g*group, group)
		in := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(codes), g*group)), group)
		scale, bias := s[g], b[g]
		for i, code := range in {
			out[i] = float32(scale*float32(code)) + bias
		}
	}
}

// UnpackF16 widens len(dst) little-endian IEEE 754 halves.
func UnpackF16(dst []float32, src []byte) {
	need("UnpackF16", "src", len(src), 2*len(dst))
	if len(dst) > 0 {
		unpackF16(&dst[0], &src[0], len(dst))
	}
}

func unpackF16Generic(dst *float32, src *byte, n int) {
	out, in := at(dst, 0, n), unsafe.Slice(src, 2*n)
	for i := range out {
		half := uint32(binary.LittleEndian.Uint16(in[2*i:]))
		sign, size := half&0x8000<<16, half&0x7fff<<13
		if size >= 0x7c00<<13 { // infinity or NaN
			out[i] = math.Float32frombits(sign | 0x7f800000 | size)
			continue
		}
		// The exponent's bias is 15 in one format and 127 in the other.
		value := math.Float32frombits(size) * (1 << 112)
		out[i] = math.Float32frombits(sign | math.Float32bits(value))
	}
}
