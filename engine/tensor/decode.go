package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Size returns the bytes of one value, 0 for the packed formats.
func (f Format) Size() int {
	switch f {
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	return 0
}

// String returns the name that checkpoints use.
func (f Format) String() string {
	switch f {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case BF16:
		return "bf16"
	case Affine:
		return "affine"
	case MXFP4:
		return "mxfp4"
	case MXFP8:
		return "mxfp8"
	case NVFP4:
		return "nvfp4"
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// maxValues bounds the values of one matrix, so that no product of sizes read
// from a file overflows.
const maxValues = 1 << 40

// In returns the length of a row, the last axis. Shape must not be empty.
func (s *Stored) In() int { return s.Shape[len(s.Shape)-1] }

// Rows returns the number of rows, all axes but the last multiplied.
func (s *Stored) Rows() int {
	n := 1
	for _, size := range s.Shape[:len(s.Shape)-1] {
		n *= size
	}
	return n
}

// Check returns an error unless the shape is [out, in] or [E, out, in], the
// format is one of the published ones, and each byte slice has exactly the
// length that they call for.
func (s *Stored) Check() error {
	if len(s.Shape) != 2 && len(s.Shape) != 3 {
		return fmt.Errorf("tensor: %s: shape %v, want 2 or 3 axes", s.Name, s.Shape)
	}
	values := 1
	for _, size := range s.Shape {
		if size < 1 || size > maxValues/values {
			return fmt.Errorf("tensor: %s: shape %v out of range", s.Name, s.Shape)
		}
		values *= size
	}
	switch s.Format {
	case F32, F16, BF16:
		return s.checkBytes(values*s.Format.Size(), 0, 0)
	case Affine:
		return s.checkAffine(values)
	case MXFP4:
		return s.checkFloat(values, 4, 32)
	case MXFP8:
		return s.checkFloat(values, 8, 32)
	case NVFP4:
		return s.checkFloat(values, 4, 16)
	}
	return fmt.Errorf("tensor: %s: unknown %v", s.Name, s.Format)
}

func (s *Stored) checkAffine(values int) error {
	switch s.Bits {
	case 1, 2, 3, 4, 5, 6, 8:
	default:
		return fmt.Errorf("tensor: %s: %d bits, want 1, 2, 3, 4, 5, 6 or 8", s.Name, s.Bits)
	}
	switch s.Group {
	case 32, 64, 128:
	default:
		return fmt.Errorf("tensor: %s: groups of %d, want 32, 64 or 128", s.Name, s.Group)
	}
	size := s.Scale.Size()
	if size == 0 {
		return fmt.Errorf("tensor: %s: scales as %v, want f32, f16 or bf16", s.Name, s.Scale)
	}
	if s.In()%s.Group != 0 {
		return fmt.Errorf("tensor: %s: rows of %d, want a multiple of the group, %d", s.Name, s.In(), s.Group)
	}
	groups := values / s.Group
	return s.checkBytes(values/8*s.Bits, groups*size, groups*size)
}

func (s *Stored) checkFloat(values, bits, group int) error {
	if s.Group != group {
		return fmt.Errorf("tensor: %s: groups of %d, want %d for %v", s.Name, s.Group, group, s.Format)
	}
	if s.In()%group != 0 {
		return fmt.Errorf("tensor: %s: rows of %d, want a multiple of the group, %d", s.Name, s.In(), group)
	}
	return s.checkBytes(values/8*bits, values/group, 0)
}

func (s *Stored) checkBytes(data, scales, biases int) error {
	if len(s.Data) != data {
		return fmt.Errorf("tensor: %s: data of %d bytes, want %d", s.Name, len(s.Data), data)
	}
	if len(s.Scales) != scales {
		return fmt.Errorf("tensor: %s: scales of %d bytes, want %d", s.Name, len(s.Scales), scales)
	}
	if len(s.Biases) != biases {
		return fmt.Errorf("tensor: %s: biases of %d bytes, want %d", s.Name, len(s.Biases), biases)
	}
	return nil
}

// DecodeRow writes the values of one row of s to dst [in]. Rows of a stack
// [E, out, in] count through: row e*out+o is row o of matrix e. s must have
// passed Check.
//
// It is the portable reference: a backend may be faster but decodes every
// format to these values, except that it may round scale*q+bias once instead
// of twice.
func DecodeRow(dst []float32, s *Stored, row int) {
	in := s.In()
	if len(dst) != in || row < 0 || row >= s.Rows() {
		panic(&ShapeError{Op: "DecodeRow " + s.Name, Got: []int{row, len(dst)}, Want: []int{s.Rows(), in}})
	}
	switch s.Format {
	case F32, F16, BF16:
		decodePlain(dst, s.Format, s.Data, row*in)
	case Affine:
		decodeAffine(dst, s, row)
	case MXFP4:
		decodeFP4(dst, s.Data[row*in/2:], s.Scales[row*in/32:], 32, &e8m0)
	case NVFP4:
		decodeFP4(dst, s.Data[row*in/2:], s.Scales[row*in/16:], 16, &e4m3)
	case MXFP8:
		codes, scales := s.Data[row*in:], s.Scales[row*in/32:]
		for i := range dst {
			dst[i] = e4m3[codes[i]] * e8m0[scales[i/32]]
		}
	}
}

// decodePlain reads len(dst) values of an unquantized format, from value
// number first on.
func decodePlain(dst []float32, f Format, data []byte, first int) {
	data = data[first*f.Size():]
	switch f {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = float16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	}
}

// decodeAffine walks a row's bit string: value i is bits i*Bits to (i+1)*Bits,
// least significant first. A group starts on a byte, as groups are multiples
// of 32 values.
func decodeAffine(dst []float32, s *Stored, row int) {
	groups := len(dst) / s.Group
	var scale, bias [1]float32
	codes := s.Data[row*len(dst)/8*s.Bits:]
	mask := uint32(1)<<s.Bits - 1
	for g := range groups {
		decodePlain(scale[:], s.Scale, s.Scales, row*groups+g)
		decodePlain(bias[:], s.Scale, s.Biases, row*groups+g)
		var word uint32 // bits not yet used
		have, next := 0, g*s.Group/8*s.Bits
		for i := g * s.Group; i < (g+1)*s.Group; i++ {
			if have < s.Bits {
				word |= uint32(codes[next]) << have
				have += 8
				next++
			}
			dst[i] = float32(scale[0]*float32(word&mask)) + bias[0]
			word >>= s.Bits
			have -= s.Bits
		}
	}
}

// decodeFP4 decodes e2m1 codes, two a byte, low half first.
func decodeFP4(dst []float32, codes, scales []byte, group int, scale *[256]float32) {
	for i := range dst {
		code := codes[i/2] >> (i % 2 * 4) & 15
		dst[i] = e2m1[code] * scale[scales[i/group]]
	}
}

// e2m1 holds the values of the 4-bit codes.
var e2m1 = [16]float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}

// e8m0 and e4m3 hold the values of the 8-bit codes.
var e8m0, e4m3 = tables()

func tables() (e8m0, e4m3 [256]float32) {
	for i := range 256 {
		e8m0[i] = float32(math.Ldexp(1, i-127))
		exponent, mantissa := i>>3&15, float64(i&7)
		value := math.Ldexp(mantissa, -9)
		if exponent > 0 {
			value = math.Ldexp(8+mantissa, exponent-10)
		}
		if i&127 == 127 {
			value = math.NaN()
		}
		e4m3[i] = float32(math.Copysign(value, 127.5-float64(i)))
	}
	return e8m0, e4m3
}

// float16 widens an IEEE 754 half.
func float16(half uint16) float32 {
	sign := uint32(half&0x8000) << 16
	exponent, mantissa := uint32(half>>10&31), uint32(half&1023)
	switch exponent {
	case 0: // zero or subnormal: mantissa * 2^-24
		value := math.Float32bits(float32(mantissa) / (1 << 24))
		return math.Float32frombits(sign | value)
	case 31: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}
