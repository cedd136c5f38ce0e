package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGreatestFindsEveryPlace puts the greatest value, and a NaN, everywhere.
func TestGreatestFindsEveryPlace(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(61, 1))
		if got := Greatest(nil); !math.IsInf(float64(got), -1) {
			t.Errorf("of nothing: %v", got)
		}
		for _, n := range []int{1, 63, 64, 65, 128, 300} {
			x := fill(rng, make([]float32, n+1))[1:]
			for i := range x {
				was := x[i]
				for _, v := range []float32{100, float32(math.Inf(1))} {
					if x[i] = v; Greatest(x) != v {
						t.Errorf("%d values, %v at %d: %v", n, v, i, Greatest(x))
					}
				}
				if x[i] = float32(math.NaN()); Greatest(x) == Greatest(x) {
					t.Errorf("%d values, NaN at %d: %v", n, i, Greatest(x))
				}
				x[i] = was
			}
			for i := range x {
				x[i] = float32(math.Inf(-1))
			}
			if got := Greatest(x); !math.IsInf(float64(got), -1) {
				t.Errorf("%d times -Inf: %v", n, got)
			}
		}
	})
}
