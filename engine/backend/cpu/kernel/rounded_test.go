package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hark/engine/backend/cpu/isa"
)

// eachRounded runs test with every implementation, those for AVX-512 also
// without VNNI.
func eachRounded(t *testing.T, test func(t *testing.T)) {
	each(t, test)
	if vnniOff() {
		defer isa.Use(isa.Current()) // switches it on again
		t.Run("impl=avx512 without vnni", test)
	}
}

// round makes the rounded form of all rows.
func round(f Format, x Matrix, rows, n, group int) *Rounded {
	r := &Rounded{Format: f, Rows: rows, N: n, Group: (&Packed{Group: group}).RoundedGroup()}
	values, factors := r.Sizes()
	r.Data, r.Scales, r.Sums = make([]int8, values), make([]float32, factors), make([]float32, factors)
	r.Round(x, 0, rows)
	return r
}

// value returns value i of row t.
func (r *Rounded) value(t, i int) float64 {
	scale, _ := r.factors(t, i/r.Group)
	return float64(r.at(t, i)) * float64(scale)
}

func TestRoundIsAtMostHalfAStepOff(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(41, 1))
		for i := range 40 {
			f, group, rows, n := Format(i%2), []int{32, 64, 128}[i%3], 1+i%3, 128*(1+rng.IntN(8))
			x := fill(rng, make([]float32, rows*n))
			for k := range x {
				x[k] *= float32(math.Exp(4 * rng.NormFloat64())) // some far out
			}
			r := round(f, Matrix{x, n}, rows, n, group)
			for k, v := range x {
				g := k / r.Group
				greatest := slices.MaxFunc(x[g*r.Group:(g+1)*r.Group], func(a, b float32) int {
					return int(math.Copysign(1, math.Abs(float64(a))-math.Abs(float64(b))))
				})
				step := math.Abs(float64(greatest)) / 127
				if d := math.Abs(r.value(k/n, k%n) - float64(v)); d > step*0.50001 {
					t.Fatalf("%s, group %d: %v becomes %v, %v off, half a step is %v", formatNames[f], group, v, r.value(k/n, k%n), d, step/2)
				}
			}
			for g := range rows * n / r.Group {
				row, want := g*r.Group/n, 0.0
				for k := range r.Group {
					want += r.value(row, g*r.Group%n+k)
				}
				_, sum := r.factors(row, g%(n/r.Group))
				if math.Abs(float64(sum)-want) > 1e-4*(1+math.Abs(want)) {
					t.Fatalf("sum of group %d is %v, want %v", g, sum, want)
				}
			}
		}
	})
}

func TestRoundOfExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	each(t, func(t *testing.T) {
		for _, group := range []int{32, 64} {
			for at := range 64 {
				for _, c := range []struct {
					value  float32
					finite bool
				}{{0, true}, {1e-40, true}, {-1e-33, true}, {math.MaxFloat32, true}, {-127, true}, {inf, false}, {-inf, false}, {nan, false}} {
					x := make([]float32, 64)
					x[at] = c.value
					r := round(Q8, Matrix{x, 64}, 1, 64, group)
					scale, _ := r.factors(0, at/group)
					if (scale-scale == 0) != c.finite {
						t.Fatalf("scale of a group with %v is %v", c.value, scale)
					}
					if c.finite && math.Abs(r.value(0, at)-float64(c.value)) > 1e-6*math.Abs(float64(c.value))+roundedTiny {
						t.Fatalf("%v becomes %v", c.value, r.value(0, at))
					}
				}
			}
		}
	})
}

// TestRoundAgreesWithPlainGo compares the bits.
func TestRoundAgreesWithPlainGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 1))
	x := fill(rng, make([]float32, 5*320))
	for _, f := range []Format{Q4, Q8} {
		for _, group := range []int{32, 64} {
			before := isa.Use(isa.Generic)
			want := round(f, Matrix{x, 320}, 5, 320, group)
			isa.Use(before)
			eachRounded(t, func(t *testing.T) {
				got := round(f, Matrix{x, 320}, 5, 320, group)
				for row := range 5 {
					for i := range 320 {
						gotScale, gotSum := got.factors(row, i/group)
						wantScale, wantSum := want.factors(row, i/group)
						if got.at(row, i) != want.at(row, i) || gotScale != wantScale || gotSum != wantSum {
							t.Fatalf("%s in groups of %d: other values than plain Go", formatNames[f], group)
						}
					}
				}
			})
		}
	}
}

// brains writes values as bfloat16, which they must be, and returns them too.
func brains(values []float32) (data []byte) {
	for i, v := range values {
		upper := math.Float32bits(v) >> 16
		values[i] = math.Float32frombits(upper << 16)
		data = binary.LittleEndian.AppendUint16(data, uint16(upper))
	}
	return data
}

// randomRounded makes weights for MatMulRounded, with scales as bfloat16 if
// brain, and their plain values.
func randomRounded(rng *rand.Rand, f Format, outs, n, group int, brain bool) (*Packed, []float32) {
	w, plain := randomPacked(rng, f, outs, n, group, 0)
	brains(w.Scales)
	brains(w.Biases)
	for i := range plain {
		g := i / group
		q := w.Data[i*f.bits()/8]
		if f == Q4 {
			q = q >> (i % 2 * 4) & 15
		}
		plain[i] = w.Scales[g]*float32(q) + w.Biases[g]
	}
	// Rows of few groups have zeros up to what the kernels take.
	w.Scales, w.Biases = w.padFactors(w.Scales, n), w.padFactors(w.Biases, n)
	if scales, biases := brains(w.Scales), brains(w.Biases); brain {
		w.ScaleBits, w.BiasBits, w.Scales, w.Biases = scales, biases, nil, nil
	}
	return w, plain
}

