//go:build gemma270m

package gemma3

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hark/engine/model/modeltest"
	"hark/engine/token"
)

// prose returns the ids of paragraphs of hark's documents, about so many.
func prose(t *testing.T, m *Model, n int) [][]token.ID {
	t.Helper()
	var paragraphs [][]token.ID
	total := 0
	for _, name := range []string{"docs/path.md", "CONTRIBUTING.md", "docs/models.md", "docs/demo-model.md", "README.md"} {
		text, err := os.ReadFile("../../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitAfterSeq(string(text), "\n\n") {
			ids := m.tok.EncodeText(nil, part)
			if total += len(ids); total > n {
				return paragraphs
			}
			paragraphs = append(paragraphs, ids)
		}
	}
	return paragraphs
}

// begin is the id that every text begins with.
const begin = 2

// TestRealKVLoss measures what 8-bit keys and values lose on prose.
func TestRealKVLoss(t *testing.T) {
	m, _ := readReal(t)
	r := &modeltest.Reader{Model: m, Backend: m.ops}
	ids := append([]token.ID{begin}, slices.Concat(prose(t, m, 3000)...)...)
	exact, narrow := r.Cache(0), r.Cache(8)
	d := r.Compare(ids, exact, narrow)[0]
	t.Logf("8 bits against float32, %d of %d bytes: %v", narrow.Bytes(), exact.Bytes(), d)
	if d.Positions < 2000 || d.Mean > 0.002 || float64(d.Agree) < 0.97*float64(d.Positions) {
		t.Errorf("%v: want a mean of at most 0.002 and the same token at 97 %%", d)
	}
}

// TestRealCutLoss measures how far a text whose oldest paragraphs were cut is
// from one computed anew without them.
func TestRealCutLoss(t *testing.T) {
	m, _ := readReal(t)
	r := &modeltest.Reader{Model: m, Backend: m.ops}
	paragraphs := prose(t, m, 5500)
	system := append([]token.ID{begin}, paragraphs[0]...)
	for _, bits := range []int{0, 8} {
		cut, whole, err := r.Forget(&modeltest.Forgetting{System: system, Turns: paragraphs[1:], Limit: 2000, Keep: 1000, Bits: bits})
		if err != nil {
			t.Fatal(err)
		}
		var all, never modeltest.Drift
		for i := range cut {
			all.Join(cut[i])
			never.Join(whole[i])
			t.Logf("%d bits, cut %d: %v; never cut: %v", bits, i+1, cut[i], whole[i])
			if cut[i].Mean > 0.1 {
				t.Errorf("cut %d: %v, want a mean of at most 0.1", i+1, cut[i])
			}
		}
		t.Logf("%d bits, %d cuts: %v; never cut: %v", bits, len(cut), all, never)
		if len(cut) < 2 {
			t.Errorf("%d cuts, want 2 at least", len(cut))
		}
	}
}
