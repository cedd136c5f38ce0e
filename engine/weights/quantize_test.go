package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hark/engine/tensor"
)

// everyScheme are all that Encode can write.
func everyScheme(t testing.TB) []Scheme {
	t.Helper()
	var all []Scheme
	add := func(mode string, bits, group int) {
		s, err := NewScheme(mode, bits, group)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for _, bits := range encodedBits {
		for _, group := range affineGroups {
			add("affine", bits, group)
		}
	}
	add("mxfp4", 0, 0)
	add("mxfp8", 0, 0)
	add("nvfp4", 0, 0)
	return all
}

// encode quantizes all of values.
func encode(t testing.TB, s Scheme, from tensor.Format, values []byte) (codes, scales, biases []byte) {
	t.Helper()
	a, b, c := s.Sizes(int64(len(values)/from.Size()), from)
	codes, scales, biases = make([]byte, a), make([]byte, b), make([]byte, c)
	if err := s.Encode(codes, scales, biases, from, values); err != nil {
		t.Fatal(err)
	}
	return codes, scales, biases
}

// random returns values of a plain format around a few magnitudes.
func random(r *rand.Rand, from tensor.Format, n int) []byte {
	out := make([]byte, n*from.Size())
	for i := range n {
		x := float32(r.NormFloat64() * math.Pow(4, float64(i/256%5-3)))
		putFloat(out[i*from.Size():], from, x)
	}
	return out
}

// TestEncodeIsMLX compares with what tools/goldens/quantize.py had from MLX.
func TestEncodeIsMLX(t *testing.T) {
	data, err := os.ReadFile("testdata/quantize.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Memory("testdata", map[string][]byte{singleFile: data}))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, from := range []tensor.Format{tensor.F32, tensor.BF16, tensor.F16} {
		values, _ := c.Entry(from.String())
		for _, s := range everyScheme(t) {
			name := fmt.Sprintf("%v.%s.%d.%d", from, s.Mode(), s.Bits, s.Group)
			want, ok := c.Entry(name)
			if !ok {
				t.Errorf("%s: not in the goldens", name)
				continue
			}
			codes, scales, biases := encode(t, s, from, values.Data)
			got := slices.Concat(codes, scales, biases)
			if i := firstDifference(got, want.Data); i >= 0 {
				t.Errorf("%s: byte %d of %d codes, %d scales and %d biases differs, %d bytes of the reference",
					name, i, len(codes), len(scales), len(biases), len(want.Data))
			}
			compared++
		}
	}
	if want := 3 * 21; compared != want {
		t.Errorf("%d schemes and formats compared, want %d", compared, want)
	}
}

// firstDifference returns where a and b part, -1 if nowhere.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

func TestEncodePiecesEqualWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 128 * 20
	for _, s := range everyScheme(t) {
		values := random(r, tensor.BF16, n)
		codes, scales, biases := encode(t, s, tensor.BF16, values)
		gotCodes, gotScales, gotBiases := make([]byte, len(codes)), make([]byte, len(scales)), make([]byte, len(biases))
		for at := 0; at < n; {
			end := min(n, at+s.Group*(1+r.IntN(5)))
			c0, s0, b0 := s.Sizes(int64(at), tensor.BF16)
			c1, s1, b1 := s.Sizes(int64(end), tensor.BF16)
			piece := values[2*at : 2*end]
			// codes alone and scales alone must not need each other
			if err := s.Encode(gotCodes[c0:c1], nil, nil, tensor.BF16, piece); err != nil {
				t.Fatal(err)
			}
			if err := s.Encode(nil, gotScales[s0:s1], gotBiases[b0:b1], tensor.BF16, piece); err != nil {
				t.Fatal(err)
			}
			at = end
		}
		if !bytes.Equal(gotCodes, codes) || !bytes.Equal(gotScales, scales) || !bytes.Equal(gotBiases, biases) {
			t.Errorf("%v: pieces differ from the whole", s)
		}
	}
}

