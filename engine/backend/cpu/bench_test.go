package cpu

import (
	"fmt"
	"testing"

	"hark/engine/tensor"
)

// BenchmarkLinear multiplies rows with a matrix of E2B's size. The bytes are
// those of the matrix, so that one row shows memory bandwidth.
func BenchmarkLinear(b *testing.B) {
	const out, in = 6144, 1536
	r := newRandom(1)
	for _, s := range []tensor.Stored{r.bf16(out, in), r.affine(4, out, in), r.affine(8, out, in)} {
		for _, rows := range []int{1, 8, 128} {
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("w=%s/rows=%d/threads=%d", s.Name, rows, threads), func(b *testing.B) {
					backend := start(b, threads)
					w, err := backend.Weight(s)
					if err != nil {
						b.Fatal(err)
					}
					x := backend.Constant(r.floats(rows*in), rows, in)
					b.SetBytes(int64(len(s.Data) + len(s.Scales) + len(s.Biases)))
					for b.Loop() {
						backend.Linear(x, w, nil)
						backend.EndStep()
					}
					b.ReportMetric(float64(2*rows*out*in)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}

// BenchmarkPrompt multiplies 512 rows with a matrix of E2B's size, activations rounded.
func BenchmarkPrompt(b *testing.B) {
	const rows, out, in = 512, 6144, 1536
	r := newRandom(1)
	for _, bits := range []int{4, 8} {
		for _, threads := range []int{1, 2, 8} {
			b.Run(fmt.Sprintf("bits=%d/threads=%d", bits, threads), func(b *testing.B) {
				backend := startWith(b, &Options{Threads: threads, Rounded: true})
				w, err := backend.Weight(r.affine(bits, out, in))
				if err != nil {
					b.Fatal(err)
				}
				x := backend.Constant(r.floats(rows*in), rows, in)
				for b.Loop() {
					backend.Linear(x, w, nil)
					backend.EndStep()
				}
				b.ReportMetric(float64(2*rows*out*in)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}

// BenchmarkAttention decodes one position of E2B's layers, and prefills.
func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct{ past, rows, heads, keyHeads, dim, window int }{
		{2047, 1, 8, 1, 256, 512}, {2047, 1, 8, 1, 512, 0}, {0, 512, 8, 1, 256, 512}, {0, 256, 4, 1, 64, 256},
	} {
		b.Run(fmt.Sprintf("past=%d/rows=%d/dim=%d/window=%d", c.past, c.rows, c.dim, c.window), func(b *testing.B) {
			backend := start(b, 2)
			kv := backend.NewKV([]tensor.KVLayer{{Heads: c.keyHeads, Dim: c.dim, Window: c.window}})
			n := c.past + c.rows
			k := backend.Input(newRandom(1).floats(n*c.keyHeads*c.dim), n, c.keyHeads, c.dim)
			backend.Store(0, k, k, []tensor.Segment{{To: n, KV: kv}})
			q := backend.Constant(newRandom(2).floats(c.rows*c.heads*c.dim), c.rows, c.heads, c.dim)
			segs := []tensor.Segment{{To: c.rows, KV: kv, Pos: c.past}}
			for b.Loop() {
				backend.Attention(0, q, segs, false)
				backend.EndStep()
			}
			kv.Free()
		})
	}
}

// BenchmarkFullAttention is a layer of the vision tower: the demo's picture,
// and E2B's.
func BenchmarkFullAttention(b *testing.B) {
	for _, c := range []struct{ rows, heads int }{{576, 3}, {2520, 12}} {
		b.Run(fmt.Sprintf("rows=%d/heads=%d", c.rows, c.heads), func(b *testing.B) {
			backend := start(b, 2)
			x := backend.Constant(newRandom(1).floats(c.rows*c.heads*64), c.rows, c.heads, 64)
			for b.Loop() {
				backend.FullAttention(x, x, x)
				backend.EndStep()
			}
			b.ReportMetric(float64(4*c.rows*c.rows*c.heads*64)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}

// BenchmarkDecode runs one token through a small layer: what is not
// arithmetic shows here.
func BenchmarkDecode(b *testing.B) {
	backend := start(b, 2)
	m := newBlock(b, backend)
	kv := m.cache()
	row := newRandom(6).floats(m.size)
	segs := []tensor.Segment{{To: 1, KV: kv}}
	b.ReportAllocs()
	for b.Loop() {
		kv.Truncate(0)
		m.forward(backend.Input(row, 1, m.size), []int32{0}, segs)
		backend.EndStep()
	}
	kv.Free()
}

// BenchmarkPictureLayer runs the linear layers of one layer of the demo
// model's vision tower over 576 patches.
func BenchmarkPictureLayer(b *testing.B) {
	const rows, size, inner = 576, 192, 512
	backend := start(b, 2)
	r := newRandom(1)
	weight := func(out, in int) tensor.Weight {
		w, err := backend.Weight(r.bf16(out, in))
		if err != nil {
			b.Fatal(err)
		}
		return w
	}
	square, wide, narrow := weight(size, size), weight(inner, size), weight(size, inner)
	x := backend.Constant(r.floats(rows*size), rows, size)
	for b.Loop() {
		for range 4 {
			backend.Linear(x, square, nil)
		}
		backend.Linear(backend.GatedGELU(backend.Linear(x, wide, nil), backend.Linear(x, wide, nil)), narrow, nil)
		backend.RMSNorm(x, nil, 1e-6)
		backend.EndStep()
	}
	b.ReportMetric(float64(2*rows*(4*size*size+3*size*inner))*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

// BenchmarkSubsample convolves one second of sound as E2B does.
func BenchmarkSubsample(b *testing.B) {
	backend := start(b, 2)
	r := newRandom(1)
	first := &tensor.Convolution{Out: 128, In: 1, Data: r.floats(128 * 9)}
	second := &tensor.Convolution{Out: 32, In: 128, Data: r.floats(32 * 9 * 128)}
	x := backend.Constant(r.floats(103*128), 103, 128, 1)
	for b.Loop() {
		backend.Subsample(backend.Subsample(x, first), second)
		backend.EndStep()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
}
