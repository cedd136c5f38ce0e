package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// names of the formats, for tests.
var formatNames = [formats]string{"q4", "q8", "bf16", "f16"}

// randomPacked makes rows of n values, pad bytes apart, and unpacks them.
func randomPacked(rng *rand.Rand, f Format, outs, n, group, pad int) (*Packed, []float32) {
	width := n * f.bits() / 8
	w := &Packed{Format: f, Stride: width + pad, Group: group, Data: make([]byte, outs*(width+pad)-pad)}
	for i := range w.Data {
		w.Data[i] = byte(rng.Uint32())
		if f == BF16 || f == F16 {
			w.Data[i] &= 0xbf // at most 2
		}
	}
	if f.quantized() {
		w.Scales, w.Biases = fill(rng, make([]float32, outs*(n/group))), fill(rng, make([]float32, outs*(n/group)))
	}
	plain := make([]float32, outs*n)
	for o := range outs {
		row, at := w.Data[o*w.Stride:][:width], o*(n/max(group, 1))
		switch dst := plain[o*n : (o+1)*n]; f {
		case Q4:
			UnpackQ4(dst, row, w.Scales[at:], w.Biases[at:], group)
		case Q8:
			UnpackQ8(dst, row, w.Scales[at:], w.Biases[at:], group)
		case BF16:
			UnpackBF16(dst, row)
		case F16:
			UnpackF16(dst, row)
		}
	}
	return w, plain
}

// TestMatMulPackedEqualsUnpacked compares every format, group and number of
// rows and outputs with MatMul over unpacked weights, bit for bit.
func TestMatMulPackedEqualsUnpacked(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 1))
		for f := range formats {
			for i := range 150 {
				group := []int{32, 64, 128}[i%3]
				if !f.quantized() {
					group = packedTile
				}
				rows, outs, n := 1+i%10, 1+i%21, group*(1+rng.IntN(10))
				if i%30 == 0 {
					n += 2 * Block
				}
				xStride, dstStride := n+i%3, outs+i%4
				w, plain := randomPacked(rng, f, outs, n, group, i%5)
				x := fill(rng, make([]float32, rows*xStride+1))[1:]
				dst, check := guarded(t, span(rows, dstStride, outs), i%3)
				want := slices.Clone(dst)
				MatMul(Matrix{want, dstStride}, Matrix{x, xStride}, Matrix{plain, n}, rows, outs, n)
				MatMulPacked(Matrix{dst, dstStride}, Matrix{x, xStride}, w, rows, outs, n)
				check()
				if !slices.Equal(dst, want) {
					t.Fatalf("%s: %d rows, %d outputs, n=%d, group %d: other bits than unpacked", formatNames[f], rows, outs, n, group)
				}
			}
		}
	})
}

// TestMatMulInBlocksEqualsWhole splits the sums where Block says.
func TestMatMulInBlocksEqualsWhole(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(22, 1))
		const rows, outs = 6, 7
		for _, n := range []int{1, Block - 1, Block, Block + 1, 2*Block + 100} {
			x, w := fill(rng, make([]float32, rows*n)), fill(rng, make([]float32, outs*n))
			whole, pieces := make([]float32, rows*outs), make([]float32, rows*outs)
			MatMul(Matrix{whole, outs}, Matrix{x, n}, Matrix{w, n}, rows, outs, n)
			for from := 0; from < n; from += Block {
				MatMulAdd(Matrix{pieces, outs}, Matrix{x[from:], n}, Matrix{w[from:], n}, rows, outs, min(Block, n-from), from > 0)
			}
			if !slices.Equal(pieces, whole) {
				t.Errorf("n=%d: blocks give other bits than the whole", n)
			}
			for i, got := range whole {
				if want := Dot(x[i/outs*n:][:n], w[i%outs*n:][:n]); got != want {
					t.Errorf("n=%d: value %d is %v, Dot gives %v", n, i, got, want)
				}
			}
		}
	})
}

func TestFitsWholeGroups(t *testing.T) {
	for _, c := range []struct {
		f        Format
		n, group int
		want     bool
	}{
		{Q4, 64, 32, true}, {Q4, 64, 64, true}, {Q4, 96, 64, false}, {Q4, 32, 16, true}, {Q8, 40, 8, false}, {Q4, 0, 32, false},
		{Q4, 64, 0, false}, {Q8, 1 << 20, 1024, false}, {BF16, 48, 0, true}, {BF16, 40, 0, false}, {F16, 16, 0, true},
	} {
		if w := (&Packed{Format: c.f, Group: c.group}); w.Fits(c.n) != c.want {
			t.Errorf("%s of %d in groups of %d: %v, want %v", formatNames[c.f], c.n, c.group, !c.want, c.want)
		}
	}
}

func TestMatMulPackedDoesNotAllocate(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(23, 1))
		w, _ := randomPacked(rng, Q4, 11, 64, 32, 0)
		x, dst := make([]float32, 5*64), make([]float32, 5*11)
		if n := testing.AllocsPerRun(10, func() { MatMulPacked(Matrix{dst, 11}, Matrix{x, 64}, w, 5, 11, 64) }); n != 0 {
			t.Errorf("%v allocations, want 0", n)
		}
	})
}

// BenchmarkMatMulPacked multiplies with 64 rows of weights out of the caches
// near the core.
func BenchmarkMatMulPacked(b *testing.B) {
	const n, outs = 1536, 64
	rng := rand.New(rand.NewPCG(24, 1))
	for f := range formats {
		w, _ := randomPacked(rng, f, outs, n, 64, 0)
		for _, rows := range []int{1, 4, 8} {
			x, dst := make([]float32, rows*n), make([]float32, rows*outs)
			eachBench(b, fmt.Sprintf("w=%s/rows=%d", formatNames[f], rows), func(b *testing.B) {
				b.SetBytes(int64(len(w.Data) + 2*len(w.Scales) + 2*len(w.Biases)))
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					MatMulPacked(Matrix{dst, outs}, Matrix{x, n}, w, rows, outs, n)
					best = min(best, time.Since(start))
				}
				gflops(b, rows*outs*n)
				b.ReportMetric(2*float64(rows*outs*n)/float64(best.Nanoseconds()), "best-GFLOP/s")
			})
		}
	}
}
