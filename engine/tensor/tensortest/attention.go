package tensortest

import (
	"fmt"
	"math"

	"hark/engine/tensor"
)

func testRope(t *T) {
	for _, sections := range []int{1, 2} {
		const half, heads = 6, 3
		freq := t.normal(half, 1)
		freq[2], freq[5] = 0, 0
		pos := []int32{0, 1, 700, 5, -3, 12}
		rows, dim := len(pos)/sections, sections*half*2
		x, v := t.input(rows, heads, dim)
		want := make([]float64, len(v))
		for r := range rows {
			for h := range heads {
				for s := range sections {
					for i := range half {
						angle := float64(float32(pos[r*sections+s]) * freq[i])
						a := (r*heads+h)*dim + s*2*half + i
						b := a + half
						want[a] = float64(v[a])*math.Cos(angle) - float64(v[b])*math.Sin(angle)
						want[b] = float64(v[b])*math.Cos(angle) + float64(v[a])*math.Sin(angle)
					}
				}
			}
		}
		turns := t.b.Angles(&tensor.Rotary{Sections: sections, Freq: freq}, pos)
		y := t.b.Rope(x, turns)
		t.shape("Rope", y, rows, heads, dim)
		// The angle of position 700 is itself known to 4e-5 only.
		magnitude := make([]float64, len(want))
		for i := range magnitude {
			magnitude[i] = 10
		}
		t.near("Rope", y, want, magnitude)
	}
}

// story is a sequence made up for a test: queries, keys and values of n
// positions, [n, N, D] and [n, K, D].
type story struct {
	n, heads, keyHeads, dim int
	q, k, v                 []float32
}

func (t *T) story(n, heads, keyHeads, dim int) *story {
	return &story{
		n: n, heads: heads, keyHeads: keyHeads, dim: dim,
		q: t.normal(n*heads*dim, 0.5), k: t.normal(n*keyHeads*dim, 0.5), v: t.normal(n*keyHeads*dim, 1),
	}
}

// queries, keys and values return positions from to to.
func (s *story) queries(from, to int) []float32 { return s.q[from*s.heads*s.dim : to*s.heads*s.dim] }
func (s *story) keys(from, to int) []float32 {
	return s.k[from*s.keyHeads*s.dim : to*s.keyHeads*s.dim]
}
func (s *story) values(from, to int) []float32 {
	return s.v[from*s.keyHeads*s.dim : to*s.keyHeads*s.dim]
}

// attend returns what positions from to to see, [to-from, N*D], each row r
// looking at positions low to high of view.
func (s *story) attend(from, to int, view func(pos int) (low, high int)) []float64 {
	var out []float64
	for pos := from; pos < to; pos++ {
		low, high := view(pos)
		for h := range s.heads {
			key := h / (s.heads / s.keyHeads)
			at := func(j int) int { return (j*s.keyHeads + key) * s.dim }
			q := s.q[(pos*s.heads+h)*s.dim:][:s.dim]
			row := make([]float64, s.dim)
			total, most := 0.0, math.Inf(-1)
			scores := make([]float64, high-low)
			for j := range scores {
				y, _ := product(q, s.k[at(low+j):at(low+j)+s.dim], s.dim)
				scores[j] = y[0]
				most = max(most, y[0])
			}
			for j, score := range scores {
				p := math.Exp(score - most)
				total += p
				for d := range row {
					row[d] += p * float64(s.v[at(low+j)+d])
				}
			}
			for _, v := range row {
				out = append(out, v/total)
			}
		}
	}
	return out
}

// causal is the view of a text layer.
func causal(window int) func(int) (int, int) {
	return func(pos int) (int, int) {
		if window == 0 {
			return 0, pos + 1
		}
		return max(0, pos-window+1), pos + 1
	}
}

// part is one sequence's share of a forward in a test.
type part struct {
	*story
	kv       tensor.KV
	from, to int
	until    []int
}

// forward stores the parts' keys and values in the layer and returns what
// their queries see, [rows, N*D].
func (t *T) forward(layer int, ahead bool, parts ...part) []float32 {
	t.Helper()
	var q, k, v []float32
	var segs []tensor.Segment
	rows := 0
	for _, p := range parts {
		n := p.to - p.from
		segs = append(segs, tensor.Segment{From: rows, To: rows + n, KV: p.kv, Pos: p.from, Until: p.until})
		rows += n
		q = append(q, p.queries(p.from, p.to)...)
		k = append(k, p.keys(p.from, p.to)...)
		v = append(v, p.values(p.from, p.to)...)
	}
	s := parts[0].story
	t.b.Store(layer, t.b.Input(k, rows, s.keyHeads, s.dim), t.b.Input(v, rows, s.keyHeads, s.dim), segs)
	y := t.b.Attention(layer, t.b.Input(q, rows, s.heads, s.dim), segs, ahead)
	t.shape("Attention", y, rows, s.heads*s.dim)
	out := t.b.Read(nil, y)
	t.b.EndStep()
	return out
}

