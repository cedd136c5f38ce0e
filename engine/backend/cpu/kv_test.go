package cpu

import (
	"testing"

	"hark/engine/tensor"
)

// oneLayer makes a cache of one layer with one head of size 4.
func oneLayer(b *Backend) *cache {
	return b.NewKV([]tensor.KVLayer{{Heads: 1, Dim: 4}}).(*cache)
}

// put stores n more positions.
func put(b *Backend, c *cache, n int) {
	x := b.Input(make([]float32, n*4), n, 1, 4)
	b.Store(0, x, x, []tensor.Segment{{To: n, KV: c, Pos: c.Len()}})
	b.EndStep()
}

const onePage = 2 * pagePositions * 4 * 4 // bytes of a page of oneLayer

func TestForkCopiesOnlyThePageItWrites(t *testing.T) {
	b := start(t, 1)
	c := oneLayer(b)
	put(b, c, 100)
	f := c.Fork().(*cache)
	if c.Bytes() != 2*onePage || f.Bytes() != 2*onePage {
		t.Errorf("%d and %d bytes, want 2 pages of %d each", c.Bytes(), f.Bytes(), onePage)
	}
	put(b, f, 1)
	own, fork := c.layers[0].pages, f.layers[0].pages
	if own[0] != fork[0] || own[0].refs != 2 {
		t.Error("the full page is not shared")
	}
	if own[1] == fork[1] || own[1].refs != 1 || fork[1].refs != 1 {
		t.Error("the page that was written is still shared")
	}
	kind := c.layers[0].kind()
	c.Free()
	if fork[0].refs != 1 {
		t.Errorf("%d owners of the page after the other cache was freed, want 1", fork[0].refs)
	}
	f.Free()
	if n := len(b.pages.free[kind]); n != 3 {
		t.Errorf("%d free pages, want 3", n)
	}
}

func TestPagesAreUsedAgain(t *testing.T) {
	b := start(t, 1)
	c := oneLayer(b)
	put(b, c, 200)
	last := c.layers[0].pages[3]
	c.Truncate(65)
	if n := len(c.layers[0].pages); n != 2 {
		t.Fatalf("%d pages hold 65 positions, want 2", n)
	}
	put(b, c, 100)
	if c.layers[0].pages[2] != last {
		t.Error("a new page was made while one was free")
	}
	c.Free()
}

func TestTruncateMendsLayersThatRanAhead(t *testing.T) {
	b := start(t, 1)
	layer := tensor.KVLayer{Heads: 1, Dim: 4}
	c := b.NewKV([]tensor.KVLayer{layer, layer})
	x := b.Input(make([]float32, 12), 3, 1, 4)
	segs := []tensor.Segment{{To: 3, KV: c}}
	b.Store(0, x, x, segs)
	if c.Len() != 0 {
		t.Errorf("Len = %d while one layer is missing, want 0", c.Len())
	}
	c.Truncate(c.Len())
	b.Store(0, x, x, segs)
	b.Store(1, x, x, segs)
	if c.Len() != 3 {
		t.Errorf("Len = %d, want 3", c.Len())
	}
	c.Free()
}
