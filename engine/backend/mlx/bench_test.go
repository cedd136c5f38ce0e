//go:build mlx

package mlx

import (
	"flag"
	"testing"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

var checkpoint = flag.String("mlx-model", "../../../testdata/tiny/e/mlx-q4g32", "folder of the checkpoint that BenchmarkDecode records")

// opened opens a backend, with -mlx-fuse one that compiles.
func opened(b *testing.B) *Backend {
	m := open(b, Options{})
	if *fuse {
		m.fuse = true
		m.c.Fuse(true)
	}
	return m
}

// BenchmarkRecording tells what recording and freeing one operation costs. On
// processors MLX makes several nodes of a fused one.
func BenchmarkRecording(b *testing.B) {
	m := opened(b)
	d := newDecoder(b, m)
	kv := m.NewKV(d.layers)
	m.Read(nil, d.step(20, kv))
	m.EndStep()
	x := m.Keep(m.Input(make([]float32, hidden), 1, hidden))
	q := m.Keep(m.Input(make([]float32, hidden), 1, heads, dim))
	m.EndStep()
	segs := []tensor.Segment{{To: 1, KV: kv, Pos: 19}}
	for name, f := range map[string]func(){
		"Add":       func() { in("", m.Add(x, x)) },
		"Reshape":   func() { m.Reshape(x, heads, dim) },
		"Linear":    func() { m.Linear(x, d.proj, nil) },
		"GatedGELU": func() { in("", m.GatedGELU(x, x)) },
		"SumScaled": func() { in("", m.Scale(m.Add(x, x), 0.5)) },
		"SoftCap":   func() { m.SoftCap(x, 30) },
		"RMSNorm":   func() { m.RMSNorm(x, d.norm, 1e-6) },
		"Rope":      func() { m.Rope(q, m.Angles(d.rotary, []int32{7})) },
		"Attention": func() { m.Attention(0, q, segs, false) },
	} {
		b.Run(name, func(b *testing.B) {
			before, n := m.c.Ops, 0
			for b.Loop() {
				f()
				if n++; n%64 == 0 {
					m.EndStep()
				}
			}
			m.EndStep()
			b.ReportMetric(float64(m.c.Ops-before)/float64(n), "calls/op")
		})
	}
	kv.Free()
}

// BenchmarkStep tells what a step of one token costs, and of which calls it
// consists: with -test.v by name.
func BenchmarkStep(b *testing.B) {
	m := open(b, Options{})
	d := newDecoder(b, m)
	kv := m.NewKV(d.layers)
	m.Read(nil, d.step(20, kv))
	m.EndStep()
	var logits []float32
	b.ReportAllocs()
	before, n := m.c.Counts(), int64(0)
	for b.Loop() {
		logits = m.Read(logits, d.step(1, kv))
		m.EndStep()
		n++
	}
	for name, calls := range m.c.Counts() {
		b.Logf("%6.2f %s", float64(calls-before[name])/float64(n), name)
	}
	kv.Free()
}

// BenchmarkDecode tells what recording a model's step of one token costs, with
// nothing evaluated: every step goes to a fork of a cache that is dropped.
func BenchmarkDecode(b *testing.B) {
	src, err := weights.Dir(*checkpoint)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	m := opened(b)
	mod, err := model.Open(src, m)
	if err != nil {
		b.Fatal(err)
	}
	kv := m.NewKV(mod.KVLayers())
	m.Read(nil, mod.Forward([]model.Row{{KV: kv, IDs: []token.ID{2, 3, 4, 5}, Logits: 1}}))
	m.EndStep()
	b.ReportAllocs()
	before, n := m.c.Counts(), int64(0)
	ops, row := m.c.Ops, []model.Row{{IDs: []token.ID{7}, Pos: 4, Logits: 1}}
	for b.Loop() {
		fork := kv.Fork()
		row[0].KV = fork
		mod.Forward(row)
		fork.Free()
		m.EndStep()
		n++
	}
	b.ReportMetric(float64(m.c.Ops-ops)/float64(n), "calls/op")
	for name, calls := range m.c.Counts() {
		if calls > before[name] {
			b.Logf("%7.1f %s", float64(calls-before[name])/float64(n), name)
		}
	}
	kv.Free()
}