// TestMatMulRoundedIsExactUpToItsBound compares with float64 over the rounded
// values, one by one and in batches, which must have the same bits.
func TestMatMulRoundedIsExactUpToItsBound(t *testing.T) {
	eachRounded(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(43, 1))
		for i := range 120 {
			f, group, rows, outs, n := Format(i%2), []int{32, 64}[i/2%2], 1+i%9, 1+i%13, 64*(1+rng.IntN(20))
			if i%20 == 0 {
				n = 64 * (128 + rng.IntN(100)) // more than the table of factors holds
			}
			w, plain := randomRounded(rng, f, outs, n, group, i%3 > 0)
			x := fill(rng, make([]float32, rows*n))
			r := round(f, Matrix{x, n}, rows, n, group)
			scratch, stride := make([]float32, w.ScratchRounded(n)), outs+i%4
			dst, check := guarded(t, span(rows, stride, outs), i%3)
			MatMulRounded(Matrix{dst, stride}, r, w, scratch, 0, rows, outs)
			check()
			one := make([]float32, outs)
			for row := range rows {
				MatMulRounded(Matrix{one, outs}, r, w, scratch, row, 1, outs)
				if got := dst[row*stride:][:outs]; !slices.Equal(got, one) {
					t.Fatalf("%s, group %d, n=%d, %d rows, %d outputs: row %d has other bits than alone", formatNames[f], group, n, rows, outs, row)
				}
				for o, got := range one {
					sum, size := 0.0, 0.0
					for k := range n {
						v := r.value(row, k) * float64(plain[o*n+k])
						sum, size = sum+v, size+math.Abs(v)*4 // scale times code and bias are larger than their sum
					}
					if bound := float64(n/32+12) / (1 << 24) * size; math.Abs(float64(got)-sum) > bound {
						t.Fatalf("%s, group %d, n=%d: %v, want %v within %v", formatNames[f], group, n, got, sum, bound)
					}
				}
			}
		}
	})
}

func TestFitsRounded(t *testing.T) {
	for _, c := range []struct {
		f        Format
		n, group int
		want     bool
	}{
		{Q4, 64, 32, true}, {Q4, 96, 32, false}, {Q8, 128, 64, true}, {Q8, 256, 128, true}, {Q4, 64, 16, false}, {BF16, 64, 0, false},
	} {
		if w := (&Packed{Format: c.f, Group: c.group}); w.FitsRounded(c.n) != c.want {
			t.Errorf("%s of %d in groups of %d: %v, want %v", formatNames[c.f], c.n, c.group, !c.want, c.want)
		}
	}
}

func TestMatMulRoundedDoesNotAllocate(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(44, 1))
		w, _ := randomRounded(rng, Q4, 11, 128, 64, true)
		x := fill(rng, make([]float32, 5*128))
		r, dst, scratch := round(Q4, Matrix{x, 128}, 5, 128, 64), make([]float32, 5*11), make([]float32, w.ScratchRounded(128))
		if n := testing.AllocsPerRun(10, func() {
			r.Round(Matrix{x, 128}, 0, 5)
			MatMulRounded(Matrix{dst, 11}, r, w, scratch, 0, 5, 11)
		}); n != 0 {
			t.Errorf("%v allocations, want 0", n)
		}
	})
}

// BenchmarkMatMulRounded multiplies with 64 rows of weights out of the caches
// near the core.
func BenchmarkMatMulRounded(b *testing.B) {
	const n, outs = 1536, 64
	rng := rand.New(rand.NewPCG(45, 1))
	for _, f := range []Format{Q4, Q8} {
		for _, group := range []int{32, 64} {
			w, _ := randomRounded(rng, f, outs, n, group, true)
			scratch := make([]float32, w.ScratchRounded(n))
			for _, rows := range []int{1, 4, 8} {
				x, dst := fill(rng, make([]float32, rows*n)), make([]float32, rows*outs)
				eachBench(b, fmt.Sprintf("w=%sg%d/rows=%d", formatNames[f], group, rows), func(b *testing.B) {
					r := round(f, Matrix{x, n}, rows, n, group)
					b.SetBytes(int64(len(w.Data) + len(w.ScaleBits) + len(w.BiasBits)))
					best := time.Hour
					for b.Loop() {
						start := time.Now()
						MatMulRounded(Matrix{dst, outs}, r, w, scratch, 0, rows, outs)
						best = min(best, time.Since(start))
					}
					gflops(b, rows*outs*n)
					b.ReportMetric(2*float64(rows*outs*n)/float64(best.Nanoseconds()), "best-GFLOP/s")
				})
			}
		}
	}
}

func BenchmarkRound(b *testing.B) {
	const n = 1536
	x := fill(rand.New(rand.NewPCG(46, 1)), make([]float32, n))
	for _, group := range []int{32, 64} {
		eachBench(b, fmt.Sprintf("group=%d", group), func(b *testing.B) {
			r := round(Q4, Matrix{x, n}, 1, n, group)
			b.SetBytes(4 * n)
			for b.Loop() {
				r.Round(Matrix{x, n}, 0, 1)
			}
		})
	}
}
