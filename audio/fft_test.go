package audio

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// TestMagnitudesEqualTheSum compares every size and filling with the defining
// sum of the transform.
func TestMagnitudesEqualTheSum(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for order := 1; order <= 10; order++ {
		size, f := 1<<order, NewFFT(order)
		for _, n := range []int{size, size - 1, size/2 + 1, 1, 0} {
			x := make([]float64, n)
			for i := range x {
				x[i] = random.Float64()*2 - 1
			}
			got := make([]float64, size/2+1)
			f.Magnitudes(got, x)
			for k := range got {
				var sum complex128
				for i, v := range x {
					sum += complex(v, 0) * unit(k*i%size, size)
				}
				if want := cmplx.Abs(sum); math.Abs(got[k]-want) > 1e-11 {
					t.Fatalf("size %d, %d samples: |X[%d]| = %g, want %g", size, n, k, got[k], want)
				}
			}
		}
	}
}

func BenchmarkFFT(b *testing.B) {
	for _, order := range []int{8, 9} {
		size := 1 << order
		b.Run(fmt.Sprintf("n=%d", size), func(b *testing.B) {
			f := NewFFT(order)
			x, dst := make([]float64, size), make([]float64, size/2+1)
			for i := range x {
				x[i] = math.Sin(float64(i * i))
			}
			for b.Loop() {
				f.Magnitudes(dst, x)
			}
		})
	}
}
