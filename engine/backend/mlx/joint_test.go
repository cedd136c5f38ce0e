//go:build mlx

package mlx

import (
	"fmt"
	"slices"
	"testing"

	"hark/engine/tensor"
)

// TestJoinedMatrices: matrices that lie together multiply as those that lie
// alone, a row at once and several, and are freed once.
func TestJoinedMatrices(t *testing.T) {
	b := open(t, Options{})
	for _, format := range []tensor.Format{tensor.BF16, tensor.Affine, tensor.MXFP4} {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			var alone, beside []tensor.Weight
			for i, rows := range []int{5, 64, 7} {
				s := tensor.Stored{Name: "w", Shape: []int{rows, 64}, Format: format}
				fill := func(n, step int) []byte {
					data := make([]byte, n)
					for j := range data {
						data[j] = byte((j*step + i) % 61)
					}
					return data
				}
				switch format {
				case tensor.BF16:
					s.Data = fill(128*rows, 37)
				case tensor.Affine:
					s.Bits, s.Group, s.Scale = 4, 32, tensor.BF16
					s.Data, s.Scales, s.Biases = fill(32*rows, 37), fill(4*rows, 11), fill(4*rows, 13)
				default:
					s.Group, s.Data, s.Scales = 32, fill(32*rows, 37), slices.Repeat([]byte{127}, 2*rows)
				}
				for _, list := range []*[]tensor.Weight{&alone, &beside} {
					w, err := b.Weight(s)
					if err != nil {
						t.Fatal(err)
					}
					*list = append(*list, w)
				}
			}
			if err := b.Stack(beside...); err != nil {
				t.Fatal(err)
			}
			for _, rows := range []int{1, 3} {
				values := make([]float32, rows*64)
				for i := range values {
					values[i] = float32(i%7) - 3
				}
				x, y := b.Input(values, rows, 64), b.Input(values[:64], 1, 64)
				for i := range alone {
					want, got := b.Linear(x, alone[i], nil), b.Linear(x, beside[i], nil)
					other := b.Read(nil, b.Linear(y, beside[i], nil))
					w, g := b.Read(nil, want), b.Read(nil, got)
					for j := range w {
						if d := w[j] - g[j]; d > 1e-4 || d < -1e-4 {
							t.Fatalf("%d rows, matrix %d: value %d is %v, alone %v", rows, i, j, g[j], w[j])
						}
					}
					if d := other[0] - g[0]; d > 1e-4 || d < -1e-4 {
						t.Errorf("matrix %d: of two rows %v and %v", i, other[0], g[0])
					}
				}
				b.EndStep()
			}
		})
	}
	c := b.c
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if held := c.Made - c.Freed; held != 0 {
		t.Errorf("%d handles are left", held)
	}
}
