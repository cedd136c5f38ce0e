package tensortest

import (
	"bytes"
	"errors"
	"io"
	"testing/iotest"

	"hark/engine/tensor"
)

// saved returns a cache of a few positions and what WriteTo makes of it.
func (t *T) saved(positions int, layers ...geometry) (*naive, []byte) {
	t.Helper()
	c := t.naive(layers...)
	if positions > 0 {
		c.extend(positions)
	}
	var b bytes.Buffer
	if _, err := c.kv.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return c, b.Bytes()
}

// testKVSave checks that a cache that was saved and read is the same to the
// bit: empty, with shared blocks, and with a window that has dropped some.
func testKVSave(t *T) {
	for _, n := range []int{0, 1, 64, 100, 2000} {
		layers := []geometry{t.turning(4, 2, 16, 50, 0), t.turning(2, 1, 8, 0, 8)}
		if n > 100 {
			layers = layers[:1]
		}
		c := t.naive(layers...)
		for range n / 100 {
			c.extend(100)
		}
		if n%100 > 0 {
			c.extend(n % 100)
		}
		f := c.fork()
		r := c.again()
		if r.kv.Len() != n || r.kv.Bytes() > c.kv.Bytes() {
			t.Errorf("%d positions in %d bytes, want %d in %d", r.kv.Len(), r.kv.Bytes(), n, c.kv.Bytes())
		}
		c.extend(5)
		entries, queries := []entry{}, [][]float32{}
		for i, l := range layers {
			e := [2][]float32{t.normal(l.Heads*l.Dim, 1), t.normal(l.Heads*l.Dim, 1)}
			if i == 0 {
				entries = append(entries, entry{})
			}
			entries[0] = append(entries[0], e)
			queries = append(queries, t.normal(l.heads*l.Dim, 1))
		}
		got, want := r.add(entries, queries), f.add(entries, queries)
		for i := range got {
			t.exact("read", t.b.Input(got[i], len(got[i])), want[i])
		}
		for _, x := range []*naive{c, f, r} {
			x.kv.Free()
		}
	}
}

// testKVDamage reads data that is cut short, changed anywhere, or of others.
func testKVDamage(t *T) {
	layers := []geometry{t.turning(4, 2, 4, 6, 0), t.turning(2, 1, 4, 0, 8)}
	c, data := t.saved(9, layers...)
	defer c.kv.Free()
	refused := func(what string, data []byte, layers []tensor.KVLayer) {
		t.Helper()
		kv, err := t.b.ReadKV(layers, bytes.NewReader(data))
		if kv != nil || !errors.Is(err, tensor.ErrKVData) {
			t.Fatalf("%s: error %v, want one that wraps ErrKVData", what, err)
		}
	}
	own := kvLayers(layers)
	for n := range data {
		refused("cut short", data[:n], own)
		bad := bytes.Clone(data)
		bad[n] ^= 1 << (n % 8)
		refused("damaged", bad, own)
	}
	for what, change := range map[string]func(l *tensor.KVLayer){
		"heads":  func(l *tensor.KVLayer) { l.Heads = 1 },
		"size":   func(l *tensor.KVLayer) { l.Dim = 8 },
		"window": func(l *tensor.KVLayer) { l.Window = 7 },
		"bits":   func(l *tensor.KVLayer) { l.Bits = 8 },
		"turns":  func(l *tensor.KVLayer) { l.Rotary = nil },
	} {
		other := append([]tensor.KVLayer(nil), own...)
		change(&other[0])
		refused("other "+what, data, other)
	}
	refused("fewer layers", data, own[:1])
	refused("more layers", data, append(own[:2:2], own[0]))
	broken := errors.New("broken")
	if _, err := t.b.ReadKV(own, io.MultiReader(bytes.NewReader(data[:100]), iotest.ErrReader(broken))); !errors.Is(err, broken) || errors.Is(err, tensor.ErrKVData) {
		t.Errorf("a reader that fails: %v, want its error", err)
	}
	for n := range len(data) {
		if _, err := c.kv.WriteTo(&short{n}); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("a writer that is full after %d bytes: %v, want its error", n, err)
		}
	}
}

// short is a writer that takes so many bytes.
type short struct{ left int }

// Write takes what fits.
func (s *short) Write(b []byte) (int, error) {
	n := min(len(b), s.left)
	if s.left -= n; n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}
