package tensortest

import (
	"bytes"
	"fmt"
	"math"

	"hark/engine/tensor"
)

// geometry is a cache layer under test and the queries that look at it. Keys
// and queries are turned at their positions.
type geometry struct {
	tensor.KVLayer
	heads int // N
}

// turning returns a layer whose pairs turn at different speeds, one of them
// not at all.
func (t *T) turning(heads, keyHeads, dim, window, bits int) geometry {
	r := &tensor.Rotary{Sections: 1, Freq: make([]float32, dim/2)}
	for i := range r.Freq[:dim/2-1] {
		r.Freq[i] = float32(0.3 * math.Pow(0.01, float64(i)/float64(dim/2)))
	}
	return geometry{tensor.KVLayer{Heads: keyHeads, Dim: dim, Window: window, Bits: bits, Rotary: r}, heads}
}

// entry is what one position holds, by layer: keys [K, D] before they were
// turned, and values [K, D].
type entry [][2][]float32

// naive is a cache beside the list of what it must hold.
type naive struct {
	t      *T
	layers []geometry
	kv     tensor.KV
	held   []entry
	bound  float64 // error allowed, per unit of 1 + magnitude
}

func kvLayers(layers []geometry) []tensor.KVLayer {
	list := make([]tensor.KVLayer, len(layers))
	for i, l := range layers {
		list[i] = l.KVLayer
	}
	return list
}

// naive makes an empty cache of layers.
func (t *T) naive(layers ...geometry) *naive {
	c := &naive{t: t, layers: layers, kv: t.b.NewKV(kvLayers(layers)), bound: 2e-4}
	for _, l := range layers {
		if l.Bits == 8 {
			c.bound = 0.3 // keys that are cut again and again are rounded each time
		}
	}
	return c
}

// turned returns x [n, heads, D], turned by the backend at positions from pos
// on, and its values.
func (c *naive) turned(l *geometry, x []float32, n, heads, pos int) (tensor.Tensor, []float32) {
	at := make([]int32, n)
	for i := range at {
		at[i] = int32(pos + i)
	}
	y := c.t.b.Rope(c.t.b.Input(x, n, heads, l.Dim), c.t.b.Angles(l.Rotary, at))
	return y, c.t.b.Read(nil, y)
}

// extend stores n new positions and checks what their queries see. It returns
// that, layer by layer.
func (c *naive) extend(n int) [][]float32 {
	entries := make([]entry, n)
	for i := range entries {
		for _, l := range c.layers {
			size := l.Heads * l.Dim
			entries[i] = append(entries[i], [2][]float32{c.t.normal(size, 1), c.t.normal(size, 1)})
		}
	}
	queries := make([][]float32, len(c.layers))
	for i, l := range c.layers {
		queries[i] = c.t.normal(n*l.heads*l.Dim, 0.5)
	}
	return c.add(entries, queries)
}

// add is extend with given entries and queries [n, N, D] by layer.
func (c *naive) add(entries []entry, queries [][]float32) [][]float32 {
	c.t.Helper()
	n, pos := len(entries), len(c.held)
	c.held = append(c.held[:pos:pos], entries...)
	segs := []tensor.Segment{{To: n, KV: c.kv, Pos: pos}}
	var all [][]float32
	for i := range c.layers {
		l := &c.layers[i]
		var k, v []float32
		for _, e := range entries {
			k, v = append(k, e[i][0]...), append(v, e[i][1]...)
		}
		keys, _ := c.turned(l, k, n, l.Heads, pos)
		c.t.b.Store(i, keys, c.t.b.Input(v, n, l.Heads, l.Dim), segs)
		q, turned := c.turned(l, queries[i], n, l.heads, pos)
		got := c.t.b.Read(nil, c.t.b.Attention(i, q, segs, false))
		c.compare(i, got, turned, pos)
		all = append(all, got)
		c.t.b.EndStep()
	}
	if c.kv.Len() != len(c.held) {
		c.t.Fatalf("Len = %d, want %d", c.kv.Len(), len(c.held))
	}
	return all
}

// compare checks the rows of layer number i from pos on against the list.
func (c *naive) compare(i int, got, q []float32, pos int) {
	c.t.Helper()
	l := &c.layers[i]
	s := &story{n: len(c.held), heads: l.heads, keyHeads: l.Heads, dim: l.Dim}
	seen, _ := causal(l.Window)(pos)
	for p, e := range c.held {
		if keys := e[i][0]; p < seen {
			s.k = append(s.k, keys...)
		} else {
			s.k = append(s.k, rotated(l, keys, p)...)
		}
		s.v = append(s.v, e[i][1]...)
	}
	s.q = append(make([]float32, pos*l.heads*l.Dim), q...)
	for j, want := range s.attend(pos, s.n, causal(l.Window)) {
		if d := math.Abs(float64(got[j]) - want); !(d <= c.bound*(1+math.Abs(want))) {
			c.t.Fatalf("layer %d, position %d of %d, value %d = %v, want %v", i, pos+j/(l.heads*l.Dim), s.n, j%(l.heads*l.Dim), got[j], want)
		}
	}
}

