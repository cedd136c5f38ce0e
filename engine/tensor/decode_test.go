package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// u32 lays out words as a checkpoint does.
func u32(words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func u16(words ...uint16) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return b
}

func f32(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// decoded checks s and returns row r.
func decoded(t *testing.T, s *Stored, r int) []float32 {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, s.In())
	DecodeRow(dst, s, r)
	return dst
}

func TestDecodeRowOfPlainFormats(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		stored Stored
		row    int
		want   []float32
	}{
		{Stored{Shape: []int{2, 2}, Format: F32, Data: f32(1, 2, 3.5, -4)}, 1, []float32{3.5, -4}},
		{Stored{Shape: []int{2, 2}, Format: BF16, Data: u16(0x3f80, 0xc000, 0x4049, 0x8000)}, 0, []float32{1, -2}},
		{Stored{Shape: []int{2, 2}, Format: BF16, Data: u16(0x3f80, 0xc000, 0x4049, 0x8000)}, 1, []float32{3.140625, 0}},
		{Stored{Shape: []int{1, 4}, Format: F16, Data: u16(0x3c00, 0xc500, 0x7bff, 0x0001)}, 0, []float32{1, -5, 65504, 1.0 / (1 << 24)}},
		{Stored{Shape: []int{1, 3}, Format: F16, Data: u16(0x7c00, 0xfc00, 0x83ff)}, 0, []float32{inf, -inf, -1023.0 / (1 << 24)}},
		{Stored{Shape: []int{2, 2, 1}, Format: F32, Data: f32(1, 2, 3, 4)}, 2, []float32{3}},
	} {
		if got := decoded(t, &c.stored, c.row); !slices.Equal(got, c.want) {
			t.Errorf("%v row %d = %v, want %v", c.stored.Format, c.row, got, c.want)
		}
	}
}

func TestDecodeRowOfHalfNaN(t *testing.T) {
	s := Stored{Shape: []int{1, 1}, Format: F16, Data: u16(0x7e00)}
	if got := decoded(t, &s, 0)[0]; got == got {
		t.Errorf("got %v, want NaN", got)
	}
}

// TestDecodeRowOfAffineByHand has rows whose codes were packed by hand.
func TestDecodeRowOfAffineByHand(t *testing.T) {
	// 4 bits: word 0x76543210 holds the codes 0 to 7.
	s := Stored{
		Shape: []int{1, 32}, Format: Affine, Bits: 4, Group: 32, Scale: F32,
		Data:   u32(0x76543210, 0xfedcba98, 0, 0x0000000f),
		Scales: f32(0.5), Biases: f32(-1),
	}
	got := decoded(t, &s, 0)
	want := make([]float32, 32)
	for i := range want {
		want[i] = -1
		if i < 16 {
			want[i] = 0.5*float32(i) - 1
		}
	}
	want[24] = 6.5
	if !slices.Equal(got, want) {
		t.Errorf("4 bits: %v, want %v", got, want)
	}
	// 3 bits: the bytes 0x88 0xc6 0xfa are 11111010 11000110 10001000, so
	// from the right 000 001 010 011 100 101 110 111.
	s = Stored{
		Shape: []int{1, 32}, Format: Affine, Bits: 3, Group: 32, Scale: BF16,
		Data:   []byte{0x88, 0xc6, 0xfa, 0x88, 0xc6, 0xfa, 0x88, 0xc6, 0xfa, 0x88, 0xc6, 0xfa},
		Scales: u16(0xc000), Biases: u16(0x4120), // -2, 10
	}
	for i, v := range decoded(t, &s, 0) {
		if want := 10 - 2*float32(i%8); v != want {
			t.Errorf("3 bits: value %d = %v, want %v", i, v, want)
		}
	}
	// 8 bits, second group of the second row, halves as scales.
	s = Stored{
		Shape: []int{2, 64}, Format: Affine, Bits: 8, Group: 32, Scale: F16,
		Data:   make([]byte, 128),
		Scales: u16(0, 0, 0, 0x3800), Biases: u16(0, 0, 0, 0x3c00), // 0.5, 1
	}
	s.Data[127] = 255
	if got := decoded(t, &s, 1); got[31] != 0 || got[32] != 1 || got[63] != 128.5 {
		t.Errorf("8 bits: %v, %v, %v, want 0, 1, 128.5", got[31], got[32], got[63])
	}
}

// pack writes codes as a bit string, least significant bit first, one bit at a
// time.
func pack(codes []uint8, width int) []byte {
	packed := make([]byte, len(codes)*width/8)
	for i, code := range codes {
		for bit := range width {
			at := i*width + bit
			packed[at/8] |= code >> bit & 1 << (at % 8)
		}
	}
	return packed
}

func TestDecodeRowOfEveryAffineWidth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{1, 2, 3, 4, 5, 6, 8} {
		for _, group := range []int{32, 64, 128} {
			t.Run(fmt.Sprintf("q%dg%d", width, group), func(t *testing.T) {
				rows, in := 3, 2*group
				codes := make([]uint8, rows*in)
				for i := range codes {
					codes[i] = uint8(rng.UintN(1 << width))
				}
				scales, biases := make([]float32, 2*rows), make([]float32, 2*rows)
				for i := range scales {
					scales[i], biases[i] = rng.Float32()-0.5, rng.Float32()-0.5
				}
				s := Stored{
					Shape: []int{rows, in}, Format: Affine, Bits: width, Group: group, Scale: F32,
					Data: pack(codes, width), Scales: f32(scales...), Biases: f32(biases...),
				}
				for r := range rows {
					for i, got := range decoded(t, &s, r) {
						g := (r*in + i) / group
						want := float32(scales[g]*float32(codes[r*in+i])) + biases[g]
						if got != want {
							t.Fatalf("row %d value %d = %v, want %v", r, i, got, want)
						}
					}
				}
			})
		}
	}
}

