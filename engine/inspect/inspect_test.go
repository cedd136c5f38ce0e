package inspect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/engine/inspect"
	_ "hark/engine/model/all"
	"hark/engine/tensor"
	"hark/engine/weights"
)

const tiny = "../../testdata/tiny"

// files reads a checkpoint's files, to be broken.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestReportOfTheEmbeddedModel(t *testing.T) {
	r := inspect.Run(demo.Source(), &inspect.Options{KVBytes: cpu.KVBytes})
	if len(r.Problems) > 0 {
		t.Fatal(r.Problems)
	}
	if r.Family != "gemma4" || r.Layers != 12 || r.Hidden != 256 || r.Context != 4096 || r.PLE != 64 || r.SoftCap != 30 || r.LeftOver != 0 {
		t.Errorf("facts %+v", r.Facts)
	}
	want := []inspect.Kind{
		{Name: "sliding", Layers: 9, Caches: 6, Window: 256, Heads: 4, KVHeads: 1, Dim: 64, F: []int{512, 1024}},
		{Name: "full", Layers: 3, Caches: 2, Heads: 4, KVHeads: 1, Dim: 128, F: []int{512, 1024}},
	}
	if fmt.Sprint(r.Kinds) != fmt.Sprint(want) {
		t.Errorf("kinds %+v, want %+v", r.Kinds, want)
	}
	if r.Hears == nil || r.Hears.TokensASecond != 25 || r.Hears.ClipSeconds != 30 || r.Sees == nil || r.Sees.Tokens != 70 || r.Sees.Example != "640x480 is seen as 432x336, 63 tokens" {
		t.Errorf("hears %+v, sees %+v", r.Hears, r.Sees)
	}
	if r.Packings[0].Name != "q8g64" || r.Packings[1].Name != "bf16" || r.Packings[0].Bytes+r.Packings[1].Bytes != r.Bytes {
		t.Errorf("packings %+v of %d bytes", r.Packings, r.Bytes)
	}
	var sum int64
	for i := range r.Tensors {
		sum += r.Tensors[i].Values()
	}
	if sum != r.Parameters {
		t.Errorf("%d parameters, the tensors hold %d", r.Parameters, sum)
	}
}

// TestMemoryIsThatOfTheBackend fills caches of the layers that the
// configuration of the embedded model names.
func TestMemoryIsThatOfTheBackend(t *testing.T) {
	b := cpu.New(&cpu.Options{Threads: 1})
	defer b.Close()
	var layers []tensor.KVLayer
	for i := range 8 {
		l := tensor.KVLayer{Heads: 1, Dim: 64, Window: 256}
		if i%4 == 3 {
			l = tensor.KVLayer{Heads: 1, Dim: 128}
		}
		layers = append(layers, l)
	}
	r := inspect.Run(demo.Source(), &inspect.Options{KVBytes: cpu.KVBytes})
	if len(r.Memory) != 2 {
		t.Fatalf("%d lengths, want 1024 and 4096", len(r.Memory))
	}
	for _, m := range r.Memory {
		kv := b.NewKV(layers)
		for pos := 0; pos < m.Positions; pos++ {
			for i, l := range layers {
				x := b.Input(make([]float32, l.Dim), 1, 1, l.Dim)
				b.Store(i, x, x, []tensor.Segment{{To: 1, KV: kv, Pos: pos}})
			}
			b.EndStep()
		}
		if kv.Bytes() != m.Bytes {
			t.Errorf("%d positions: %d bytes, the backend takes %d", m.Positions, m.Bytes, kv.Bytes())
		}
		kv.Free()
	}
}

// TestSpeechFollowsItsFormula computes the bandwidths anew from the list of
// tensors.
func TestSpeechFollowsItsFormula(t *testing.T) {
	r := inspect.Run(demo.Source(), nil)
	var layers, tower int64
	for i := range r.Tensors {
		name := r.Tensors[i].Name
		var n int
		_, err := fmt.Sscanf(name, "language_model.model.layers.%d.", &n)
		switch {
		case strings.Contains(name, "audio"):
			tower += r.Tensors[i].Bytes
		case strings.Contains(name, "vision"), strings.Contains(name, "embed_tokens"):
		case err == nil && n >= 8: // these read the keys of others
		default:
			layers += r.Tensors[i].Bytes
		}
	}
	s := r.Speech
	if s.LayerBytes != layers || s.TowerBytes != tower || s.ExpertBytes != 0 {
		t.Errorf("layers %d, tower %d, experts %d, want %d, %d, 0", s.LayerBytes, s.TowerBytes, s.ExpertBytes, layers, tower)
	}
	for _, p := range s.Paces {
		if want := 25 * float64(layers+tower) / float64(p.TokensAStep); math.Abs(float64(p.BytesPerSecond)-want) > 1 {
			t.Errorf("%d tokens a step: %d bytes a second, want %.0f", p.TokensAStep, p.BytesPerSecond, want)
		}
	}
	if r.Memory != nil {
		t.Errorf("memory %v without a backend to ask", r.Memory)
	}
}

