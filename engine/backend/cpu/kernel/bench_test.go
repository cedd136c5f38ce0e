package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"hark/engine/backend/cpu/isa"
)

// eachBench runs a benchmark with every implementation; name is further
// parts of its name.
func eachBench(b *testing.B, name string, run func(b *testing.B)) {
	for _, l := range isa.Available() {
		b.Run(fmt.Sprintf("impl=%v/%s", l, name), func(b *testing.B) {
			defer isa.Use(isa.Use(l))
			run(b)
		})
	}
}

// gflops reports how many products and sums, two each, a call computes.
func gflops(b *testing.B, products int) {
	b.ReportMetric(float64(2*products*b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func BenchmarkDot(b *testing.B) {
	for _, n := range []int{256, 1536, 4096} {
		x, y := make([]float32, n), make([]float32, n)
		eachBench(b, fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.SetBytes(int64(8 * n))
			for b.Loop() {
				Dot(x, y)
			}
		})
	}
}

// BenchmarkMatMul multiplies rows of x with 32 rows of weights.
func BenchmarkMatMul(b *testing.B) {
	for _, rows := range []int{1, 4, 64} {
		for _, n := range []int{32, 192, 768, 1536} {
			x, w, y := make([]float32, rows*n), make([]float32, 32*n), make([]float32, rows*32)
			eachBench(b, fmt.Sprintf("rows=%d/n=%d", rows, n), func(b *testing.B) {
				b.SetBytes(int64(32 * n * 4))
				for b.Loop() {
					MatMul(Matrix{y, 32}, Matrix{x, n}, Matrix{w, n}, rows, 32, n)
				}
				gflops(b, rows*32*n)
			})
		}
	}
}

// BenchmarkMix mixes 64 rows of values for 4 rows of weights.
func BenchmarkMix(b *testing.B) {
	for _, width := range []int{16, 32, 48, 64, 256} {
		const n = 64
		dst, p, v := make([]float32, 4*width), make([]float32, 4*n), make([]float32, n*width)
		eachBench(b, fmt.Sprintf("n=%d", width), func(b *testing.B) {
			b.SetBytes(int64(n * width * 4))
			for b.Loop() {
				Mix(Matrix{dst, width}, Matrix{p, n}, Matrix{v, width}, n, width)
			}
			gflops(b, tile*n*width)
		})
	}
}

func BenchmarkExp(b *testing.B) {
	const n = 4096
	x := make([]float32, n)
	eachBench(b, "n=4096", func(b *testing.B) {
		b.SetBytes(4 * n)
		for b.Loop() {
			Exp(x, 1)
		}
	})
}

func BenchmarkMax(b *testing.B) {
	const n = 4096
	x := make([]float32, n)
	eachBench(b, "n=4096", func(b *testing.B) {
		b.SetBytes(4 * n)
		for b.Loop() {
			Max(x)
		}
	})
}

func BenchmarkActivation(b *testing.B) {
	const n = 4096
	x := fill(rand.New(rand.NewPCG(8, 8)), make([]float32, n))
	dst := make([]float32, n)
	for name, run := range map[string]func(){
		"GELU":    func() { GELU(dst, x, x) },
		"SiLU":    func() { SigmoidMul(dst, x, x) },
		"SoftCap": func() { SoftCap(dst, x, 30) },
	} {
		b.Run("f="+name, func(b *testing.B) {
			eachBench(b, "n=4096", func(b *testing.B) {
				b.SetBytes(4 * n)
				for b.Loop() {
					run()
				}
			})
		})
	}
}

// BenchmarkUnpack counts the bytes of the codes.
func BenchmarkUnpack(b *testing.B) {
	const n, group = 1536, 64
	dst, codes, scales := make([]float32, n), make([]byte, 2*n), make([]float32, n/group)
	for _, c := range []struct {
		name  string
		bytes int64
		run   func()
	}{
		{"bf16", 2 * n, func() { UnpackBF16(dst, codes) }},
		{"f16", 2 * n, func() { UnpackF16(dst, codes) }},
		{"q4g64", n / 2, func() { UnpackQ4(dst, codes, scales, scales, group) }},
		{"q8g64", n, func() { UnpackQ8(dst, codes, scales, scales, group) }},
	} {
		b.Run("format="+c.name, func(b *testing.B) {
			eachBench(b, "n=1536", func(b *testing.B) {
				b.SetBytes(c.bytes)
				for b.Loop() {
					c.run()
				}
			})
		})
	}
}
