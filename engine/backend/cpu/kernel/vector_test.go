package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestVectorsAreExactAtEveryLength compares with plain arithmetic, bit for bit.
func TestVectorsAreExactAtEveryLength(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(51, 1))
		for n := range 101 {
			a, b := fill(rng, make([]float32, n+2))[n%3:], fill(rng, make([]float32, n+2))[(n+1)%3:]
			for _, v := range []float32{inf, -inf, nan, 0} {
				if n > 0 {
					a[rng.IntN(n)] = v
				}
			}
			for _, c := range []struct {
				name string
				run  func(dst []float32)
				want func(i int) float32
			}{
				{"Add", func(dst []float32) { Add(dst, a, b) }, func(i int) float32 { return a[i] + b[i] }},
				{"Mul", func(dst []float32) { Mul(dst, a, b) }, func(i int) float32 { return a[i] * b[i] }},
				{"ScaleMul", func(dst []float32) { ScaleMul(dst, a, b, 0.3) }, func(i int) float32 { return float32(a[i]*0.3) * b[i] }},
				{"Scale", func(dst []float32) { ScaleMul(dst, a, nil, 0.3) }, func(i int) float32 { return a[i] * 0.3 }},
				{"Clamp", func(dst []float32) { Clamp(dst, a, -0.5, 0.7) }, func(i int) float32 {
					if a[i] != a[i] {
						return a[i]
					}
					return min(max(a[i], -0.5), 0.7)
				}},
			} {
				dst, check := guarded(t, n, n%3)
				c.run(dst)
				check()
				for i, got := range dst {
					if want := c.want(i); got != want && !(got != got && want != want) {
						t.Fatalf("%s of %d values: value %d is %v, want %v", c.name, n, i, got, want)
					}
				}
			}
		}
	})
}

func BenchmarkVector(b *testing.B) {
	for _, n := range []int{256, 1536} {
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		eachBench(b, fmt.Sprintf("op=add/n=%d", n), func(b *testing.B) {
			b.SetBytes(int64(12 * n))
			for b.Loop() {
				Add(dst, x, y)
			}
		})
		eachBench(b, fmt.Sprintf("op=scalemul/n=%d", n), func(b *testing.B) {
			b.SetBytes(int64(12 * n))
			for b.Loop() {
				ScaleMul(dst, x, y, 2)
			}
		})
	}
}
