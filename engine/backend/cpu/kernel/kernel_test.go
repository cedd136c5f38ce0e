package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu/isa"
	"hark/engine/tensor"
)

// each runs test with every implementation that this processor has.
// HARK_REQUIRE_ISA, a list like "avx2,avx512", makes a missing one a failure.
func each(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	available := isa.Available()
	for _, name := range strings.FieldsFunc(os.Getenv("HARK_REQUIRE_ISA"), func(r rune) bool { return r == ',' }) {
		if !slices.ContainsFunc(available, func(l isa.Level) bool { return l.String() == name }) {
			t.Errorf("%s is required but not available", name)
		}
	}
	for _, l := range available {
		t.Run("impl="+l.String(), func(t *testing.T) {
			defer isa.Use(isa.Use(l))
			test(t)
		})
	}
}

// canary marks memory that a kernel must leave alone.
const canary = 12345.678

// guarded returns n values inside a slice with canaries on both sides, offset
// values into it, and a function that checks the canaries.
func guarded(t *testing.T, n, offset int) (values []float32, check func()) {
	all := make([]float32, n+offset+40)
	for i := range all {
		all[i] = canary
	}
	values = all[20+offset : 20+offset+n : 20+offset+n]
	return values, func() {
		t.Helper()
		for i, v := range all {
			if (i < 20+offset || i >= 20+offset+n) && v != canary {
				t.Fatalf("n=%d: value %d outside the slice was written", n, i-20-offset)
			}
		}
	}
}

func fill(rng *rand.Rand, values []float32) []float32 {
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	return values
}

// exactDot returns Σa·b and Σ|a·b|.
func exactDot(a, b []float32) (sum, size float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		sum += p
		size += math.Abs(p)
	}
	return sum, size
}

// dotBound is the error that MatMul promises, relative to Σ|a·b|.
func dotBound(n int) float64 {
	lanes := 8
	if isa.Current() == isa.AVX512 {
		lanes = 16
	}
	return float64(n/lanes+8) / (1 << 24)
}

func TestDotWithinBoundAtEveryLength(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for n := range 301 {
			for offset := range 3 {
				a := fill(rng, make([]float32, n+offset))[offset:]
				b := fill(rng, make([]float32, n+2*offset))[2*offset:]
				want, size := exactDot(a, b)
				if got := Dot(a, b); math.Abs(float64(got)-want) > dotBound(n)*size {
					t.Fatalf("n=%d: %v, want %v within %v", n, got, want, dotBound(n)*size)
				}
			}
		}
	})
}

func TestDotOfExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	each(t, func(t *testing.T) {
		for _, n := range []int{1, 5, 16, 17, 100} {
			for at := range n {
				for _, c := range []struct{ x, y, want float32 }{
					{inf, 1, inf}, {inf, -1, -inf}, {nan, 1, nan}, {inf, 0, nan},
					{math.MaxFloat32, 1, math.MaxFloat32}, {math.MaxFloat32, 2, inf},
					{math.SmallestNonzeroFloat32, 1, math.SmallestNonzeroFloat32}, {0, 5, 0},
				} {
					a, b := make([]float32, n), make([]float32, n)
					a[at], b[at] = c.x, c.y
					got := Dot(a, b)
					if got != c.want && !(got != got && c.want != c.want) {
						t.Fatalf("n=%d: %v*%v at %d gives %v, want %v", n, c.x, c.y, at, got, c.want)
					}
				}
			}
		}
	})
}

// TestMatMulBitsDoNotDependOnTheBatch compares all shapes with Dot, bit for
// bit, over strided and misaligned operands.
func TestMatMulBitsDoNotDependOnTheBatch(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for n := range 301 {
			rows, outs := 1+n%9, 1+n%11
			xStride, wStride, dstStride := n+n%3, n+n%5, outs+n%4
			x := fill(rng, make([]float32, rows*xStride+1))[1:]
			w := fill(rng, make([]float32, outs*wStride+3))[3:]
			dst, check := guarded(t, span(rows, dstStride, outs), n%3)
			MatMul(Matrix{dst, dstStride}, Matrix{x, xStride}, Matrix{w, wStride}, rows, outs, n)
			check()
			for r := range rows {
				for o := range outs {
					want := Dot(x[r*xStride:][:n], w[o*wStride:][:n])
					if got := dst[r*dstStride+o]; got != want {
						t.Fatalf("n=%d rows=%d outs=%d: (%d, %d) = %v, Dot gives %v", n, rows, outs, r, o, got, want)
					}
				}
				for o := outs; o < dstStride && r < rows-1; o++ {
					if dst[r*dstStride+o] != canary {
						t.Fatalf("n=%d: column %d of %d was written", n, o, outs)
					}
				}
			}
		}
	})
}

