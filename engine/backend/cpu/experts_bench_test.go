package cpu

import (
	"fmt"
	"slices"
	"testing"

	"hark/engine/tensor"
)

// BenchmarkExperts is the mixture of one layer of 26B-A4B with half of its experts: a decoded token that chooses more
// and more of them, each time others, so that they come from memory, and prompts. The bytes are those of the experts
// that are chosen.
func BenchmarkExperts(b *testing.B) {
	const experts, hidden, width = 64, 2816, 704
	r := newRandom(1)
	stack := func(out, in int) tensor.Stored {
		s := r.affine(4, experts*out, in)
		s.Shape = []int{experts, out, in}
		return s
	}
	gate, up, down := stack(width, hidden), stack(width, hidden), stack(hidden, width)
	for _, rounded := range []bool{false, true} {
		backend := startWith(b, &Options{Rounded: rounded})
		var w []tensor.Weight
		for _, s := range []tensor.Stored{gate, up, down} {
			weight, err := backend.Weight(s)
			if err != nil {
				b.Fatal(err)
			}
			w = append(w, weight)
		}
		scale := backend.Constant(slices.Repeat([]float32{1}, experts), experts)
		for _, c := range []struct{ rows, top int }{{1, 1}, {1, 2}, {1, 4}, {1, 8}, {1, 16}, {16, 8}, {512, 8}} {
			b.Run(fmt.Sprintf("rounded=%v/rows=%d/top=%d", rounded, c.rows, c.top), func(b *testing.B) {
				x := backend.Constant(r.floats(c.rows*hidden), c.rows, hidden)
				before := backend.Work()
				for b.Loop() {
					logits := r.floats(c.rows * experts)
					backend.Experts(x, backend.Input(logits, c.rows, experts), c.top, scale, w[0], w[1], w[2])
					backend.EndStep()
				}
				after := backend.Work()
				b.SetBytes((after.WeightBytes - before.WeightBytes) / int64(b.N))
				b.ReportMetric(2*float64(after.Products-before.Products)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