// cache makes a cache of one layer for the story.
func (t *T) cache(s *story, window int) tensor.KV {
	return t.b.NewKV([]tensor.KVLayer{{Heads: s.keyHeads, Dim: s.dim, Window: window}})
}

// matches fails unless got is want within tolerance.
func (t *T) matches(what string, got []float32, want []float64) {
	t.Helper()
	t.near(what, t.b.Input(got, len(got)), want, nil)
}

func testAttention(t *T) {
	for _, c := range []struct{ n, heads, keyHeads, dim, window int }{
		{1, 1, 1, 4, 0}, {9, 4, 2, 16, 0}, {70, 2, 1, 24, 0}, {150, 3, 3, 8, 0},
		{9, 4, 2, 16, 4}, {150, 8, 1, 32, 20}, {150, 2, 2, 20, 64}, {130, 2, 1, 64, 1},
	} {
		s := t.story(c.n, c.heads, c.keyHeads, c.dim)
		kv := t.cache(s, c.window)
		got := t.forward(0, false, part{story: s, kv: kv, to: c.n})
		t.matches(fmt.Sprintf("%+v", c), got, s.attend(0, c.n, causal(c.window)))
		if kv.Len() != c.n {
			t.Errorf("%+v: Len = %d", c, kv.Len())
		}
		if least := int64(c.n * c.keyHeads * c.dim * 4); kv.Bytes() < least && c.window == 0 {
			t.Errorf("%+v: Bytes = %d, want at least %d", c, kv.Bytes(), least)
		}
		kv.Free()
	}
}

// testAttentionBatch checks that a batch of sequences is each one alone,
// wherever each stands.
func testAttentionBatch(t *T) {
	const window = 40
	var stories []*story
	var alone, together []tensor.KV
	var alonesRows [][]float32
	starts, lengths := []int{0, 63, 5, 130}, []int{70, 1, 3, 17}
	for i, from := range starts {
		s := t.story(from+lengths[i], 4, 2, 16)
		stories = append(stories, s)
		alone, together = append(alone, t.cache(s, window)), append(together, t.cache(s, window))
		if from > 0 {
			t.forward(0, false, part{story: s, kv: alone[i], to: from})
			t.forward(0, false, part{story: s, kv: together[i], to: from})
		}
		alonesRows = append(alonesRows, t.forward(0, false, part{story: s, kv: alone[i], from: from, to: s.n}))
	}
	var parts []part
	for i, s := range stories {
		parts = append(parts, part{story: s, kv: together[i], from: starts[i], to: s.n})
	}
	got := t.forward(0, false, parts...)
	for i, want := range alonesRows {
		t.alike(fmt.Sprintf("sequence %d", i), got[:len(want)], want)
		got = got[len(want):]
		alone[i].Free()
		together[i].Free()
	}
}

// testAttentionAhead lets a picture at positions 70 to 80 see all of itself.
func testAttentionAhead(t *T) {
	for _, window := range []int{0, 30} {
		s := t.story(90, 4, 1, 16)
		until := make([]int, 90)
		for i := 70; i < 80; i++ {
			until[i] = 80
		}
		past := causal(window)
		blocks := func(pos int) (int, int) {
			low, high := past(pos)
			return low, max(high, until[pos])
		}
		kv := t.cache(s, window)
		got := t.forward(0, true, part{story: s, kv: kv, to: 90, until: until})
		t.matches("ahead", got, s.attend(0, 90, blocks))
		kv.Free()

		kv = t.cache(s, window)
		got = t.forward(0, false, part{story: s, kv: kv, to: 90, until: until})
		t.matches("not ahead", got, s.attend(0, 90, past))
		kv.Free()

		kv = t.cache(s, window)
		t.forward(0, true, part{story: s, kv: kv, to: 65, until: until[:65]})
		got = t.forward(0, true, part{story: s, kv: kv, from: 65, to: 90, until: until[65:]})
		t.matches("second piece", got, s.attend(65, 90, blocks))
		kv.Free()
	}
}

// testKVPieces checks that storing in pieces is storing the whole.
func testKVPieces(t *T) {
	s := t.story(140, 4, 2, 16)
	for _, bits := range []int{0, 8} {
		layers := []tensor.KVLayer{{Heads: s.keyHeads, Dim: s.dim, Window: 50, Bits: bits}}
		kv := t.b.NewKV(layers)
		whole := t.forward(0, false, part{story: s, kv: kv, to: s.n})
		kv.Free()
		for _, step := range []int{1, 7, 64, 100} {
			kv := t.b.NewKV(layers)
			var got []float32
			for from := 0; from < s.n; from += step {
				got = append(got, t.forward(0, false, part{story: s, kv: kv, from: from, to: min(from+step, s.n)})...)
			}
			t.alike(fmt.Sprintf("%d bits, pieces of %d", bits, step), got, whole)
			kv.Free()
		}
	}
}