func TestMixWithinBoundAtEveryWidth(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		for width := range 301 {
			n := 1 + width%67
			dStride, pStride, vStride := width+width%3, n+width%5, width+width%4
			dst, check := guarded(t, span(tile, dStride, width), width%3)
			fill(rng, dst)
			before := slices.Clone(dst)
			p, v := fill(rng, make([]float32, 4*pStride+1))[1:], fill(rng, make([]float32, n*vStride+3))[3:]
			Mix(Matrix{dst, dStride}, Matrix{p, pStride}, Matrix{v, vStride}, n, width)
			check()
			for r := range tile {
				for d := range width {
					want := float64(before[r*dStride+d])
					size := math.Abs(want)
					for j := range n {
						x := float64(p[r*pStride+j]) * float64(v[j*vStride+d])
						want += x
						size += math.Abs(x)
					}
					got := dst[r*dStride+d]
					if math.Abs(float64(got)-want) > float64(n+1)/(1<<23)*size {
						t.Fatalf("width=%d n=%d: (%d, %d) = %v, want %v", width, n, r, d, got, want)
					}
				}
			}
			for r := range tile - 1 {
				for d := width; d < dStride; d++ {
					if dst[r*dStride+d] != before[r*dStride+d] {
						t.Fatalf("width=%d: value %d between rows was written", width, d)
					}
				}
			}
		}
	})
}

func TestMixInPiecesEqualsWhole(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		const n, width = 50, 83
		p, v := fill(rng, make([]float32, 4*n)), fill(rng, make([]float32, n*width))
		whole, pieces := make([]float32, 4*width), make([]float32, 4*width)
		Mix(Matrix{whole, width}, Matrix{p, n}, Matrix{v, width}, n, width)
		for from := 0; from < n; from += 7 {
			Mix(Matrix{pieces, width}, Matrix{p[from:], n}, Matrix{v[from*width:], width}, min(7, n-from), width)
		}
		if !slices.Equal(pieces, whole) {
			t.Error("pieces of 7 rows give other bits than all rows at once")
		}
	})
}

// ulps returns how many units in the last place of want got is off; below
// 2^-126 the unit is 2^-149.
func ulps(got float32, want float64) float64 {
	_, exponent := math.Frexp(want)
	unit := math.Ldexp(1, max(exponent-24, -149))
	return math.Abs(float64(got)-want) / unit
}

func TestExpWithinTwoUlps(t *testing.T) {
	each(t, func(t *testing.T) {
		worst, at := 0.0, float32(0)
		var x []float32
		for v := -105.0; v < 88.72; v += 0.00037 {
			x = append(x, float32(v))
		}
		for v := -1.0; v < 1; v += 0.0000031 {
			x = append(x, float32(v))
		}
		got := slices.Clone(x)
		Exp(got, 0)
		for i, v := range x {
			if u := ulps(got[i], math.Exp(float64(v))); !(u <= worst) {
				worst, at = u, v
			}
		}
		if !(worst <= 2) {
			t.Errorf("exp(%v) is off by %.2f units in the last place", at, worst)
		}
		t.Logf("worst error %.3f units in the last place", worst)
	})
}

func TestExpOfExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	each(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 16, 33} {
			for _, c := range []struct{ x, shift, want float32 }{
				{0, 0, 1}, {inf, 0, inf}, {-inf, 0, 0}, {nan, 0, nan}, {89, 0, inf}, {-110, 0, 0},
				{1e30, 0, inf}, {-1e30, 0, 0}, {5, 5, 1}, {-inf, 3, 0}, {1000, 1000, 1},
			} {
				x := make([]float32, n)
				for i := range x {
					x[i] = c.x
				}
				sum := Exp(x, c.shift)
				for i, got := range x {
					if got != c.want && !(got != got && c.want != c.want) {
						t.Fatalf("exp(%v-%v) in place %d of %d = %v, want %v", c.x, c.shift, i, n, got, c.want)
					}
				}
				if want := float32(n) * c.want; sum != want && !(sum != sum && want != want) {
					t.Fatalf("sum of %d exp(%v-%v) = %v, want %v", n, c.x, c.shift, sum, want)
				}
			}
		}
	})
}

