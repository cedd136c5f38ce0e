package audio

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDotEqualsTheSum(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	for n := range 300 {
		x, w := make([]float32, n), make([]float32, n+n%3)
		sum, size := 0.0, 0.0
		for i := range x {
			x[i], w[i] = random.Float32()*2-1, random.Float32()*2-1
			sum += float64(x[i]) * float64(w[i])
			size += math.Abs(float64(x[i]) * float64(w[i]))
		}
		if got := float64(Dot(x, w)); math.Abs(got-sum) > 1e-6*size {
			t.Fatalf("%d values: %g, want %g", n, got, sum)
		}
	}
}

func BenchmarkDot(b *testing.B) {
	x, w := make([]float32, 384), make([]float32, 384)
	b.SetBytes(384 * 4)
	for b.Loop() {
		Dot(x, w)
	}
}
