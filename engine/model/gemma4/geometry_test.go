package gemma4

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu"
	"hark/engine/inspect"
	"hark/engine/weights"
)

func (p *published) config(t testing.TB) *Config {
	t.Helper()
	c, err := ParseConfig(publishedConfig(t, p.name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look loads tensors that have no data, with the model's own configuration and
// the tokenizer of a small model, and reports.
func (p *published) look(t testing.TB, ts tensors, quantization any) *inspect.Report {
	t.Helper()
	return p.edit(t, ts, map[string]any{"quantization": quantization})
}

// edit is look with a configuration that was changed.
func (p *published) edit(t testing.TB, ts tensors, edits map[string]any) *inspect.Report {
	t.Helper()
	like := "e"
	if p.vision == "patches" {
		like = "unified"
	}
	files := map[string][]byte{"config.json": edited(t, publishedConfig(t, p.name), edits)}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join(tiny, like, "hf-bf16", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	src := &weights.Outline{Source: weights.Memory(p.name, files), Entries: ts}
	return inspect.Run(src, &inspect.Options{KVBytes: cpu.KVBytes})
}

func TestGeometryOfPublishedModels(t *testing.T) {
	for _, p := range models {
		t.Run(p.name, func(t *testing.T) {
			c := p.config(t)
			x := &c.Text
			if c.Variant() != p.name || x.Layers != p.layers || len(x.Layer) != p.layers || x.Hidden != p.hidden || x.Vocab != 262144 || x.PLE != p.ple {
				t.Errorf("%s with %d layers %d wide, vocabulary %d, per-layer %d", c.Variant(), len(x.Layer), x.Hidden, x.Vocab, x.PLE)
			}
			if x.Heads != p.heads || x.SoftCap != 30 || x.Eps != 1e-6 || x.Context != p.context || x.BlocksAhead != p.keyIsValue || x.Experts != p.experts || x.ExpertF != p.fe {
				t.Errorf("%d heads, cap %v, eps %v, context %d, ahead %v, %d experts of %d", x.Heads, x.SoftCap, x.Eps, x.Context, x.BlocksAhead, x.Experts, x.ExpertF)
			}
			if (c.Vision != nil) != (p.vision == "small" || p.vision == "large") || (c.Patch != nil) != (p.vision == "patches") ||
				(c.Audio != nil) != (p.audio == "tower") || (c.Frame != nil) != (p.audio == "frames") {
				t.Errorf("sees with %v %v, hears with %v %v", c.Vision, c.Patch, c.Audio, c.Frame)
			}
			first, owners := p.layers-p.shared, 0
			donor := map[bool]int{}
			grows := 0
			for i, l := range x.Layer {
				want := LayerConfig{Full: p.full(i), Window: p.window, KVHeads: p.kvSliding, Dim: 256, F: p.f}
				if want.Full {
					want.Window, want.KVHeads, want.Dim = 0, p.kvFull, 512
				}
				if i < first {
					want.KV, want.OwnsKV = owners, true
					donor[want.Full] = i
					owners++
					if want.Full {
						grows += 2 * 2 * l.KVHeads * l.Dim
					}
				} else {
					want.KV = donor[want.Full] // owners come first, so their numbers are those of their layers
					if p.wide {
						want.F *= 2
					}
				}
				if l != want {
					t.Errorf("layer %d is %+v, want %+v", i, l, want)
				}
			}
			if grows != p.grows {
				t.Errorf("the full layers' cache grows by %d bytes a token in bf16, want %d", grows, p.grows)
			}
		})
	}
}

// TestDonorsOfSharedKeys has the layers that section 7.7 names.
func TestDonorsOfSharedKeys(t *testing.T) {
	for i, want := range []struct{ first, sliding, full, slidingCaches, fullCaches int }{{15, 13, 14, 12, 3}, {24, 22, 23, 20, 4}} {
		c := models[i].config(t)
		var sliding, full int
		for n, l := range c.Text.Layer {
			switch {
			case l.OwnsKV != (n < want.first):
				t.Errorf("%s: layer %d owns its keys: %v", models[i].name, n, l.OwnsKV)
			case l.OwnsKV && l.Full:
				full++
			case l.OwnsKV:
				sliding++
			case l.Full && l.KV != want.full, !l.Full && l.KV != want.sliding:
				t.Errorf("%s: layer %d reads the cache of layer %d", models[i].name, n, l.KV)
			}
		}
		if sliding != want.slidingCaches || full != want.fullCaches {
			t.Errorf("%s: %d sliding and %d full caches, want %d and %d", models[i].name, sliding, full, want.slidingCaches, want.fullCaches)
		}
	}
}

func TestTurnsOfPublishedModels(t *testing.T) {
	for _, p := range models {
		x := p.config(t).Text
		if n := len(x.Sliding.Freq); n != 128 || x.Sliding.Freq[0] != 1 || x.Sliding.Freq[127] == 0 {
			t.Errorf("%s: sliding layers turn %d pairs, %v", p.name, n, x.Sliding.Freq)
		}
		if n := len(x.Full.Freq); n != 256 || x.Full.Freq[63] == 0 || x.Full.Freq[64] != 0 {
			t.Errorf("%s: full layers turn %d pairs, %v", p.name, n, x.Full.Freq)
		}
	}
}

// TestLoaderAsksForThePublishedTensors loads every published checkpoint, as on
// the hub, as an old export, converted and quantized: all that is there is
// asked for in the shape that it has, and nothing else.
func TestLoaderAsksForThePublishedTensors(t *testing.T) {
	for _, p := range models {
		hub := p.hub()
		old := maps.Clone(hub)
		p.dead(old)
		old.add("lm_head.weight", 262144, p.hidden)
		for layout, c := range map[string]struct {
			tensors      tensors
			quantization any
		}{
			"hub": {hub, nil}, "old": {old, nil}, "mlx": {hub.mlx(), nil},
			"q4g64":  {hub.mlx().quantized(4, 64), map[string]any{"group_size": 64, "bits": 4}},
			"q8g32":  {hub.mlx().quantized(8, 32), map[string]any{"group_size": 32, "bits": 8}},
			"silent": {hub.mlx().quantized(4, 64), nil},
		} {
			t.Run(p.name+"/"+layout, func(t *testing.T) {
				if q, ok := c.quantization.(map[string]any); ok && p.experts > 0 {
					for i := range p.layers {
						q[fmt.Sprintf("language_model.model.layers.%d.router.proj", i)] = map[string]int{"group_size": 64, "bits": 8}
					}
				}
				r := p.look(t, c.tensors, c.quantization)
				if len(r.Problems) > 0 {
					t.Fatal(strings.Join(r.Problems, "\n"))
				}
				if r.Variant != p.name || (r.Hears != nil) != (p.audio != "") || r.Sees == nil {
					t.Errorf("%s, hears %v, sees %v", r.Variant, r.Hears, r.Sees)
				}
				if n := float64(r.Parameters) / 1e9; n < p.least || n > p.most {
					t.Errorf("%.2f thousand million parameters, want %v to %v", n, p.least, p.most)
				}
				if layout != "old" && r.LeftOver != 0 {
					t.Errorf("%d bytes left over", r.LeftOver)
				}
				p.compare(t, r, c.tensors)
			})
		}
	}
}

// compare demands that the report lists the matrices and vectors of ts.
func (p *published) compare(t *testing.T, r *inspect.Report, ts tensors) {
	t.Helper()
	want := tensors{}
	for name, e := range ts {
		if strings.HasSuffix(name, ".scales") || strings.HasSuffix(name, ".biases") {
			continue
		}
		if c := canonical(name); c != "" && !strings.HasPrefix(c, "lm_head") {
			want[c] = e
		}
	}
	for _, got := range r.Tensors {
		e, ok := want[got.Name]
		if !ok {
			t.Errorf("%s is asked for and not in the specification", got.Name)
		}
		if got.Packing == "bf16" && !slices.Equal(got.Shape, e.Shape) {
			t.Errorf("%s has shape %v, want %v", got.Name, got.Shape, e.Shape)
		}
		delete(want, got.Name)
	}
	for i := p.layers - p.shared; i < p.layers; i++ {
		for _, dead := range []string{"k_proj.weight", "v_proj.weight", "k_norm.weight"} {
			delete(want, fmt.Sprintf("language_model.model.layers.%d.self_attn.%s", i, dead))
		}
	}
	if len(want) > 0 {
		t.Errorf("not asked for: %v", want.names())
	}
}

// TestRowsOfPublishedTensors has the figures of section 3.1, "sizes to check a
// loader with": rows of q, k and v in a sliding and in a full layer.
func TestRowsOfPublishedTensors(t *testing.T) {
	type rows struct{ q, k, v int }
	for i, want := range []struct{ sliding, full rows }{
		{rows{2048, 256, 256}, rows{4096, 512, 512}},
		{rows{2048, 512, 512}, rows{4096, 1024, 1024}},
		{rows{4096, 2048, 2048}, rows{8192, 512, 0}},
		{rows{4096, 2048, 2048}, rows{8192, 1024, 0}},
		{rows{8192, 4096, 4096}, rows{16384, 2048, 0}},
	} {
		p := models[i]
		shapes := map[string][]int{}
		for _, tensor := range p.look(t, p.hub(), nil).Tensors {
			shapes[strings.TrimPrefix(tensor.Name, "language_model.model.")] = tensor.Shape
		}
		for layer, w := range map[int]rows{0: want.sliding, p.pattern - 1: want.full} {
			n := fmt.Sprintf("layers.%d.self_attn.", layer)
			for name, rows := range map[string]int{"q_proj": w.q, "k_proj": w.k, "v_proj": w.v} {
				if s, ok := shapes[n+name+".weight"]; ok != (rows > 0) || ok && !slices.Equal(s, []int{rows, p.hidden}) {
					t.Errorf("%s: %s%s is %v, want %d rows", p.name, n, name, s, rows)
				}
			}
			if s := shapes[n+"o_proj.weight"]; !slices.Equal(s, []int{p.hidden, w.q}) {
				t.Errorf("%s: %so_proj is %v", p.name, n, s)
			}
		}
		for name, shape := range map[string][][]int{
			"embed_tokens_per_layer.weight": {{262144, 8960}, {262144, 10752}, nil, nil, nil},
			"layers.0.experts.gate_up_proj": {nil, nil, nil, {128, 1408, 2816}, nil},
		} {
			if !slices.Equal(shapes[name], shape[i]) {
				t.Errorf("%s: %s is %v, want %v", p.name, name, shapes[name], shape[i])
			}
		}
	}
}

// TestBrokenCheckpointsAreListedWhole takes tensors away, adds and bends some.
func TestBrokenCheckpointsAreListedWhole(t *testing.T) {
	for _, p := range models {
		ts := p.hub()
		const base = "model.language_model."
		delete(ts, base+"norm.weight")
		delete(ts, "model.embed_vision.embedding_projection.weight")
		ts.add(base+"layers.1.self_attn.extra.weight", 3, 4)
		bent := ts[base+"layers.0.self_attn.k_proj.weight"]
		bent.Shape = []int{bent.Shape[0] / 2, bent.Shape[1]}
		ts[base+"layers.0.self_attn.k_proj.weight"] = bent
		wide := ts[base+"embed_tokens.weight"]
		wide.Shape = []int{wide.Shape[0] - 64, wide.Shape[1]}
		ts[base+"embed_tokens.weight"] = wide
		all := strings.Join(p.look(t, ts, nil).Problems, "\n")
		for _, want := range []string{
			"2 missing, 2 misshapen, 1 unused, 0 contradictory", "language_model.model.norm: missing", "embed_vision.embedding_projection.weight: missing",
			"layers.1.self_attn.extra.weight: BF16 [3 4], not called for",
			fmt.Sprintf("layers.0.self_attn.k_proj.weight: BF16 %v, want", bent.Shape),
			fmt.Sprintf("embed_tokens.weight: BF16 [262080 %d], want [262144 %d]", p.hidden, p.hidden),
		} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: nothing says %q:\n%s", p.name, want, all)
			}
		}
	}
}

// TestCostOfHearing compares with section 13.1: about 0.29 thousand million
// products a soft token in the layers, 6 million in the rest.
func TestCostOfHearing(t *testing.T) {
	for _, p := range models[:2] {
		r := p.look(t, p.hub(), nil)
		if n := float64(r.Speech.TowerProducts) / 25; n < 290e6 || n > 302e6 {
			t.Errorf("%s: %v products a soft token, want about 0.29e9 and 6e6", p.name, n)
		}
	}
}

// TestReportsAreJSON checks that a report survives being written.
func TestReportsAreJSON(t *testing.T) {
	r := models[3].look(t, models[3].hub(), nil)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back inspect.Report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if back.Variant != "26B-A4B" || back.Experts != 128 || len(back.Tensors) != len(r.Tensors) || back.Hears != nil || len(back.Memory) != 5 {
		t.Errorf("written and read back: %s, %d experts, %d tensors, hears %v, %d lengths", back.Variant, back.Experts, len(back.Tensors), back.Hears, len(back.Memory))
	}
}