// TestExpertsCountByShare checks that a token pays for the experts it takes.
func TestExpertsCountByShare(t *testing.T) {
	src, err := weights.Dir(filepath.Join(tiny, "moe", "hf-bf16"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r := inspect.Run(src, nil)
	var experts, rest int64
	for i := range r.Tensors {
		switch name := r.Tensors[i].Name; {
		case strings.Contains(name, "vision"):
		case strings.Contains(name, ".experts."):
			experts += r.Tensors[i].Values()
		default:
			rest += r.Tensors[i].Values()
		}
	}
	if want := rest + experts*2/8; experts == 0 || r.Decode.Parameters != want || r.Decode.Bytes != 2*want {
		t.Errorf("%d parameters and %d bytes a token, want %d and %d", r.Decode.Parameters, r.Decode.Bytes, want, 2*want)
	}
	if r.Hears != nil || r.Speech != nil {
		t.Errorf("hears %v, speech %v of a model without audio", r.Hears, r.Speech)
	}
}

func TestProblemsAreAllListed(t *testing.T) {
	const dir = tiny + "/e/hf-bf16"
	for name, c := range map[string]struct {
		breaks func(map[string][]byte)
		want   []string
	}{
		"no config":      {func(f map[string][]byte) { delete(f, "config.json") }, []string{"config.json: file does not exist"}},
		"no weights":     {func(f map[string][]byte) { delete(f, "model.safetensors") }, []string{"neither model.safetensors nor"}},
		"other model":    {func(f map[string][]byte) { f["config.json"] = []byte(`{"model_type":"llama"}`) }, []string{`model_type "llama" is not known`}},
		"cut short":      {func(f map[string][]byte) { f["model.safetensors"] = f["model.safetensors"][:100000] }, []string{"model.safetensors", "bytes "}},
		"two at once":    {func(f map[string][]byte) { delete(f, "tokenizer.json"); f["model.safetensors"] = nil }, []string{"tokenizer.json", "model.safetensors: 0 bytes"}},
		"configuration":  {replace(`"head_dim": 16`, `"head_dim": 15`), []string{"heads of 15 values cannot turn", "vision_config.head_dim 15"}},
		"other geometry": {replace(`"intermediate_size": `, `"intermediate_size": 1`), []string{"misshapen", "mlp.gate_proj.weight: BF16"}},
		"other packing":  {replace(`"model_type": "gemma4",`, `"model_type": "gemma4", "quantization": {"bits": 4, "group_size": 64, "language_model.model.embed_tokens": true},`), []string{"embed_tokens.weight: BF16 without scales"}},
		"other method":   {replace(`"model_type": "gemma4",`, `"model_type": "gemma4", "quantization_config": {"quant_method": "gptq", "bits": 4},`), []string{`quant_method "gptq"`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := files(t, dir)
			c.breaks(f)
			r := inspect.Run(weights.Memory("broken", f), nil)
			if len(r.Problems) == 0 {
				t.Fatal("no problem found")
			}
			all := strings.Join(r.Problems, "\n")
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("nothing says %q:\n%s", want, all)
				}
			}
		})
	}
}

func replace(from, to string) func(map[string][]byte) {
	return func(f map[string][]byte) {
		f["config.json"] = bytes.ReplaceAll(f["config.json"], []byte(from), []byte(to))
	}
}

func TestWriteTellsAll(t *testing.T) {
	r := inspect.Run(demo.Source(), &inspect.Options{KVBytes: cpu.KVBytes})
	var short, long bytes.Buffer
	if err := r.Write(&short, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(&long, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hears", "25 tokens a second", "q8g64", "after 4096", "layers.0-2: 3 times 17 tensors", "layers.3: 17 tensors", "r/n * (layers"} {
		if !strings.Contains(short.String(), want) {
			t.Errorf("nothing says %q in\n%s", want, short.String())
		}
	}
	if n := strings.Count(long.String(), "\n"); n < len(r.Tensors) {
		t.Errorf("%d lines for %d tensors", n, len(r.Tensors))
	}
	if !strings.Contains(long.String(), "language_model.model.layers.3.self_attn.q_proj.weight") {
		t.Error("a tensor is not listed")
	}
	for line := range strings.Lines(short.String()) {
		if strings.Contains(line, "1 layers") || strings.Contains(line, "1 heads") || strings.Contains(line, "1 tokens") {
			t.Errorf("%q", line)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64][2]string{
		0: {"0 B", "0"}, 999: {"999 B", "999"}, 1000: {"1000 B", "1.00 K"}, 1024: {"1.00 KiB", "1.02 K"}, 10 << 20: {"10.0 MiB", "10.5 M"},
		1<<30 - 1: {"1024 MiB", "1.07 G"}, 123456789012: {"115 GiB", "123 G"}, 5 << 50: {"5.00 PiB", "5629 T"},
	} {
		if got := [2]string{inspect.Size(n), inspect.Count(n)}; got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// TestLooksOnlyAtHeaders takes the data of every tensor away.
func TestLooksOnlyAtHeaders(t *testing.T) {
	src, err := weights.Dir(filepath.Join(tiny, "dense", "hf-bf16"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	c, err := weights.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]weights.Entry{}
	for _, name := range c.Names() {
		e, _ := c.Entry(name)
		e.Data = nil
		entries[name] = e
	}
	whole := inspect.Run(src, nil)
	headers := inspect.Run(&weights.Outline{Source: src, Entries: entries}, nil)
	if len(headers.Problems) > 0 || !slices.EqualFunc(whole.Tensors, headers.Tensors, func(a, b inspect.Tensor) bool { return a.Name == b.Name && a.Bytes == b.Bytes }) {
		t.Errorf("without data: %v", headers.Problems)
	}
}
