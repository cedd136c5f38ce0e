package cpu

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"hark/engine/tensor"
)

// e2bLayers are the cache layers of E2B: 12 with a window, 3 without.
func e2bLayers(bits int) []tensor.KVLayer {
	layers := make([]tensor.KVLayer, 15)
	for i := range layers {
		layers[i] = tensor.KVLayer{Heads: 1, Dim: 256, Window: 512, Bits: bits}
		if i%5 == 4 {
			layers[i] = tensor.KVLayer{Heads: 1, Dim: 512, Bits: bits}
		}
	}
	return layers
}

// e2bReads are the cache layers that E2B's 35 layers read, one after another:
// the last 20 share those of layers 13 and 14.
func e2bReads() []int {
	var reads []int
	for i := range 35 {
		switch {
		case i < 15:
			reads = append(reads, i)
		case i%5 == 4:
			reads = append(reads, 14)
		default:
			reads = append(reads, 13)
		}
	}
	return reads
}

// fillKV stores n positions in every layer.
func fillKV(b *Backend, kv tensor.KV, layers []tensor.KVLayer, n int) {
	const piece = 512
	values := newRandom(1).floats(piece * 512)
	for from := 0; from < n; from += piece {
		rows := min(piece, n-from)
		for i, l := range layers {
			x := b.Input(values[:rows*l.Dim], rows, 1, l.Dim)
			b.Store(i, x, x, []tensor.Segment{{To: rows, KV: kv, Pos: from}})
		}
		b.EndStep()
	}
}

// BenchmarkDecodeAttention is the attention of one decoded token through all
// layers of E2B, 8 query heads, behind so many positions, and through three
// full layers alone. MB/s are those of the keys and values that are read; the
// best are the sum of each layer's shortest time, for machines that are busy.
func BenchmarkDecodeAttention(b *testing.B) {
	threads := []int{1, 2}
	if n := runtime.GOMAXPROCS(0); n > 2 {
		threads = append(threads, n)
	}
	for _, past := range []int{0, 1 << 10, 4 << 10, 8 << 10, 32 << 10} {
		for _, bits := range []int{0, 8} {
			layers := e2bLayers(bits)
			for _, n := range threads {
				backend := start(b, n)
				kv := backend.NewKV(layers)
				fillKV(backend, kv, layers, past+1)
				for name, reads := range map[string][]int{"all": e2bReads(), "full": {4, 9, 14}} {
					b.Run(fmt.Sprintf("past=%d/bits=%d/layers=%s/threads=%d", past, bits, name, n), func(b *testing.B) {
						decodeAttention(b, backend, kv, layers, reads, past)
					})
				}
				kv.Free()
				if err := backend.Close(); err != nil {
					b.Error(err)
				}
			}
		}
	}
}

// decodeAttention decodes at position past, looking at the layers reads.
func decodeAttention(b *testing.B, backend *Backend, kv tensor.KV, layers []tensor.KVLayer, reads []int, past int) {
	const heads = 8
	q := newRandom(2).floats(heads * 512)
	narrow, wide := backend.Constant(q[:heads*256], 1, heads, 256), backend.Constant(q, 1, heads, 512)
	segs := []tensor.Segment{{To: 1, KV: kv, Pos: past}}
	var read int64
	for _, i := range reads {
		l := layerKV{KVLayer: layers[i]}
		n := past + 1
		if l.Window > 0 {
			n = min(n, l.Window)
		}
		read += l.bytes() * int64(n) / pagePositions
	}
	b.SetBytes(read)
	best := make([]time.Duration, len(reads))
	for b.Loop() {
		for n, i := range reads {
			q := wide
			if layers[i].Window > 0 {
				q = narrow
			}
			began := time.Now()
			backend.Attention(i, q, segs, false)
			if took := time.Since(began); best[n] == 0 || took < best[n] {
				best[n] = took
			}
		}
		backend.EndStep()
	}
	var least time.Duration
	for _, took := range best {
		least += took
	}
	b.ReportMetric(float64(least.Nanoseconds())/1e3, "best-µs")
	b.ReportMetric(float64(read)/float64(least.Nanoseconds()), "best-GB/s")
}

// BenchmarkCut drops 2000 positions behind the first 500 of E2B's layers.
func BenchmarkCut(b *testing.B) {
	for _, bits := range []int{0, 8} {
		b.Run(fmt.Sprintf("past=8192/bits=%d", bits), func(b *testing.B) {
			backend := start(b, 2)
			layers := e2bLayers(bits)
			for i := range layers {
				layers[i].Rotary = &tensor.Rotary{Sections: 1, Freq: newRandom(1).floats(layers[i].Dim / 2)}
			}
			kv := backend.NewKV(layers)
			fillKV(backend, kv, layers, 8192)
			for b.Loop() {
				f := kv.Fork()
				f.Cut(500, 2500)
				f.Free()
			}
			kv.Free()
		})
	}
}