// TestExpDoesNotDependOnPlace checks bits and sums at every length.
func TestExpDoesNotDependOnPlace(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 5))
		for n := range 301 {
			x, check := guarded(t, n, n%3)
			fill(rng, x)
			before := slices.Clone(x)
			sum, want := Exp(x, 0.25), 0.0
			check()
			for i, v := range before {
				one := []float32{v}
				Exp(one, 0.25)
				if x[i] != one[0] {
					t.Fatalf("n=%d: value %d = %v, alone %v", n, i, x[i], one[0])
				}
				want += float64(one[0])
			}
			if math.Abs(float64(sum)-want) > float64(n/4+8)/(1<<24)*want {
				t.Fatalf("n=%d: sum %v, want %v", n, sum, want)
			}
		}
	})
}

func TestMaxAtEveryLength(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 9))
		for n := 1; n <= 300; n++ {
			x := fill(rng, make([]float32, n+3))[n%3 : n+n%3]
			for i := range x {
				x[i] -= 10
			}
			if got, want := Max(x), slices.Max(x); got != want {
				t.Fatalf("n=%d: %v, want %v", n, got, want)
			}
			for at := range x {
				before := x[at]
				x[at] = 5
				if got := Max(x); got != 5 {
					t.Fatalf("n=%d: %v with 5 in place %d", n, got, at)
				}
				x[at] = before
			}
		}
		inf := float32(math.Inf(1))
		if got := Max([]float32{-inf, -inf}); got != -inf {
			t.Errorf("Max of -Inf = %v", got)
		}
		if got := Max([]float32{1, inf, 2}); got != inf {
			t.Errorf("Max of Inf = %v", got)
		}
		if got := Max(nil); got != -inf {
			t.Errorf("Max of nothing = %v", got)
		}
	})
}

// TestActivationsAgainstFloat64 checks the relative error, from tiny to large
// values.
func TestActivationsAgainstFloat64(t *testing.T) {
	gelu := func(x float64) float64 {
		u := math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
		return x / (1 + math.Exp(-2*u))
	}
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	each(t, func(t *testing.T) {
		var x []float32
		for v := 1e-9; v < 80; v *= 1.003 {
			x = append(x, float32(v), float32(-v))
		}
		x = append(x, 0, 0.5, -0.5, 0.55, -0.55)
		ones := make([]float32, len(x))
		for i := range ones {
			ones[i] = 1
		}
		for _, c := range []struct {
			name string
			run  func(dst []float32)
			want func(float64) float64
		}{
			{"GELU", func(dst []float32) { GELU(dst, x, nil) }, gelu},
			{"GELU*1", func(dst []float32) { GELU(dst, x, ones) }, gelu},
			{"sigmoid", func(dst []float32) { SigmoidMul(dst, nil, x) }, sigmoid},
			{"SiLU", func(dst []float32) { SigmoidMul(dst, x, x) }, func(x float64) float64 { return x * sigmoid(x) }},
			{"tanh", func(dst []float32) { SoftCap(dst, x, 1) }, math.Tanh},
			{"cap 30", func(dst []float32) { SoftCap(dst, x, 30) }, func(x float64) float64 { return 30 * math.Tanh(x/30) }},
		} {
			dst := make([]float32, len(x))
			c.run(dst)
			for i, v := range x {
				want := c.want(float64(v))
				// exp(-2u) magnifies the rounding of u where GELU is tiny.
				bound := 6e-7 * math.Abs(want) * max(1, math.Abs(float64(v))/2)
				if c.name[:2] == "GE" && v < -2 {
					bound = 1e-6
				}
				if d := math.Abs(float64(dst[i]) - want); !(d <= bound+1e-38) {
					t.Fatalf("%s(%v) = %v, want %v, off by %.2g of it", c.name, v, dst[i], want, d/math.Abs(want))
				}
			}
		}
	})
}

