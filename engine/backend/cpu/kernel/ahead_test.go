package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestAheadGivesTheBitsOfMatMulAndMix compares all shapes, over strided and
// misaligned operands, with a next place and without.
func TestAheadGivesTheBitsOfMatMulAndMix(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 1))
		for n := range 301 {
			rows, outs := 1+n%12, 1+n%11
			xStride, wStride, dstStride := n+n%3, n+n%5, outs+n%4
			x := fill(rng, make([]float32, rows*xStride+1))[1:]
			w := fill(rng, make([]float32, outs*wStride+3))[3:]
			want := make([]float32, span(rows, dstStride, outs))
			MatMul(Matrix{want, dstStride}, Matrix{x, xStride}, Matrix{w, wStride}, rows, outs, n)
			for _, next := range [][]float32{nil, x} {
				dst, check := guarded(t, len(want), n%3)
				clear(dst)
				MatMulAhead(Matrix{dst, dstStride}, Matrix{x, xStride}, Matrix{w, wStride}, rows, outs, n, next)
				check()
				if !slices.Equal(dst, want) {
					t.Fatalf("MatMulAhead of %d, %d rows, %d columns: other bits than MatMul", n, rows, outs)
				}
			}

			width, rows, count := n, 4*(1+n%3), 1+n%67
			p := fill(rng, make([]float32, rows*count))
			v := fill(rng, make([]float32, count*wStride+3))[3:]
			before := fill(rng, make([]float32, rows*width))
			want = slices.Clone(before)
			for r := 0; r < rows && width > 0; r += tile {
				Mix(Matrix{want[r*width:], width}, Matrix{p[r*count:], count}, Matrix{v, wStride}, count, width)
			}
			for _, next := range [][]float32{nil, p} {
				dst, check := guarded(t, len(want), n%3)
				copy(dst, before)
				MixAhead(Matrix{dst, width}, Matrix{p, count}, Matrix{v, wStride}, rows, count, width, next)
				check()
				if !slices.Equal(dst, want) {
					t.Fatalf("MixAhead of %d columns, %d rows of %d: other bits than Mix", width, rows, count)
				}
			}
		}
	})
}

func TestShortAheadPanics(t *testing.T) {
	x := make([]float32, 64)
	for name, f := range map[string]func(){
		"MatMulAhead dst": func() { MatMulAhead(Matrix{x[:3], 4}, Matrix{x, 16}, Matrix{x, 16}, 4, 4, 16, nil) },
		"MatMulAhead w":   func() { MatMulAhead(Matrix{x, 4}, Matrix{x, 16}, Matrix{x[:63], 16}, 4, 4, 16, nil) },
		"MixAhead rows":   func() { MixAhead(Matrix{x, 4}, Matrix{x, 4}, Matrix{x, 4}, 3, 4, 4, nil) },
		"MixAhead v":      func() { MixAhead(Matrix{x, 4}, Matrix{x, 4}, Matrix{x[:15], 4}, 4, 4, 4, nil) },
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
