//go:build mlx

package mlx

import (
	"testing"

	"hark/engine/tensor"
)

// BenchmarkRecording tells what recording and freeing one operation costs. On
// processors MLX makes several nodes of a fused one.
func BenchmarkRecording(b *testing.B) {
	m := open(b, Options{})
	d := newDecoder(b, m)
	kv := m.NewKV(d.layers)
	m.Read(nil, d.step(20, kv))
	m.EndStep()
	x := m.Keep(m.Input(make([]float32, hidden), 1, hidden))
	q := m.Keep(m.Input(make([]float32, hidden), 1, heads, dim))
	m.EndStep()
	segs := []tensor.Segment{{To: 1, KV: kv, Pos: 19}}
	for name, f := range map[string]func(){
		"Add":       func() { m.Add(x, x) },
		"Reshape":   func() { m.Reshape(x, heads, dim) },
		"Linear":    func() { m.Linear(x, d.proj, nil) },
		"GatedGELU": func() { m.GatedGELU(x, x) },
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
