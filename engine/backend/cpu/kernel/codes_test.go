package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomCodes makes rows of n codes, stride apart, offset codes into their
// memory.
func randomCodes(rng *rand.Rand, rows, n, stride, offset, group int) Codes {
	groups := (n + group - 1) / group
	c := Codes{Data: make([]int8, rows*stride+offset)[offset:], Stride: stride, Scales: fill(rng, make([]float32, rows*groups)), Group: group}
	for i := range c.Data {
		c.Data[i] = int8(rng.Uint32())
	}
	return c
}

// row returns n values of row r.
func (c *Codes) row(r, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(c.Data[r*c.Stride+i]) * c.Scales[r*((n+c.Group-1)/c.Group)+i/c.Group]
	}
	return values
}

func TestMatMulCodesWithinBoundAtEveryLength(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 1))
		for n := range 301 {
			rows, outs := 1+n%9, 1+n%11
			xStride, dstStride := n+n%3, outs+n%4
			x := fill(rng, make([]float32, rows*xStride+1))[1:]
			w := randomCodes(rng, outs, n, n+n%5, n%7, CodeGroup)
			dst, check := guarded(t, span(rows, dstStride, outs), n%3)
			MatMulCodes(Matrix{dst, dstStride}, Matrix{x, xStride}, w, rows, outs, n)
			check()
			for r := range rows {
				for o := range outs {
					want, size := exactDot(x[r*xStride:][:n], w.row(o, n))
					if got := dst[r*dstStride+o]; math.Abs(float64(got)-want) > (dotBound(n)+32.0/(1<<24))*size {
						t.Fatalf("n=%d: (%d, %d) = %v, want %v", n, r, o, got, want)
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

// TestMatMulCodesBitsDoNotDependOnTheBatch compares all shapes with one row
// and one column at a time.
func TestMatMulCodesBitsDoNotDependOnTheBatch(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(12, 1))
		for _, n := range []int{3, 16, 40, 256, 272} {
			x, groups := fill(rng, make([]float32, 9*n)), (n+CodeGroup-1)/CodeGroup
			w := randomCodes(rng, 11, n, n, 0, CodeGroup)
			for rows := 1; rows <= 9; rows++ {
				for outs := 1; outs <= 11; outs++ {
					dst := make([]float32, rows*outs)
					MatMulCodes(Matrix{dst, outs}, Matrix{x, n}, w, rows, outs, n)
					for i, got := range dst {
						var want [1]float32
						one := Codes{Data: w.Data[i%outs*n:], Stride: n, Scales: w.Scales[i%outs*groups:], Group: CodeGroup, Next: w.Data}
						MatMulCodes(Matrix{want[:], 1}, Matrix{x[i/outs*n:], n}, one, 1, 1, n)
						if got != want[0] {
							t.Fatalf("n=%d rows=%d outs=%d: value %d = %v, alone %v", n, rows, outs, i, got, want[0])
						}
					}
				}
			}
		}
	})
}

func TestMixCodesWithinBoundAtEveryWidth(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 3))
		for width := range 301 {
			n := 1 + width%167
			dStride, pStride := width+width%3, n+width%5
			dst, check := guarded(t, span(tile, dStride, width), width%3)
			fill(rng, dst)
			before := slices.Clone(dst)
			p, v := fill(rng, make([]float32, 4*pStride+1))[1:], randomCodes(rng, n, width, width+width%4, width%5, 512)
			MixCodes(Matrix{dst, dStride}, Matrix{p, pStride}, v, n, width)
			check()
			for r := range tile {
				for d := range width {
					want := float64(before[r*dStride+d])
					size := math.Abs(want)
					for j := range n {
						x := float64(p[r*pStride+j]) * float64(v.Scales[j]) * float64(v.Data[j*v.Stride+d])
						want += x
						size += math.Abs(x)
					}
					if got := dst[r*dStride+d]; math.Abs(float64(got)-want) > float64(n+2)/(1<<23)*size {
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

func TestMixCodesInPiecesEqualsWhole(t *testing.T) {
	each(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(14, 4))
		const n, width = 150, 83
		p, v := fill(rng, make([]float32, 4*n)), randomCodes(rng, n, width, width, 0, width)
		whole, pieces := make([]float32, 4*width), make([]float32, 4*width)
		MixCodes(Matrix{whole, width}, Matrix{p, n}, v, n, width)
		for from := 0; from < n; from += 7 {
			rest := Codes{Data: v.Data[from*width:], Stride: width, Scales: v.Scales[from:], Group: width, Next: v.Data[:20]}
			MixCodes(Matrix{pieces, width}, Matrix{p[from:], n}, rest, min(7, n-from), width)
		}
		if !slices.Equal(pieces, whole) {
			t.Error("pieces of 7 rows give other bits than all rows at once")
		}
	})
}

func TestShortCodesPanic(t *testing.T) {
	x, codes := make([]float32, 64), make([]int8, 64)
	for name, f := range map[string]func(){
		"MatMulCodes dst": func() {
			MatMulCodes(Matrix{x[:3], 2}, Matrix{x, 5}, Codes{Data: codes, Stride: 5, Scales: x, Group: 32}, 2, 2, 5)
		},
		"MatMulCodes x": func() {
			MatMulCodes(Matrix{x, 2}, Matrix{x[:9], 5}, Codes{Data: codes, Stride: 5, Scales: x, Group: 32}, 2, 2, 5)
		},
		"MatMulCodes codes": func() {
			MatMulCodes(Matrix{x, 2}, Matrix{x, 5}, Codes{Data: codes[:9], Stride: 5, Scales: x, Group: 32}, 2, 2, 5)
		},
		"MatMulCodes scales": func() {
			MatMulCodes(Matrix{x, 2}, Matrix{x, 5}, Codes{Data: codes, Stride: 5, Scales: x[:1], Group: 32}, 2, 2, 5)
		},
		"MatMulCodes group": func() {
			MatMulCodes(Matrix{x, 2}, Matrix{x, 5}, Codes{Data: codes, Stride: 5, Scales: x, Group: 64}, 2, 2, 5)
		},
		"MixCodes group": func() { MixCodes(Matrix{x, 5}, Matrix{x, 2}, Codes{Data: codes, Stride: 5, Scales: x, Group: 4}, 2, 5) },
		"MixCodes dst": func() {
			MixCodes(Matrix{x[:19], 5}, Matrix{x, 2}, Codes{Data: codes, Stride: 5, Scales: x, Group: 32}, 2, 5)
		},
		"MixCodes codes": func() {
			MixCodes(Matrix{x, 5}, Matrix{x, 2}, Codes{Data: codes[:9], Stride: 5, Scales: x, Group: 32}, 2, 5)
		},
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

// BenchmarkCodes multiplies 8 queries with 64 keys, and mixes 64 values, of
// 512 codes each. The bytes are those of the codes.
func BenchmarkCodes(b *testing.B) {
	const n, rows, keys = 512, 8, 64
	rng := rand.New(rand.NewPCG(1, 1))
	x, w := fill(rng, make([]float32, rows*n)), randomCodes(rng, keys, n, n, 0, CodeGroup)
	v := randomCodes(rng, keys, n, n, 0, n)
	y := make([]float32, rows*keys)
	for name, run := range map[string]func(){
		"score": func() { MatMulCodes(Matrix{y, keys}, Matrix{x, n}, w, rows, keys, n) },
		"mix": func() {
			for r := 0; r < rows; r += tile {
				MixCodes(Matrix{x[r*n:], n}, Matrix{y[r*keys:], keys}, v, keys, n)
			}
		},
	} {
		b.Run("f="+name, func(b *testing.B) {
			eachBench(b, "n=512", func(b *testing.B) {
				clear(y)
				b.SetBytes(n * keys)
				for b.Loop() {
					run()
				}
			})
		})
	}
}
