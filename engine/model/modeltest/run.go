package modeltest

import (
	"fmt"
	"slices"
	"testing"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// Case is a checkpoint with its goldens.
type Case struct {
	Source weights.Source
	Golden *Golden
	// Prompts holds the prompts, if Golden has none.
	Prompts *Golden
	// Prefix is put before the golden names: "" for the transformers file,
	// "mlx." or "dequantized." for the quantized ones.
	Prefix string
	// Logits is the golden of the text prefill: "text.logits" or, with
	// bfloat16 weights, "text.logits_bf16_scale".
	Logits string
	// Picture is the one behind the vision goldens.
	Picture *vision.Image
	// Samples are the clip behind the audio goldens, at 16 kHz.
	Samples []float32
	// Backend makes a fresh backend.
	Backend func() tensor.Backend
}

// fixture is a case loaded on a traced backend.
type fixture struct {
	*Case
	t     *testing.T
	m     model.Model
	b     tensor.Backend
	seen  map[string][]float32 // activations of the last forward
	order []string
}

func open(t *testing.T, c *Case) *fixture {
	t.Helper()
	f := &fixture{Case: c, t: t, seen: map[string][]float32{}}
	b := c.Backend()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	f.b = tensor.Trace(b, func(name string, _ []int, values []float32) {
		f.order = append(f.order, name)
		f.seen[name] = slices.Clone(values)
	})
	m, err := model.Open(c.Source, f.b)
	if err != nil {
		t.Fatal(err)
	}
	f.m = m
	f.reset()
	return f
}

func (f *fixture) reset() {
	clear(f.seen)
	f.order = f.order[:0]
}

// Run checks everything that the golden file holds, and the properties.
func Run(t *testing.T, c Case) {
	if c.Logits == "" {
		c.Logits = "text.logits"
	}
	if c.Prompts == nil {
		c.Prompts = c.Golden
	}
	t.Run("text", func(t *testing.T) { open(t, &c).text() })
	t.Run("greedy", func(t *testing.T) { open(t, &c).greedy() })
	if c.Golden.Has(c.Prefix+"vision.soft") && c.Picture != nil {
		t.Run("vision", func(t *testing.T) { open(t, &c).vision() })
	}
	if c.Golden.Has(c.Prefix + "audio.soft") {
		t.Run("audio", func(t *testing.T) { open(t, &c).audio() })
	}
	for _, kind := range []string{"image", "audio", "video", "both"} {
		if c.Golden.Has(c.Prefix + "mm." + kind + ".logits") {
			t.Run("mm/"+kind, func(t *testing.T) { open(t, &c).merged(kind) })
		}
	}
	t.Run("properties", func(t *testing.T) { properties(t, &c) })
}

// cache makes an empty cache.
func (f *fixture) cache() tensor.KV { return f.b.NewKV(f.m.KVLayers()) }

// forward runs one row from the start of a fresh cache and returns its logits.
func (f *fixture) forward(r model.Row) []float32 {
	if r.KV == nil {
		r.KV = f.cache()
		defer r.KV.Free()
	}
	x := f.m.Forward([]model.Row{r})
	if x == nil {
		f.b.EndStep()
		return nil
	}
	out := f.b.Read(nil, x)
	f.b.EndStep()
	return out
}

// activations compares the layers of a tower with goldens called
// from.layer.N, then the named ones, in order, and stops at the first that is
// off.
func (f *fixture) activations(from, to string, bound float64) bool {
	f.t.Helper()
	for i := 0; ; i++ {
		golden := fmt.Sprintf("%s%s.layer.%d", f.Prefix, from, i)
		want := f.Golden.Floats(golden)
		if want == nil {
			return true
		}
		name := fmt.Sprintf("%s.layers.%d.out", to, i)
		if !within(f.t, name, f.Golden.Part(golden, f.seen[name]), want, bound) {
			return false
		}
	}
}

func (f *fixture) activation(golden, name string, bound float64) bool {
	f.t.Helper()
	want := f.Golden.Floats(f.Prefix + golden)
	return want == nil || within(f.t, name, f.Golden.Part(f.Prefix+golden, f.seen[name]), want, bound)
}

// ids returns a prompt.
func (f *fixture) ids(name string) []token.ID {
	f.t.Helper()
	ids := f.Prompts.IDs(name)
	if ids == nil {
		f.t.Fatalf("%s: no prompt %s", f.Prompts.path, name)
	}
	return ids
}

func (f *fixture) text() {
	ids := f.ids("text.input_ids")
	got := f.forward(model.Row{IDs: ids, Logits: len(ids)})
	if f.Logits == "text.logits" {
		// With the rounded scale the hidden states have no goldens.
		if !f.activation("text.embeddings", "text.embeddings", boundHidden) ||
			!f.activations("text", "text", boundHidden) ||
			!f.activation("text.final_norm", "text.final_norm", boundHidden) {
			return
		}
	}
	want := f.Golden.Floats(f.Prefix + f.Logits)
	within(f.t, "text.logits", f.Golden.Part(f.Prefix+f.Logits, got), want, boundLogits)
}

// greedy decodes with the cache and compares ids wherever the reference was
// sure of them.
func (f *fixture) greedy() {
	ids := f.ids("text.input_ids")
	if f.Logits != "text.logits" {
		// The ids were made with the exact scale: with the rounded one there
		// is a golden of the first step alone.
		want, vocab := f.Golden.Floats(f.Prefix+f.Logits), f.m.Info().Vocab
		within(f.t, "greedy 0", f.forward(model.Row{IDs: ids, Logits: 1}), want[len(want)-vocab:], boundLogits)
		return
	}
	f.decode(model.Row{IDs: ids, Logits: 1}, f.Golden.IDs(f.Prefix+"text.greedy_ids"), f.Golden.Floats(f.Prefix+"text.greedy_logits"))
}

func (f *fixture) decode(r model.Row, want []token.ID, logits []float32) {
	r.KV = f.cache()
	defer r.KV.Free()
	vocab := f.m.Info().Vocab
	for i, id := range want {
		got := f.forward(r)
		if logits != nil && f.Logits == "text.logits" && !within(f.t, fmt.Sprintf("greedy %d", i), got, logits[i*vocab:(i+1)*vocab], boundLogits) {
			return
		}
		if best, margin := top(got); best != id && margin > boundMargin {
			f.t.Errorf("greedy token %d is %d, want %d (margin %.3g)", i, best, id, margin)
			return
		}
		if id == f.m.Placeholder(model.Sight) || id == f.m.Placeholder(model.Film) || id == f.m.Placeholder(model.Sound) {
			return // no reference says what follows a placeholder without a medium
		}
		r = model.Row{KV: r.KV, Pos: r.KV.Len(), IDs: []token.ID{id}, Logits: 1}
	}
}

// top returns the likeliest id and its lead over the second.
func top(logits []float32) (token.ID, float64) {
	best, second := 0, -1
	for i, v := range logits {
		switch {
		case v > logits[best]:
			best, second = i, best
		case i != best && (second < 0 || v > logits[second]):
			second = i
		}
	}
	return token.ID(best), float64(logits[best]) - float64(logits[second])
}