// TestDecodeEncodedIsNear bounds the error of each mode: half a step for
// affine, half the widest gap between codes for the others.
func TestDecodeEncodedIsNear(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n = 128 * 16
	values := random(r, tensor.F32, n)
	plain := tensor.Stored{Name: "plain", Shape: []int{16, 128}, Format: tensor.F32, Data: values}
	want, got := make([]float32, 128), make([]float32, 128)
	for _, s := range everyScheme(t) {
		stored := tensor.Stored{Name: "stored", Shape: []int{16, 128}, Format: s.Format, Group: s.Group, Scale: tensor.F32}
		stored.Data, stored.Scales, stored.Biases = encode(t, s, tensor.F32, values)
		if s.Format == tensor.Affine {
			stored.Bits = s.Bits
		} else {
			stored.Biases, stored.Scale = nil, 0
		}
		if err := stored.Check(); err != nil {
			t.Fatal(err)
		}
		for row := range 16 {
			tensor.DecodeRow(want, &plain, row)
			tensor.DecodeRow(got, &stored, row)
			for i := 0; i < 128; i += s.Group {
				checkNear(t, s, got[i:i+s.Group], want[i:i+s.Group])
			}
		}
	}
}

// checkNear compares one group with what it was made of.
func checkNear(t *testing.T, s Scheme, got, want []float32) {
	t.Helper()
	low, high := slices.Min(want), slices.Max(want)
	largest := max(high, -low)
	bound := largest / 4 // e2m1: codes 4 and 6, and the scale may be half too large
	switch {
	case s.Format == tensor.Affine:
		// The step grows when zero is made a code; the last code is clamped.
		bound = (high - low) / float32(int(1)<<s.Bits-1) * 1.01
		if s.Bits == 2 {
			bound *= 1.5
		}
	case s.Format == tensor.MXFP8:
		bound = largest / 16
	case s.Format == tensor.NVFP4:
		bound = largest/4 + 1./512*6 // e4m3 scales end at 2^-9
	}
	for i := range want {
		if d := float32(math.Abs(float64(got[i] - want[i]))); d > bound {
			t.Errorf("%v: %v decodes to %v, %v off, want at most %v", s, want[i], got[i], d, bound)
			return
		}
	}
	if s.Format == tensor.Affine && !slices.Contains(got, extreme(want)) {
		t.Errorf("%v: %v, the value farthest from zero, is not exact", s, extreme(want))
	}
}

// extreme returns the value farthest from zero.
func extreme(values []float32) float32 {
	return slices.MaxFunc(values, func(a, b float32) int {
		return int(math.Copysign(1, math.Abs(float64(a))-math.Abs(float64(b))))
	})
}

func TestEncodeRefusesWhatHasNoCode(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, from := range []tensor.Format{tensor.F32, tensor.BF16, tensor.F16} {
			values := make([]byte, 64*from.Size())
			putFloat(values[37*from.Size():], from, bad)
			for _, s := range everyScheme(t) {
				if s.Group == 128 {
					continue
				}
				codes, scales, biases := s.Sizes(64, from)
				err := s.Encode(make([]byte, codes), make([]byte, scales), make([]byte, biases), from, values)
				var value *ValueError
				if !errors.As(err, &value) || value.Index != 37 {
					t.Errorf("%v of %v with %v: error %v, want a ValueError at 37", s, from, bad, err)
				}
			}
		}
	}
}

