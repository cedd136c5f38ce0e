package cpu

import (
	"math"
	"slices"
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

func TestQuantizeKeepsZeroAndWhatWentWrong(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	codes := make([]int8, 4)
	for _, c := range []struct {
		values []float32
		scale  float32
		codes  []int8
	}{
		{[]float32{0, 0, 0, 0}, 0, []int8{0, 0, 0, 0}},
		{[]float32{0, 1e-31, 0, -1e-40}, 0, []int8{0, 0, 0, 0}},
		{[]float32{127, -127, 0.5, 1.5}, 1, []int8{127, -127, 0, 2}},
		{[]float32{-254, 253, 1, 3}, 2, []int8{-127, 126, 0, 2}},
		{[]float32{math.MaxFloat32, 0, -math.MaxFloat32, 1}, math.MaxFloat32 / 127, []int8{127, 0, -127, 0}},
		{[]float32{1, inf, 2, 3}, nan, []int8{0, 0, 0, 0}},
		{[]float32{1, 2, nan, 3}, nan, []int8{0, 0, 0, 0}},
	} {
		scale := quantize(codes, c.values)
		if math.Float32bits(scale) != math.Float32bits(c.scale) && !(scale != scale && c.scale != c.scale) || !slices.Equal(codes, c.codes) {
			t.Errorf("%v: scale %v, codes %v, want %v, %v", c.values, scale, codes, c.scale, c.codes)
		}
	}
}
