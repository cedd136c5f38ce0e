package tensortest

import (
	"fmt"
	"math"
	"slices"

	"hark/engine/tensor"
)

func testLocalAttention(t *T) {
	const heads, dim, width, cap = 3, 16, 48, 5.0
	for _, c := range []struct{ past, n, span, rel int }{
		{0, 1, 12, 13}, {0, 30, 12, 12}, {5, 4, 12, 13}, {11, 20, 12, 13}, {13, 3, 4, 9}, {3, 3, 1, 1},
	} {
		q, qv := t.input(c.n, heads, dim)
		k, kv := t.input(c.past+c.n, heads, dim)
		v, vv := t.input(c.past+c.n, heads, dim)
		rel, rv := t.input(c.rel, heads, dim)
		want := make([]float64, c.n*width)
		for i := range c.n {
			for h := range heads {
				query := qv[(i*heads+h)*dim:][:dim]
				total := 0.0
				row := want[(i*heads+h)*dim:][:dim]
				for j := max(0, c.past+i-c.span+1); j <= c.past+i; j++ {
					a, _ := product(query, kv[(j*heads+h)*dim:][:dim], dim)
					b, _ := product(query, rv[((c.past+i-j)*heads+h)*dim:][:dim], dim)
					p := math.Exp(cap * math.Tanh((a[0]+b[0])/cap))
					total += p
					for d := range row {
						row[d] += p * float64(vv[(j*heads+h)*dim+d])
					}
				}
				for d := range row {
					row[d] /= total
				}
			}
		}
		y := t.b.LocalAttention(q, k, v, rel, c.span, cap)
		t.shape("LocalAttention", y, c.n, width)
		t.near(fmt.Sprintf("LocalAttention %+v", c), y, want, nil)
	}
}

func testSubsample(t *T) {
	for _, c := range []struct{ rows, freq, in, out int }{{3, 8, 1, 4}, {7, 9, 3, 5}, {20, 16, 8, 16}, {2, 8, 1, 4}} {
		x, v := t.input(c.rows, c.freq, c.in)
		conv := &tensor.Convolution{Out: c.out, In: c.in, Data: t.normal(c.out*9*c.in, 0.3)}
		rows, freq := max(c.rows-1, 0)/2, (c.freq-1)/2+1
		var want []float64
		for r := range rows {
			for f := range freq {
				for o := range c.out {
					sum := 0.0
					for k := range 9 {
						at := 2*f - 1 + k%3
						if at < 0 || at >= c.freq {
							continue
						}
						for i := range c.in {
							sum += float64(v[((2*r+k/3)*c.freq+at)*c.in+i]) * float64(conv.Data[(o*9+k)*c.in+i])
						}
					}
					want = append(want, sum)
				}
			}
		}
		y := t.b.Subsample(x, conv)
		t.shape("Subsample", y, rows, freq, c.out)
		t.near("Subsample", y, want, nil)
	}
	// Rows that overlap by one make pieces equal the whole.
	x, _ := t.input(21, 8, 2)
	conv := &tensor.Convolution{Out: 3, In: 2, Data: t.normal(54, 0.3)}
	whole := t.b.Read(nil, t.b.Subsample(x, conv))
	first := t.b.Read(nil, t.b.Subsample(t.b.Rows(x, 0, 9), conv))
	second := t.b.Read(nil, t.b.Subsample(t.b.Rows(x, 8, 21), conv))
	t.alike("Subsample in pieces", slices.Concat(first, second), whole)
}

func testCausalConv(t *T) {
	for _, c := range []struct{ past, n, channels int }{{4, 1, 3}, {4, 10, 37}, {0, 3, 5}, {2, 0, 4}} {
		x, v := t.input(c.past+c.n, c.channels)
		w, wv := t.input(c.channels, c.past+1)
		want := make([]float64, c.n*c.channels)
		for i := range want {
			row, ch := i/c.channels, i%c.channels
			for k := range c.past + 1 {
				want[i] += float64(wv[ch*(c.past+1)+k]) * float64(v[(row+k)*c.channels+ch])
			}
		}
		y := t.b.CausalConv(x, w)
		t.shape("CausalConv", y, c.n, c.channels)
		t.near("CausalConv", y, want, nil)
	}
}