func TestDecodeRowOfFloatCodes(t *testing.T) {
	codes := make([]byte, 32)
	for i := range codes[:16] {
		codes[i] = byte(2*i%16) | byte(2*i+1)%16<<4
	}
	fp4 := []float32{0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6}
	s := Stored{Shape: []int{1, 32}, Format: MXFP4, Group: 32, Data: codes[:16], Scales: []byte{130}}
	for i, got := range decoded(t, &s, 0) {
		if want := 8 * fp4[i%16]; got != want {
			t.Errorf("mxfp4 value %d = %v, want %v", i, got, want)
		}
	}
	// Scales 1.5 = 0x3c and 2^-9 = 0x01 in e4m3.
	s = Stored{Shape: []int{1, 32}, Format: NVFP4, Group: 16, Data: codes[:16], Scales: []byte{0x3c, 0x01}}
	for i, got := range decoded(t, &s, 0) {
		want := 1.5 * fp4[i%16]
		if i >= 16 {
			want = fp4[i%16] / 512
		}
		if got != want {
			t.Errorf("nvfp4 value %d = %v, want %v", i, got, want)
		}
	}
	copy(codes, []byte{0x00, 0x01, 0x07, 0x08, 0x38, 0x39, 0x7e, 0xb8, 0xfe, 0x81})
	s = Stored{Shape: []int{1, 32}, Format: MXFP8, Group: 32, Data: codes, Scales: []byte{128}}
	want := []float32{0, 2.0 / 512, 14.0 / 512, 16.0 / 512, 2, 2.25, 896, -2, -896, -2.0 / 512}
	if got := decoded(t, &s, 0)[:len(want)]; !slices.Equal(got, want) {
		t.Errorf("mxfp8 = %v, want %v", got, want)
	}
	codes[0] = 0x7f
	if got := decoded(t, &s, 0)[0]; got == got {
		t.Errorf("mxfp8 code 0x7f = %v, want NaN", got)
	}
}

func TestCheckNamesWhatDoesNotFit(t *testing.T) {
	good := Stored{
		Name: "w", Shape: []int{2, 64}, Format: Affine, Bits: 4, Group: 32, Scale: BF16,
		Data: make([]byte, 64), Scales: make([]byte, 8), Biases: make([]byte, 8),
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Stored)
		want   string
	}{
		{func(s *Stored) { s.Shape = []int{64} }, "shape [64], want 2 or 3 axes"},
		{func(s *Stored) { s.Shape = []int{0, 64} }, "out of range"},
		{func(s *Stored) { s.Shape = []int{1 << 32, 1 << 32} }, "out of range"},
		{func(s *Stored) { s.Data = s.Data[1:] }, "data of 63 bytes, want 64"},
		{func(s *Stored) { s.Scales = nil }, "scales of 0 bytes, want 8"},
		{func(s *Stored) { s.Biases = nil }, "biases of 0 bytes, want 8"},
		{func(s *Stored) { s.Bits = 7 }, "7 bits"},
		{func(s *Stored) { s.Group = 16 }, "groups of 16"},
		{func(s *Stored) { s.Shape = []int{2, 48} }, "multiple of the group, 32"},
		{func(s *Stored) { s.Scale = MXFP4 }, "scales as mxfp4"},
		{func(s *Stored) { s.Format = MXFP4; s.Group = 64 }, "groups of 64, want 32 for mxfp4"},
		{func(s *Stored) { s.Format = NVFP4; s.Group = 16; s.Shape = []int{2, 40} }, "multiple of the group, 16"},
		{func(s *Stored) { s.Format = BF16 }, "data of 64 bytes, want 256"},
		{func(s *Stored) { s.Format = 99 }, "unknown format(99)"},
	} {
		s := good
		c.change(&s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tensor: w: ") {
			t.Errorf("Check = %v, want an error with %q", err, c.want)
		}
	}
}

func TestDecodeRowPanicsOutOfRange(t *testing.T) {
	s := Stored{Shape: []int{2, 2}, Format: F32, Data: make([]byte, 16)}
	for _, c := range []struct{ row, width int }{{-1, 2}, {2, 2}, {0, 3}} {
		func() {
			defer func() {
				if _, ok := recover().(*ShapeError); !ok {
					t.Errorf("row %d to %d values did not panic with *ShapeError", c.row, c.width)
				}
			}()
			DecodeRow(make([]float32, c.width), &s, c.row)
		}()
	}
}

// FuzzCheck feeds matrices of any description: what passes Check decodes.
func FuzzCheck(f *testing.F) {
	f.Add(uint8(Affine), 4, 32, uint8(BF16), 2, 64, 64, 8, 8)
	f.Add(uint8(NVFP4), 0, 16, uint8(F32), 1, 16, 8, 1, 0)
	f.Fuzz(func(t *testing.T, format uint8, width, group int, scale uint8, out, in, data, scales, biases int) {
		const most = 1 << 12
		if data < 0 || scales < 0 || biases < 0 || data > most || scales > most || biases > most {
			return
		}
		s := Stored{
			Name: "f", Shape: []int{out, in}, Format: Format(format), Bits: width, Group: group, Scale: Format(scale),
			Data: make([]byte, data), Scales: make([]byte, scales), Biases: make([]byte, biases),
		}
		if s.Check() != nil {
			return
		}
		dst := make([]float32, in)
		for r := range out {
			DecodeRow(dst, &s, r)
		}
	})
}