// rotated returns keys [K, D] turned at a position, in float64.
func rotated(l *geometry, keys []float32, pos int) []float32 {
	out := append([]float32(nil), keys...)
	half := l.Dim / 2
	for at := 0; at < len(keys); at += l.Dim {
		for i, freq := range l.Rotary.Freq {
			sin, cos := math.Sincos(float64(float32(pos) * freq))
			a, b := float64(keys[at+i]), float64(keys[at+half+i])
			out[at+i], out[at+half+i] = float32(a*cos-b*sin), float32(b*cos+a*sin)
		}
	}
	return out
}

func (c *naive) truncate(n int) {
	c.kv.Truncate(n)
	c.held = c.held[:n]
}

func (c *naive) cut(from, to int) {
	c.kv.Cut(from, to)
	c.held = append(append([]entry(nil), c.held[:from]...), c.held[to:]...)
}

func (c *naive) fork() *naive {
	f := *c
	f.kv = c.kv.Fork()
	return &f
}

// again saves the cache and reads it back.
func (c *naive) again() *naive {
	c.t.Helper()
	var b bytes.Buffer
	if n, err := c.kv.WriteTo(&b); err != nil || n != int64(b.Len()) {
		c.t.Fatalf("WriteTo = %d, %v, wrote %d", n, err, b.Len())
	}
	b.WriteString("more")
	kv, err := c.t.b.ReadKV(kvLayers(c.layers), &b)
	if err != nil {
		c.t.Fatal(err)
	}
	if b.String() != "more" {
		c.t.Fatalf("%d bytes are left behind the cache, want 4", b.Len())
	}
	f := *c
	f.kv = kv
	return &f
}

