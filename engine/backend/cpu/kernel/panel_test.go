package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPanelsGiveTheBitsOfRows compares all numbers of rows and outputs, whole
// tiles and parts of them, with MatMulAdd.
func TestPanelsGiveTheBitsOfRows(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(31, 1))
		for i := range 200 {
			rows, outs, n := 1+i%13, 1+i%11, panelVector*(1+rng.IntN(20))
			xStride, wStride, dstStride := n+i%3, n+i%5, outs+i%4
			x, w := fill(rng, make([]float32, rows*xStride)), fill(rng, make([]float32, outs*wStride))
			px, checkX := guarded(t, Panels{rows, n}.Size(), i%3)
			pw, checkW := guarded(t, Panels{outs, n}.Size(), i%5)
			Panels{rows, n}.Pack(px, Matrix{x, xStride})
			Panels{outs, n}.Pack(pw, Matrix{w, wStride})
			checkX()
			checkW()
			dst, check := guarded(t, span(rows, dstStride, outs), i%3)
			fill(rng, dst)
			want := slices.Clone(dst)
			MatMulAdd(Matrix{want, dstStride}, Matrix{x, xStride}, Matrix{w, wStride}, rows, outs, n, i%2 == 0)
			MatMulPanels(Matrix{dst, dstStride}, px, pw, rows, outs, n, i%2 == 0)
			check()
			if !slices.Equal(dst, want) {
				t.Fatalf("%d rows, %d outputs, n=%d: other bits than rows", rows, outs, n)
			}
		}
	})
}

func BenchmarkMatMulPanels(b *testing.B) {
	const rows, outs = 128, 24
	for _, n := range []int{192, 1024, Block} {
		x, w, dst := make([]float32, rows*n), make([]float32, outs*n), make([]float32, rows*outs)
		eachBench(b, fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				MatMulPanels(Matrix{dst, outs}, x, w, rows, outs, n, false)
			}
			gflops(b, rows*outs*n)
		})
	}
}
