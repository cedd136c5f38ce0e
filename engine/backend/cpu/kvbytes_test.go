package cpu

import (
	"testing"

	"hark/engine/tensor"
)

func TestKVBytesAreThoseOfACache(t *testing.T) {
	layers := []tensor.KVLayer{{Heads: 2, Dim: 8, Window: 70}, {Heads: 1, Dim: 16}}
	for _, n := range []int{0, 1, 63, 64, 65, 200, 1000} {
		b := New(&Options{Threads: 1})
		kv := b.NewKV(layers)
		for from := 0; from < n; from += 50 {
			to := min(from+50, n)
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