// refuses fails unless f panics.
func (t *T) refuses(what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

// testKVCut cuts at the borders of blocks and beside them, of a few positions
// and of many, while forks hold the same.
func testKVCut(t *T) {
	for _, bits := range []int{0, 8} {
		whole := t.naive(t.turning(4, 2, 16, 0, bits), t.turning(2, 1, 8, 150, bits))
		whole.extend(200)
		for _, cut := range [][2]int{{0, 1}, {0, 64}, {1, 2}, {5, 64}, {5, 69}, {63, 65}, {64, 128}, {10, 199}, {100, 100}, {0, 150}} {
			c, f := whole.fork(), whole.fork()
			if !c.kv.Cuttable(cut[0], cut[1]) {
				t.Fatalf("%v of 200 positions is not cuttable", cut)
			}
			c.cut(cut[0], cut[1])
			if got, want := c.kv.Len(), 200-(cut[1]-cut[0]); got != want {
				t.Errorf("%d positions after Cut%v, want %d", got, cut, want)
			}
			c.extend(3)
			f.extend(2) // has what the other dropped
			c.truncate(c.kv.Len() - 5)
			c.extend(20)
			c.kv.Free()
			f.extend(1)
			f.kv.Free()
		}
		whole.extend(1)
		whole.kv.Free()
	}
}

// testKVCutEnd checks that cutting the end is Truncate, to the bit.
func testKVCutEnd(t *T) {
	for _, bits := range []int{0, 8} {
		c := t.naive(t.turning(4, 2, 16, 0, bits), t.turning(2, 1, 8, 30, bits))
		c.layers[0].Rotary = nil // not needed
		c.kv.Free()
		c.kv = t.b.NewKV(kvLayers(c.layers))
		c.layers[0].Rotary = t.turning(1, 1, 16, 0, 0).Rotary
		c.extend(130)
		f := c.fork()
		if !c.kv.Cuttable(70, 130) || c.kv.Cuttable(60, 70) {
			t.Error("without Rotary the end is cuttable, and nothing else")
		}
		c.cut(70, 130)
		f.truncate(70)
		entries, queries := []entry{f.held[3]}, [][]float32{t.normal(64, 1), t.normal(16, 1)}
		got, want := c.add(entries, queries), f.add(entries, queries)
		for i := range got {
			t.exact(fmt.Sprintf("layer %d", i), t.b.Input(got[i], len(got[i])), want[i])
		}
		c.kv.Free()
		f.kv.Free()
	}
}

// testKVCutWindow cuts a layer whose window has left most of its positions
// behind, where the backend may have dropped them.
func testKVCutWindow(t *T) {
	const n, window = 1800, 33
	for _, bits := range []int{0, 8} {
		whole := t.naive(t.turning(2, 1, 8, window, bits))
		for range n / 200 {
			whole.extend(200)
		}
		for _, cut := range [][2]int{{0, 1}, {5, 64}, {70, 1500}, {0, n - window}, {1000, n - window + 1}, {1700, n - 1}, {5, n - 3}} {
			c := whole.fork()
			switch {
			case c.kv.Cuttable(cut[0], cut[1]):
				c.cut(cut[0], cut[1])
				if back := c.kv.Len() - 2; c.kv.Restorable(back) {
					c.truncate(back)
				}
				c.extend(50)
			case cut[1] <= n-window+1:
				t.Errorf("%v of %d positions is not cuttable, though all that is seen behind it is held", cut, n)
			default:
				t.refuses(fmt.Sprintf("Cut%v", cut), func() { c.kv.Cut(cut[0], cut[1]) })
			}
			c.kv.Free()
		}
		whole.extend(1)
		whole.kv.Free()
	}
}

// testKVCuttable asks for what is not possible.
func testKVCuttable(t *T) {
	c := t.naive(t.turning(2, 1, 8, 0, 0))
	c.extend(20)
	for _, bad := range [][2]int{{-1, 3}, {3, 2}, {0, 21}, {21, 21}, {25, 30}} {
		if c.kv.Cuttable(bad[0], bad[1]) {
			t.Errorf("%v of 20 positions is cuttable", bad)
		}
		t.refuses(fmt.Sprintf("Cut%v of 20 positions", bad), func() { c.kv.Cut(bad[0], bad[1]) })
	}
	c.cut(0, 20)
	if c.kv.Len() != 0 || c.kv.Bytes() != 0 {
		t.Errorf("%d positions, %d bytes after all was cut", c.kv.Len(), c.kv.Bytes())
	}
	c.extend(2)
	c.kv.Free()
}

// testKV8 checks the size of caches of 8 bits, and that keys and values come
// back to half a step.
func testKV8(t *T) {
	wide, narrow := t.naive(t.turning(8, 1, 64, 0, 0)), t.naive(t.turning(8, 1, 64, 0, 8))
	wide.extend(64)
	narrow.extend(64)
	if w, n := wide.kv.Bytes(), narrow.kv.Bytes(); n > w*2/5 {
		t.Errorf("%d bytes in 8 bits, %d in float32", n, w)
	}
	wide.kv.Free()
	narrow.kv.Free()
	// A single position is all that its query sees: its value comes back.
	for _, scale := range []float32{1e-4, 1, 1e4} {
		c := t.naive(t.turning(1, 1, 16, 1, 8))
		c.bound = math.Inf(1)
		v := t.normal(16, scale)
		got := c.add([]entry{{{t.normal(16, 1), v}}}, [][]float32{t.normal(16, 1)})[0]
		most := 0.0
		for _, x := range v {
			most = max(most, math.Abs(float64(x)))
		}
		for i, x := range v {
			if d := math.Abs(float64(x - got[i])); d > most/127*0.51 {
				t.Errorf("value %v became %v, the greatest is %v", x, got[i], most)
			}
		}
		c.kv.Free()
	}
	t.panics("NewKV of 3 bits", func() { t.b.NewKV([]tensor.KVLayer{{Heads: 1, Dim: 2, Bits: 3}}) })
}

// testKVSchedules runs random stores, truncations, cuts, forks, saves and
// reads on a few caches at a time.
func testKVSchedules(t *T) {
	for _, layers := range [][]geometry{
		{t.turning(4, 2, 16, 0, 0), t.turning(2, 1, 8, 0, 0)},
		{t.turning(4, 1, 16, 0, 8), t.turning(4, 4, 8, 0, 8)},
		{t.turning(2, 1, 8, 33, 0), t.turning(2, 2, 8, 1, 8)},
		{t.turning(2, 1, 8, 0, 8), t.turning(2, 1, 8, 200, 0)},
	} {
		full, windows := true, true // all without a window, all with one
		for _, l := range layers {
			full, windows = full && l.Window == 0, windows && l.Window > 0
		}
		most := 200 // what a query sees of everything is slow to check
		if windows {
			most = 2500 // windows begin to drop
		}
		caches := []*naive{t.naive(layers...)}
		for range 120 {
			i := t.rng.IntN(len(caches))
			caches = caches[i].random(caches, i, most, full)
		}
		for _, c := range caches {
			c.truncate(0)
			if c.kv.Bytes() != 0 {
				t.Errorf("%d bytes in an empty cache", c.kv.Bytes())
			}
			c.kv.Free()
		}
	}
}

// random does something to cache number i, which holds about most positions at
// most. In layers that are full, without a window, nothing is ever lost.
func (c *naive) random(caches []*naive, i, most int, full bool) []*naive {
	n := len(c.held)
	a := c.t.rng.IntN(n + 1)
	b := a + c.t.rng.IntN(n-a+1)/(1+c.t.rng.IntN(8))
	switch c.t.rng.IntN(12) {
	case 0:
		if c.kv.Restorable(b) {
			c.truncate(b)
		} else if full || b == 0 {
			c.t.Fatalf("%d of %d positions are not restorable", b, n)
		}
	case 1, 2:
		if c.kv.Cuttable(a, b) {
			c.cut(a, b)
		} else if full {
			c.t.Fatalf("%d to %d of %d positions are not cuttable", a, b, n)
		}
	case 3, 4:
		if len(caches) < 4 {
			caches = append(caches, c.fork())
		}
	case 5:
		old := c.kv
		caches[i] = c.again()
		old.Free()
	case 6:
		if len(caches) > 1 {
			c.kv.Free()
			caches = append(caches[:i], caches[i+1:]...)
		}
	default:
		size := 1
		if n < most {
			size += c.t.rng.IntN(max(40, most/7))
		}
		c.extend(size)
	}
	return caches
}
