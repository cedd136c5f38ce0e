package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStripsGiveTheBitsOfQuads compares strips with the rows they were made of, one by one
// and in batches, with kernels and in plain Go.
func TestStripsGiveTheBitsOfQuads(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 1))
	for i := range 64 {
		f, group, rows, outs := Format(i%2), []int{32, 64}[i/2%2], 1+i%11, tile*(1+i/4%40)
		n := quadGroups * group * (1 + rng.IntN(9))
		w, _ := randomPacked(rng, f, outs, n, group, 0)
		w.ScaleBits, w.BiasBits = brains(w.Scales), brains(w.Biases)
		strips := Strips{Format: f, Group: group, N: n}
		strips.Data = make([]byte, outs/tile*strips.Size())
		strips.Pack(w)
		if got, want := len(strips.Data), len(w.Data)+len(w.ScaleBits)+len(w.BiasBits); got != want {
			t.Fatalf("%s, group %d: strips take %d bytes, the rows %d", formatNames[f], group, got, want)
		}
		r := Rounded{Format: f, Rows: rows, N: n, Group: group, quads: true}
		values, _ := r.sizes()
		r.Data = make([]int8, values)
		x := fill(rng, make([]float32, rows*n))
		for row := range rows {
			r.roundQuads(x[row*n:], row)
		}
		q, stride := r.quadRow(), outs+i%3
		a := quadArgs{
			xStride: q.stride, dstStride: 4 * outs, stride: w.Stride, quads: q.quads, codes: &w.Data[0], group: group, format: f,
			factors: 2 * q.quads * quadGroups, tiles: outs / tile, scales: &w.ScaleBits[0], biases: &w.BiasBits[0], brain: true,
		}
		a.table = &make([]float32, quadTable*q.quads)[0]
		for _, plain := range []bool{false, true} {
			kernel := quads
			if plain {
				kernel = quadsGeneric
			}
			want := make([]float32, rows*outs)
			for row := 0; row < rows; row += tile {
				a.x, a.xFactors, a.dst, a.rows = &r.Data[row*q.stride], r.firstFactor(row), &want[row*outs], min(rows-row, tile)
				kernel(&a)
			}
			got, check := guarded(t, span(rows, stride, outs), i%3)
			if plain {
				b := quadArgs{xStride: q.stride, dstStride: 4 * stride, quads: q.quads, codes: &strips.Data[0], group: group, format: f, tiles: outs / tile}
				for row := 0; row < rows; row += tile {
					b.x, b.xFactors, b.dst, b.rows = &r.Data[row*q.stride], r.firstFactor(row), &got[row*stride], min(rows-row, tile)
					stripsGeneric(&b)
				}
			} else {
				MatMulStrips(Matrix{got, stride}, &r, &strips, 0, rows)
			}
			check()
			for row := range rows {
				if !slices.Equal(got[row*stride:][:outs], want[row*outs:][:outs]) {
					t.Fatalf("%s, group %d, n=%d, %d rows, plain %v: row %d has other bits than without strips", formatNames[f], group, n, rows, plain, row)
				}
			}
		}
	}
}

func TestMatMulStripsRefusesWhatDoesNotFit(t *testing.T) {
	const n = 256
	w := Strips{Format: Q4, Group: 64, N: n}
	w.Data = make([]byte, 2*w.Size())
	r := Rounded{Format: Q4, Rows: 1, N: n, Group: 64, quads: true}
	values, _ := r.sizes()
	r.Data = make([]int8, values)
	plain := r
	plain.quads = false
	dst := make([]float32, 2*tile)
	for name, f := range map[string]func(){
		"dst":   func() { MatMulStrips(Matrix{dst[1:], 2 * tile}, &r, &w, 0, 1) },
		"rows":  func() { MatMulStrips(Matrix{dst, 2 * tile}, &r, &w, 1, 1) },
		"quads": func() { MatMulStrips(Matrix{dst, 2 * tile}, &plain, &w, 0, 1) },
		"codes": func() { w.Pack(&Packed{Format: Q4, Group: 64, Stride: n / 2, Data: w.Data[:n/2*2*tile-1]}) },
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
