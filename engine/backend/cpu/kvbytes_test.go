package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"hark/engine/tensor"
)

func TestKVBytesAreThoseOfACache(t *testing.T) {
	layers := []tensor.KVLayer{{Heads: 2, Dim: 8, Window: 70}, {Heads: 1, Dim: 16}}
	for _, n := range []int{0, 1, 63, 64, 65, 200, 1000, 1200, 3001} {
		b := New(&Options{Threads: 1})
		kv := b.NewKV(layers)
		for from := 0; from < n; from++ {
			to := from + 1
			for i, l := range layers {
				x := b.Input(make([]float32, (to-from)*l.Heads*l.Dim), to-from, l.Heads, l.Dim)
				b.Store(i, x, x, []tensor.Segment{{From: 0, To: to - from, KV: kv, Pos: from}})
			}
			b.EndStep()
		}
		if got, want := KVBytes(layers, n), kv.Bytes(); got != want {
			t.Errorf("%d positions: KVBytes = %d, the cache says %d", n, got, want)
		}
		kv.Free()
		b.Close()
	}
}

// TestDroppedPagesAreNotMissed compares a cache that dropped what its window
// hides with one that holds everything.
func TestDroppedPagesAreNotMissed(t *testing.T) {
	const n, width = 3000, 16
	layers := []tensor.KVLayer{{Heads: 1, Dim: width, Window: 70}}
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, n*width)
	for i := range values {
		values[i] = rng.Float32() - 0.5
	}
	b := New(&Options{Threads: 1})
	defer b.Close()
	fill := func(kv tensor.KV, from, to, piece int) {
		for ; from < to; from += piece {
			end := min(from+piece, to)
			x := b.Input(values[from*width:end*width], end-from, 1, width)
			b.Store(0, x, x, []tensor.Segment{{From: 0, To: end - from, KV: kv, Pos: from}})
			b.EndStep()
		}
	}
	look := func(kv tensor.KV, pos int) []float32 {
		q := b.Input(values[:width], 1, 1, width)
		out := b.Read(nil, b.Attention(0, q, []tensor.Segment{{From: 0, To: 1, KV: kv, Pos: pos}}, false))
		b.EndStep()
		return out
	}
	whole, pieces := b.NewKV(layers), b.NewKV(layers)
	fill(whole, 0, n, n)
	fill(pieces, 0, n, 7)
	if pieces.Bytes() >= whole.Bytes()/2 {
		t.Errorf("%d bytes of %d are held for a window of 70", pieces.Bytes(), whole.Bytes())
	}
	if got, want := look(pieces, n-1), look(whole, n-1); !slices.Equal(got, want) {
		t.Errorf("at the end: %v, want %v", got, want)
	}
	if pieces.Restorable(100) || !pieces.Restorable(0) || !pieces.Restorable(n-rewindable) {
		t.Error("Restorable must allow 0 and going back a little, and no dropped position")
	}
	fork := pieces.Fork()
	back := n - rewindable
	pieces.Truncate(back)
	fill(pieces, back, n, 11)
	if got, want := look(pieces, n-1), look(whole, n-1); !slices.Equal(got, want) {
		t.Errorf("after going back: %v, want %v", got, want)
	}
	pieces.Truncate(0)
	fill(pieces, 0, 200, 50)
	if got, want := look(pieces, 199), look(whole, 199); !slices.Equal(got, want) {
		t.Errorf("from the start again: %v, want %v", got, want)
	}
	pieces.Free()
	if got, want := look(fork, n-1), look(whole, n-1); !slices.Equal(got, want) {
		t.Errorf("in the fork: %v, want %v", got, want)
	}
	fork.Free()
	whole.Free()
}