func TestEncodeRefusesWrongLengths(t *testing.T) {
	s, _ := NewScheme("affine", 4, 64)
	room := make([]byte, 256)
	for name, err := range map[string]error{
		"half a group":    s.Encode(room[:16], room[:2], room[:2], tensor.BF16, make([]byte, 64)),
		"half a value":    s.Encode(room[:32], room[:2], room[:2], tensor.BF16, make([]byte, 127)),
		"codes short":     s.Encode(room[:31], room[:2], room[:2], tensor.BF16, make([]byte, 128)),
		"scales long":     s.Encode(room[:32], room[:4], room[:2], tensor.BF16, make([]byte, 128)),
		"no biases":       s.Encode(room[:32], room[:2], nil, tensor.BF16, make([]byte, 128)),
		"quantized twice": s.Encode(room[:32], room[:2], room[:2], tensor.Affine, make([]byte, 128)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNewScheme(t *testing.T) {
	for _, c := range []struct {
		mode        string
		bits, group int
		want        string // "" for an error
	}{
		{"affine", 0, 0, "affine, 4 bits, group 64"},
		{"affine", 3, 128, "affine, 3 bits, group 128"},
		{"affine", 1, 64, ""},
		{"affine", 7, 64, ""},
		{"affine", 4, 16, ""},
		{"mxfp4", 0, 0, "mxfp4, 4 bits, group 32"},
		{"mxfp4", 4, 32, "mxfp4, 4 bits, group 32"},
		{"mxfp4", 8, 32, ""},
		{"mxfp8", 0, 0, "mxfp8, 8 bits, group 32"},
		{"nvfp4", 0, 16, "nvfp4, 4 bits, group 16"},
		{"nvfp4", 4, 64, ""},
		{"int4", 4, 64, ""},
	} {
		s, err := NewScheme(c.mode, c.bits, c.group)
		if (err != nil) != (c.want == "") || err == nil && s.String() != c.want {
			t.Errorf("NewScheme(%s, %d, %d) = %v, %v, want %q", c.mode, c.bits, c.group, s, err, c.want)
		}
	}
}

// TestRoundToFormats walks through every 16-bit value and the halves between
// neighbours.
func TestRoundToFormats(t *testing.T) {
	for i := range 0x7c00 { // finite halves above zero
		x, next := halfToFloat(uint16(i)), halfToFloat(uint16(i+1))
		if i == 0x7bff {
			next = 65536
		}
		even := uint16(i + i&1)
		if floatToHalf(x) != uint16(i) || floatToHalf(-x) != uint16(i)|0x8000 || floatToHalf((x+next)/2) != even {
			t.Fatalf("half %#x: %v becomes %#x, the middle to %v becomes %#x, want %#x",
				i, x, floatToHalf(x), next, floatToHalf((x+next)/2), even)
		}
	}
	for i := range 0x7f80 {
		x := math.Float32frombits(uint32(i) << 16)
		if floatToBrain(x) != uint16(i) || floatToBrain(math.Float32frombits(uint32(i)<<16|0x8000)) != uint16(i+i&1) {
			t.Fatalf("brain float %#x does not come back", i)
		}
	}
	for i := range 0x7f {
		if got := toE4M3(fromE4M3(uint8(i))); got != uint8(i) {
			t.Fatalf("e4m3 %#x becomes %#x", i, got)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), uint8(3), uint8(1))
	f.Add(binary.LittleEndian.AppendUint32(make([]byte, 252), math.Float32bits(1e-40)), uint8(19), uint8(0))
	f.Fuzz(func(t *testing.T, values []byte, scheme, format uint8) {
		all := everyScheme(t)
		s := all[int(scheme)%len(all)]
		from := []tensor.Format{tensor.F32, tensor.F16, tensor.BF16}[format%3]
		unit := s.Group * from.Size()
		values = values[:len(values)/unit*unit]
		codes, scales, biases := s.Sizes(int64(len(values)/from.Size()), from)
		// an error is fine, a crash is not
		_ = s.Encode(make([]byte, codes), make([]byte, scales), make([]byte, biases), from, values)
	})
}

func BenchmarkEncode(b *testing.B) {
	values := random(rand.New(rand.NewPCG(5, 6)), tensor.BF16, 1<<18)
	for _, s := range everyScheme(b) {
		if s.Format == tensor.Affine && s.Group != 64 {
			continue
		}
		b.Run(fmt.Sprintf("mode=%s/bits=%d", s.Mode(), s.Bits), func(b *testing.B) {
			n, m, k := s.Sizes(1<<18, tensor.BF16)
			codes, scales, biases := make([]byte, n), make([]byte, m), make([]byte, k)
			b.SetBytes(int64(len(values)))
			for b.Loop() {
				if err := s.Encode(codes, scales, biases, tensor.BF16, values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
