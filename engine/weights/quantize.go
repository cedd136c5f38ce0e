package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"hark/engine/tensor"
)

// encodedBits are the widths of affine codes that mlx.core.quantize makes. One
// bit can be read but is never written.
var encodedBits = []int{2, 3, 4, 5, 6, 8}

// NewScheme returns the scheme of a mode, "affine", "mxfp4", "nvfp4" or
// "mxfp8", for Encode. Where bits or group is 0 it is the mode's own. The
// error says what the mode allows.
//
// Source: gemma4.md 4.3 and 4.4.
func NewScheme(mode string, bits, group int) (Scheme, error) {
	standard, ok := modes[mode]
	if !ok {
		return Scheme{}, fmt.Errorf("weights: mode %q, want affine, mxfp4, nvfp4 or mxfp8", mode)
	}
	s := standard
	if bits != 0 {
		s.Bits = bits
	}
	if group != 0 {
		s.Group = group
	}
	switch {
	case s.Format != tensor.Affine && s != standard:
		return Scheme{}, fmt.Errorf("weights: %s has %d bits and groups of %d, not %d and %d",
			mode, standard.Bits, standard.Group, s.Bits, s.Group)
	case s.Format == tensor.Affine && !slices.Contains(encodedBits, s.Bits):
		return Scheme{}, fmt.Errorf("weights: %d bits, want one of %v", s.Bits, encodedBits)
	case s.Format == tensor.Affine && !slices.Contains(affineGroups, s.Group):
		return Scheme{}, fmt.Errorf("weights: groups of %d, want one of %v", s.Group, affineGroups)
	}
	return s, nil
}

// Mode returns the name of the mode in config.json: "affine", "mxfp4", "nvfp4"
// or "mxfp8".
func (s Scheme) Mode() string { return modeNames[s.Format] }

// Sizes returns the bytes that Encode writes for a number of values in the
// plain format from. The number must be a multiple of the group; biases is 0
// but for affine.
func (s Scheme) Sizes(values int64, from tensor.Format) (codes, scales, biases int64) {
	codes, scales = values/8*int64(s.Bits), values/int64(s.Group)
	if s.Format == tensor.Affine {
		scales *= int64(from.Size())
		biases = scales
	}
	return codes, scales, biases
}

// Encode quantizes values, which lie in the plain format from (F32, F16 or
// BF16), and writes codes, scales and, for affine, biases. Each must have the
// length that Sizes says; codes, or scales and biases together, may be nil
// where the caller does not want them. Affine scales and biases are written in
// the format of the values.
//
// The values are whole groups. Since a group never crosses a row, rows need
// not be known, and pieces of a matrix give the bytes of the whole. Encode
// keeps no state and may run in several goroutines.
//
// The result is that of mlx.core.quantize on a CPU, bit for bit, in all modes
// and from all three formats; group.affine and group.float say how. NaN and
// infinities are a *ValueError, because no code stands for them.
//
// Source: gemma4.md 4.3 and 4.4; compared with mlx 0.32.4.
func (s Scheme) Encode(codes, scales, biases []byte, from tensor.Format, values []byte) error {
	size := from.Size()
	if size == 0 {
		return fmt.Errorf("weights: values in %v, want f32, f16 or bf16", from)
	}
	n := len(values) / size
	if len(values)%size != 0 || n%s.Group != 0 {
		return fmt.Errorf("weights: %d bytes of %v, want whole groups of %d values", len(values), from, s.Group)
	}
	wantCodes, wantScales, wantBiases := s.Sizes(int64(n), from)
	if codes != nil && int64(len(codes)) != wantCodes ||
		scales != nil && (int64(len(scales)) != wantScales || int64(len(biases)) != wantBiases) {
		return fmt.Errorf("weights: room for %d, %d and %d bytes, want %d, %d and %d",
			len(codes), len(scales), len(biases), wantCodes, wantScales, wantBiases)
	}
	g := group{from: from, scheme: s, values: make([]float32, s.Group), codes: make([]uint8, s.Group)}
	step := wantScales / max(1, int64(n/s.Group)) // bytes of one scale
	for i := range n / s.Group {
		if bad := g.load(values[i*s.Group*size:]); bad >= 0 {
			return &ValueError{Index: int64(i*s.Group + bad), Value: g.values[bad]}
		}
		at := int64(i) * step
		if s.Format == tensor.Affine {
			scale, bias := g.affine()
			if scales != nil {
				putFloat(scales[at:], from, scale)
				putFloat(biases[at:], from, bias)
			}
		} else if scale := g.float(); scales != nil {
			scales[at] = scale
		}
		if codes != nil {
			pack(codes[i*s.Group/8*s.Bits:], g.codes, s.Bits)
		}
	}
	return nil
}

// ValueError is a value that has no code: NaN or an infinity.
type ValueError struct {
	Index int64   // among the values that Encode was given
	Value float32 // what it is
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("weights: value %d is %v, which has no code", e.Index, e.Value)
}

// group is the work on one group of values.
type group struct {
	from   tensor.Format
	scheme Scheme
	values []float32
	codes  []uint8
}

// load widens the group's values. It returns the index of the first that is
// not finite, -1 if there is none.
func (g *group) load(data []byte) int {
	v := g.values
	switch g.from {
	case tensor.BF16:
		data = data[:2*len(v)]
		for i := range v {
			v[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	case tensor.F16:
		for i := range v {
			v[i] = halfToFloat(binary.LittleEndian.Uint16(data[2*i:]))
		}
	default:
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	}
	for i, x := range v {
		if x-x != 0 {
			return i
		}
	}
	return -1
}

// affine fills in the codes and returns scale and bias. Everything is float32,
// whatever the format of the values. The value that is farthest from zero is
// an exact multiple of the scale, so the scale may be negative.
func (g *group) affine() (scale, bias float32) {
	low, high := g.values[0], g.values[0]
	for _, x := range g.values {
		if x < low {
			low = x
		}
		if x > high {
			high = x
		}
	}
	top := int32(1)<<g.scheme.Bits - 1
	scale = max((high-low)/float32(top), 1e-7)
	edge := low
	if math.Abs(float64(low)) <= math.Abs(float64(high)) {
		scale, edge = -scale, high
	}
	if q := float32(math.RoundToEven(float64(edge / scale))); q != 0 {
		scale, bias = edge/q, edge
	}
	// Adding 1.5*2^23 rounds to whole numbers, half to even, and leaves them
	// in the lowest bits. Quotients are small: at most twice the largest code.
	const whole = 1 << 23 * 1.5
	zero := int32(math.Float32bits(whole))
	codes := g.codes[:len(g.values)]
	for i, x := range g.values {
		q := int32(math.Float32bits((x-bias)/scale+whole)) - zero
		codes[i] = uint8(min(max(q, 0), top))
	}
	return scale, bias
}

// pack writes codes of 2 to 8 bits as one bit string, least significant bit
// first. Eight codes fill as many bytes as each has bits.
func pack(to []byte, codes []uint8, bits int) {
	if bits == 8 {
		copy(to, codes)
		return
	}
	for ; len(codes) >= 8; codes, to = codes[8:], to[bits:] {
		c := codes[:8]
		word := uint64(c[0]) | uint64(c[1])<<bits | uint64(c[2])<<(2*bits) | uint64(c[3])<<(3*bits)
		word |= (uint64(c[4]) | uint64(c[5])<<bits | uint64(c[6])<<(2*bits) | uint64(c[7])<<(3*bits)) << (4 * bits)
		for i := range bits {
			to[i] = byte(word >> (8 * i))
		}
	}
}