// testKVFork checks that a fork is a copy: either goes on, or ends, without
// the other noticing.
func testKVFork(t *T) {
	for _, at := range []int{1, 64, 70} {
		a, b := t.story(at+70, 2, 1, 16), t.story(at+70, 2, 1, 16)
		copy(b.k, a.keys(0, at))
		copy(b.v, a.values(0, at))
		kv := t.cache(a, 0)
		t.forward(0, false, part{story: a, kv: kv, to: at})
		fork := kv.Fork()
		if fork.Len() != at || fork.Bytes() != kv.Bytes() {
			t.Errorf("fork: %d positions, %d bytes, want %d, %d", fork.Len(), fork.Bytes(), at, kv.Bytes())
		}
		gotB := t.forward(0, false, part{story: b, kv: fork, from: at, to: at + 3})
		gotA := t.forward(0, false, part{story: a, kv: kv, from: at, to: at + 70})
		t.matches("original", gotA, a.attend(at, at+70, causal(0)))
		if fork.Len() != at+3 {
			t.Errorf("fork: %d positions after the original grew, want %d", fork.Len(), at+3)
		}
		kv.Free()
		// Pages of the original are used again by a stranger.
		other := t.cache(a, 0)
		t.forward(0, false, part{story: b, kv: other, to: at + 70})
		gotB = append(gotB, t.forward(0, false, part{story: b, kv: fork, from: at + 3, to: at + 70})...)
		t.matches("fork", gotB, b.attend(at, at+70, causal(0)))
		other.Free()
		fork.Free()
	}
}

// testKVTruncate checks that storing after Truncate is as if what was dropped
// had never been, in a fork's original too.
func testKVTruncate(t *T) {
	for _, keep := range []int{0, 1, 63, 64, 65, 100} {
		a, b := t.story(100, 2, 2, 16), t.story(150, 2, 2, 16)
		copy(b.k, a.keys(0, keep))
		copy(b.v, a.values(0, keep))
		kv := t.cache(a, 0)
		t.forward(0, false, part{story: a, kv: kv, to: 100})
		fork := kv.Fork()
		fork.Truncate(keep)
		if fork.Len() != keep {
			t.Errorf("Len = %d after Truncate, want %d", fork.Len(), keep)
		}
		got := t.forward(0, false, part{story: b, kv: fork, from: keep, to: 150})
		t.matches(fmt.Sprintf("truncated to %d", keep), got, b.attend(keep, 150, causal(0)))
		// The original still has what the fork dropped.
		more := t.story(101, 2, 2, 16)
		copy(more.k, a.k)
		copy(more.v, a.v)
		got = t.forward(0, false, part{story: more, kv: kv, from: 100, to: 101})
		t.matches("original", got, more.attend(100, 101, causal(0)))
		for _, bad := range []int{-1, 102} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Truncate(%d) of 101 positions did not panic", bad)
					}
				}()
				kv.Truncate(bad)
			}()
		}
		kv.Free()
		fork.Free()
	}
}

// testKVLayers checks layers of different sizes side by side, and queries of
// a layer that stores nothing itself.
func testKVLayers(t *T) {
	small, large := t.story(80, 4, 1, 8), t.story(80, 4, 2, 32)
	kv := t.b.NewKV([]tensor.KVLayer{{Heads: 1, Dim: 8, Window: 16}, {Heads: 2, Dim: 32}})
	got := t.forward(0, false, part{story: small, kv: kv, to: 80})
	t.matches("layer 0", got, small.attend(0, 80, causal(16)))
	got = t.forward(1, false, part{story: large, kv: kv, to: 80})
	t.matches("layer 1", got, large.attend(0, 80, causal(0)))
	if kv.Len() != 80 {
		t.Errorf("Len = %d, want 80", kv.Len())
	}
	// The last 2 positions only, with other queries.
	again := *small
	again.q = t.normal(len(small.q), 1)
	q := t.b.Input(again.queries(78, 80), 2, 4, 8)
	y := t.b.Attention(0, q, []tensor.Segment{{From: 0, To: 2, KV: kv, Pos: 78}}, false)
	t.near("shared layer", y, again.attend(78, 80, causal(16)), nil)
	kv.Free()
}

func testFullAttention(t *T) {
	for _, c := range []struct{ rows, heads, dim int }{{1, 1, 4}, {10, 3, 24}, {67, 2, 64}} {
		s := t.story(c.rows, c.heads, c.heads, c.dim)
		shape := []int{c.rows, c.heads, c.dim}
		y := t.b.FullAttention(t.b.Input(s.q, shape...), t.b.Input(s.k, shape...), t.b.Input(s.v, shape...))
		t.shape("FullAttention", y, c.rows, c.heads*c.dim)
		t.near("FullAttention", y, s.attend(0, c.rows, func(int) (int, int) { return 0, c.rows }), nil)
	}
}