func TestUnpackHalvesAtEveryLength(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		for n := range 301 {
			src := make([]byte, 2*n+5)[1+n%4:]
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			src = src[: 2*n : 2*n]
			for _, c := range []struct {
				format tensor.Format
				unpack func([]float32, []byte)
			}{{tensor.BF16, UnpackBF16}, {tensor.F16, UnpackF16}} {
				dst, check := guarded(t, n, n%3)
				c.unpack(dst, src)
				check()
				if n > 0 {
					s := tensor.Stored{Shape: []int{1, n}, Format: c.format, Data: src}
					sameRow(t, dst, &s, 0)
				}
			}
		}
	})
}

// TestUnpackF16OfEveryHalf covers infinities, NaNs and denormals.
func TestUnpackF16OfEveryHalf(t *testing.T) {
	each(t, func(t *testing.T) {
		var src []byte
		for half := range 1 << 16 {
			src = binary.LittleEndian.AppendUint16(src, uint16(half))
		}
		dst := make([]float32, 1<<16)
		UnpackF16(dst, src)
		sameRow(t, dst, &tensor.Stored{Shape: []int{1, 1 << 16}, Format: tensor.F16, Data: src}, 0)
	})
}

func TestUnpackCodesEqualsDecodeRow(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 7))
		for _, width := range []int{4, 8} {
			for _, group := range []int{32, 64, 128} {
				for groups := range 9 {
					n := groups * group
					scales, biases := fill(rng, make([]float32, groups)), fill(rng, make([]float32, groups))
					codes := make([]byte, n*width/8+1)[1:]
					for i := range codes {
						codes[i] = byte(rng.Uint32())
					}
					dst, check := guarded(t, n, groups%3)
					if width == 4 {
						UnpackQ4(dst, codes, scales, biases, group)
					} else {
						UnpackQ8(dst, codes, scales, biases, group)
					}
					check()
					if n > 0 {
						s := tensor.Stored{
							Shape: []int{1, n}, Format: tensor.Affine, Bits: width, Group: group, Scale: tensor.F32,
							Data: codes, Scales: bytesOf(scales), Biases: bytesOf(biases),
						}
						sameRow(t, dst, &s, 0)
					}
				}
			}
		}
	})
}

func bytesOf(values []float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// sameRow fails unless got has the bits that tensor.DecodeRow gives; any NaN
// is as good as another.
func sameRow(t *testing.T, got []float32, s *tensor.Stored, row int) {
	t.Helper()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	want := make([]float32, s.In())
	tensor.DecodeRow(want, s, row)
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && !(v != v && want[i] != want[i]) {
			t.Fatalf("%v: value %d of %d = %v, want %v", s.Format, i, len(got), v, want[i])
		}
	}
}

func TestShortOperandsPanic(t *testing.T) {
	x := make([]float32, 10)
	for name, f := range map[string]func(){
		"Dot":        func() { Dot(x, x[:9]) },
		"MatMul dst": func() { MatMul(Matrix{x[:3], 2}, Matrix{x, 5}, Matrix{x, 5}, 2, 2, 5) },
		"MatMul x":   func() { MatMul(Matrix{x, 2}, Matrix{x, 6}, Matrix{x, 5}, 2, 2, 5) },
		"MatMul w":   func() { MatMul(Matrix{x, 2}, Matrix{x, 5}, Matrix{x[:9], 5}, 2, 2, 5) },
		"Mix":        func() { Mix(Matrix{x, 2}, Matrix{x, 2}, Matrix{x, 6}, 2, 5) },
		"BF16":       func() { UnpackBF16(x, make([]byte, 19)) },
		"F16":        func() { UnpackF16(x, make([]byte, 19)) },
		"Q4":         func() { UnpackQ4(make([]float32, 32), make([]byte, 15), x, x, 32) },
		"Q8":         func() { UnpackQ8(make([]float32, 64), make([]byte, 64), x[:1], x, 32) },
		"Q8 group":   func() { UnpackQ8(make([]float32, 48), make([]byte, 48), x, x, 48) },
		"GELU":       func() { GELU(x, x[:9], nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: short operand did not panic", name)
				}
			}()
			f()
		}()
	}
}
