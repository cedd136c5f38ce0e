//go:build gemma270m

package gemma3

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/model"
	"hark/engine/token"
	"hark/engine/weights"
)

// real is what tools/goldens/gemma270m.py makes.
const real = "../../../.cache/models/gemma3-270m"

// realGolden is its golden.json.
type realGolden struct {
	Prompts []struct {
		Text            string
		IDs, Greedy     []token.ID
		Logits, Margins []float64 // of each greedy token: its logit, and the lead over the second
	}
	Encode []struct {
		Text string
		IDs  []token.ID
	}
}

func readReal(t *testing.T) (*Model, *realGolden) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(real, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	g := &realGolden{}
	if err := json.Unmarshal(data, g); err != nil {
		t.Fatal(err)
	}
	src, err := weights.Dir(real)
	if err != nil {
		t.Fatal(err)
	}
	b := backend()
	m, err := Load(src, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
	return m, g
}

// TestRealSentences: on real weights the model writes what transformers writes
// in float32, except where the reference itself wavers. Logits are near 20.
func TestRealSentences(t *testing.T) {
	const boundLead, boundLogit = 1e-3, 1e-3
	m, g := readReal(t)
	if m.Info().Variant != "270M" || len(g.Prompts) != 20 {
		t.Fatalf("%s with %d prompts, want 270M with 20", m.Info().Variant, len(g.Prompts))
	}
	worst, other, steps := 0.0, 0, 0
	for _, p := range g.Prompts {
		kv := m.ops.NewKV(m.KVLayers())
		row := model.Row{KV: kv, IDs: p.IDs, Logits: 1}
		for i, want := range p.Greedy {
			got := m.ops.Read(nil, m.Forward([]model.Row{row}))
			m.ops.EndStep()
			best := 0
			for j, v := range got {
				if v > got[best] {
					best = j
				}
			}
			if steps++; token.ID(best) != want {
				other++
				if p.Margins[i] >= boundLead {
					t.Errorf("%q, token %d: %d, want %d, which leads by %.3g", p.Text, i, best, want, p.Margins[i])
				}
			}
			worst = max(worst, math.Abs(float64(got[want])-p.Logits[i]))
			row = model.Row{KV: kv, Pos: kv.Len(), IDs: []token.ID{want}, Logits: 1}
		}
		kv.Free()
		t.Logf("%s%s", p.Text, m.tok.Decode(p.Greedy))
	}
	t.Logf("%d tokens, %d of them others, logits within %.2g", steps, other, worst)
	if worst > boundLogit {
		t.Errorf("logits differ by %g, want at most %g", worst, boundLogit)
	}
}

// TestRealTokens: text becomes the ids that SentencePiece makes of it with the
// same token table, and they become the text again.
func TestRealTokens(t *testing.T) {
	m, g := readReal(t)
	if len(g.Encode) < 400 {
		t.Fatalf("%d strings, want 400", len(g.Encode))
	}
	for _, c := range g.Encode {
		if got := m.tok.EncodeText(nil, c.Text); !slices.Equal(got, c.IDs) {
			t.Errorf("%q: %v, want %v", c.Text, got, c.IDs)
		}
		if got, want := m.tok.Decode(c.IDs), strings.ReplaceAll(c.Text, "▁", " "); got != want {
			t.Errorf("%v: %q, want %q", c.IDs, got, want)
		}
	}
}
