package cpu

import (
	"fmt"
	"slices"
	"testing"

	"hark/engine/tensor"
)

// TestAttentionBitsDoNotDependOnThreadsOrBatch decodes behind conversations
// long and short, alone and together, by a few rows and by many, on one
// thread, where each tile is one worker's, and on several that share tiles.
func TestAttentionBitsDoNotDependOnThreadsOrBatch(t *testing.T) {
	lengths, rows := []int{700, 70, 300}, []int{1, 5, 2}
	for _, l := range []tensor.KVLayer{
		{Heads: 1, Dim: 64}, {Heads: 2, Dim: 40}, {Heads: 1, Dim: 128, Window: 200},
		{Heads: 1, Dim: 64, Bits: 8}, {Heads: 2, Dim: 40, Bits: 8}, {Heads: 1, Dim: 128, Window: 200, Bits: 8},
	} {
		t.Run(fmt.Sprintf("heads=%d/dim=%d/window=%d/bits=%d", l.Heads, l.Dim, l.Window, l.Bits), func(t *testing.T) {
			each(t, func(t *testing.T) {
				var want [][]float32
				for _, threads := range []int{1, 2, 5} {
					for _, together := range []bool{false, true} {
						b := start(t, threads)
						b.split = 1 << 12
						got := decodeAll(b, l, lengths, rows, together)
						if want == nil {
							want = got
						}
						for i := range got {
							if !slices.Equal(got[i], want[i]) {
								t.Errorf("sequence %d, %d threads, together %v: other bits than alone on one thread", i, threads, together)
							}
						}
					}
				}
			})
		})
	}
}

// decodeAll stores lengths[i] positions in cache i and returns what the last
// rows[i] of them see with 6 query heads.
func decodeAll(b *Backend, l tensor.KVLayer, lengths, rows []int, together bool) [][]float32 {
	const heads = 6
	var q []float32
	var segs []tensor.Segment
	var got [][]float32
	total := 0
	for i, n := range lengths {
		kv := b.NewKV([]tensor.KVLayer{l})
		defer kv.Free()
		r := newRandom(uint64(i))
		size := n * l.Heads * l.Dim
		b.Store(0, b.Input(r.floats(size), n, l.Heads, l.Dim), b.Input(r.floats(size), n, l.Heads, l.Dim), []tensor.Segment{{To: n, KV: kv}})
		own := r.floats(rows[i] * heads * l.Dim)
		segs = append(segs, tensor.Segment{From: total, To: total + rows[i], KV: kv, Pos: n - rows[i]})
		q, total = append(q, own...), total+rows[i]
		if !together {
			alone := []tensor.Segment{{To: rows[i], KV: kv, Pos: n - rows[i]}}
			got = append(got, b.Read(nil, b.Attention(0, b.Input(own, rows[i], heads, l.Dim), alone, false)))
		}
	}
	if together {
		all := b.Read(nil, b.Attention(0, b.Input(q, total, heads, l.Dim), segs, false))
		for _, s := range segs {
			got = append(got, all[s.From*heads*l.Dim:s.To*heads*l.Dim])
		}
	}
	b.EndStep()
	return got
}
