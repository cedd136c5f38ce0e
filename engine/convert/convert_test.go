package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu"
	"hark/engine/model"
	_ "hark/engine/model/all"
	"hark/engine/weights"
)

// config is that of the small checkpoint that source makes.
const config = `{
  "architectures": ["Gemma4ForConditionalGeneration"], "odd": 1e-06,
  "model_type": "gemma4",
  "text_config": {"num_hidden_layers": 2, "num_kv_shared_layers": 1},
  "vision_config": {"use_clipped_linears": false},
  "audio_config": {},
  "quantization": null,
  "last": "é<"
}`

// source writes a checkpoint of a few tensors and returns its folder.
func source(t *testing.T, config string, tensors ...weights.Tensor) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	if err := weights.Write(&b, map[string]string{"format": "pt"}, tensors); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		configFile: config, singleFile: b.String(), indexFile: `{"weight_map":{}}`,
		"tokenizer.json": "{}", "chat_template.jinja": "{{ x }}", "tokenizer.model": "m", "merges.txt": "a b",
		"README.md": "no", "model.gguf": "no", "picture.png": "no",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// brain makes a bf16 tensor of random values.
func brain(name string, shape ...int) weights.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	r := rand.New(rand.NewPCG(uint64(len(name)), uint64(n)))
	var data []byte
	for range n {
		data = binary.LittleEndian.AppendUint16(data, uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
	}
	return raw(name, "BF16", data, shape...)
}

func raw(name, dtype string, data []byte, shape ...int) weights.Tensor {
	return weights.Tensor{Name: name, DType: dtype, Shape: shape, Bytes: int64(len(data)), Data: func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}}
}

// some are tensors of every kind.
func some() []weights.Tensor {
	return []weights.Tensor{
		brain("model.language_model.embed_tokens.weight", 20, 64),
		brain("model.language_model.norm.weight", 64),
		brain("model.language_model.layers.0.self_attn.k_proj.weight", 8, 64),
		brain("model.language_model.layers.1.self_attn.k_proj.weight", 8, 64),
		brain("model.language_model.layers.1.router.proj.weight", 4, 64),
		brain("model.language_model.layers.1.experts.gate_up_proj", 2, 6, 64),
		brain("model.language_model.layers.1.experts.down_proj", 2, 64, 3),
		brain("model.vision_tower.encoder.layers.0.mlp.up_proj.linear.weight", 4, 64),
		brain("model.vision_tower.encoder.layers.0.mlp.up_proj.input_max"),
		brain("model.audio_tower.layers.0.lconv1d.depthwise_conv1d.weight", 4, 1, 5),
		brain("lm_head.weight", 20, 64),
	}
}

func affine(t *testing.T, bits, group int) weights.Scheme {
	t.Helper()
	s, err := weights.NewScheme("affine", bits, group)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func convert(t *testing.T, in, out string, o *Options) *Plan {
	t.Helper()
	p, err := Open(in, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	if err := p.Write(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t *testing.T, dir string) *weights.Checkpoint {
	t.Helper()
	src, err := weights.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	c, err := weights.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// files returns the names in a folder, sorted.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWriteMakesACheckpoint(t *testing.T) {
	in, out := source(t, config, some()...), filepath.Join(t.TempDir(), "deep", "out")
	last, total := int64(0), int64(0)
	p := convert(t, in, out, &Options{Scheme: affine(t, 4, 64), Threads: 2, Progress: func(done, of int64) {
		if done < last {
			t.Errorf("progress from %d to %d", last, done)
		}
		last, total = done, of
	}})
	if last != total || total != p.SourceBytes {
		t.Errorf("progress ends at %d of %d, the source has %d", last, total, p.SourceBytes)
	}
	want := []string{"chat_template.jinja", configFile, "merges.txt", singleFile, indexFile, "tokenizer.json", "tokenizer.model"}
	if got := files(t, out); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	c := open(t, out)
	shapes := map[string]string{}
	for _, name := range c.Names() {
		e, _ := c.Entry(name)
		shapes[name] = fmt.Sprint(e.DType, e.Shape)
	}
	const layer = "language_model.model.layers."
	wantShapes := map[string]string{
		"language_model.model.embed_tokens.weight": "U32[20 8]", "language_model.model.embed_tokens.scales": "BF16[20 1]",
		"language_model.model.embed_tokens.biases": "BF16[20 1]", "language_model.model.norm.weight": "BF16[64]",
		layer + "0.self_attn.k_proj.weight": "U32[8 8]", layer + "0.self_attn.k_proj.scales": "BF16[8 1]",
		layer + "0.self_attn.k_proj.biases": "BF16[8 1]",
		layer + "1.router.proj.weight":      "U32[4 16]", layer + "1.router.proj.scales": "BF16[4 1]", layer + "1.router.proj.biases": "BF16[4 1]",
		layer + "1.experts.switch_glu.gate_proj.weight": "U32[2 3 8]", layer + "1.experts.switch_glu.gate_proj.scales": "BF16[2 3 1]",
		layer + "1.experts.switch_glu.gate_proj.biases": "BF16[2 3 1]",
		layer + "1.experts.switch_glu.up_proj.weight":   "U32[2 3 8]", layer + "1.experts.switch_glu.up_proj.scales": "BF16[2 3 1]",
		layer + "1.experts.switch_glu.up_proj.biases":             "BF16[2 3 1]",
		layer + "1.experts.switch_glu.down_proj.weight":           "BF16[2 64 3]", // 3 do not divide
		"vision_tower.encoder.layers.0.mlp.up_proj.linear.weight": "BF16[4 64]",
		"audio_tower.layers.0.lconv1d.depthwise_conv1d.weight":    "BF16[4 5 1]",
	}
	if !maps.Equal(shapes, wantShapes) {
		t.Errorf("tensors %v, want %v", shapes, wantShapes)
	}
	if c.Metadata("format") != "mlx" || c.Bytes() != p.Bytes {
		t.Errorf("format %q and %d bytes, want mlx and %d", c.Metadata("format"), c.Bytes(), p.Bytes)
	}
	if want := []string{"lm_head.weight", "model.language_model.layers.1.self_attn.k_proj.weight",
		"model.vision_tower.encoder.layers.0.mlp.up_proj.input_max"}; !slices.Equal(p.Dropped, want) {
		t.Errorf("dropped %v, want %v", p.Dropped, want)
	}
}

// TestExpertsAreSplit compares the two halves with those of each expert.
func TestExpertsAreSplit(t *testing.T) {
	data := make([]byte, 2*4*32*4) // E 2, 2F 4, H 32
	for i := range len(data) / 4 {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(float32(i/32)))
	}
	in := source(t, config,
		raw("model.language_model.layers.0.experts.gate_up_proj", "F32", data, 2, 4, 32), brain("model.language_model.embed_tokens.weight", 4, 64))
	out := filepath.Join(t.TempDir(), "out")
	convert(t, in, out, &Options{Scheme: affine(t, 4, 64)})
	c := open(t, out)
	for name, want := range map[string][]float32{"gate_proj": {0, 1, 4, 5}, "up_proj": {2, 3, 6, 7}} {
		e, ok := c.Entry("language_model.model.layers.0.experts.switch_glu." + name + ".weight")
		if !ok {
			t.Fatalf("no %s", name)
		}
		for row, w := range want {
			if got := math.Float32frombits(binary.LittleEndian.Uint32(e.Data[row*32*4:])); got != w {
				t.Errorf("%s row %d: %v, want %v", name, row, got, w)
			}
		}
	}
}

func TestConfigKeepsItsPlaces(t *testing.T) {
	in, out := source(t, config, some()...), filepath.Join(t.TempDir(), "out")
	scheme, err := weights.NewScheme("mxfp4", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ParseOverride("embed_tokens=none", scheme)
	if err != nil {
		t.Fatal(err)
	}
	convert(t, in, out, &Options{Scheme: scheme, Overrides: []Override{plain}})
	data, err := os.ReadFile(filepath.Join(out, configFile))
	if err != nil {
		t.Fatal(err)
	}
	fields, err := parseFields(data)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	if want := []string{"architectures", "odd", "model_type", "text_config", "vision_config", "audio_config", "last",
		"quantization", "quantization_config"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if !bytes.Contains(data, []byte("1e-06")) || !bytes.Contains(data, []byte(`"é<"`)) {
		t.Errorf("numbers and texts are spelled anew: %s", data)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, fields[len(fields)-1].value); err != nil {
		t.Fatal(err)
	}
	want := `{"group_size":32,"bits":4,"mode":"mxfp4","language_model.model.layers.1.router.proj":{"group_size":64,"bits":8},` +
		`"language_model.model.embed_tokens":false}`
	if compact.String() != want {
		t.Errorf("quantization_config %s, want %s", compact.String(), want)
	}
	if _, err := weights.ParseQuantization(data); err != nil {
		t.Error(err)
	}
}

// TestBlocksAndShardsChangeNothing cuts the same matrix in different ways.
func TestBlocksAndShardsChangeNothing(t *testing.T) {
	in := source(t, config, brain("model.language_model.embed_tokens.weight", 9000, 192), brain("model.language_model.norm.weight", 64))
	dir := t.TempDir()
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	convert(t, in, one, &Options{Scheme: affine(t, 3, 64), Threads: 1})
	convert(t, in, many, &Options{Scheme: affine(t, 3, 64), Threads: 3, ShardBytes: 100_000})
	want := []string{"model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors",
		"model-00003-of-00004.safetensors", "model-00004-of-00004.safetensors", indexFile}
	got := slices.DeleteFunc(files(t, many), func(name string) bool { return !strings.HasPrefix(name, "model") })
	if !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	a, b := open(t, one), open(t, many)
	if !slices.Equal(a.Names(), b.Names()) {
		t.Fatalf("%v, want %v", b.Names(), a.Names())
	}
	for _, name := range a.Names() {
		x, _ := a.Entry(name)
		y, _ := b.Entry(name)
		if !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// TestFailureLeavesNothing looks for what a failed Write leaves behind.
func TestFailureLeavesNothing(t *testing.T) {
	nan := make([]byte, 64*3*2)
	binary.LittleEndian.PutUint16(nan[2*(64*2+5):], 0x7fc0)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		extra weights.Tensor
		want  string
	}{
		"NaN":      {t.Context(), raw("model.language_model.layers.0.mlp.up_proj.weight", "BF16", nan, 3, 64), "mlp.up_proj.weight: row 2, column 5 is NaN"},
		"canceled": {canceled, brain("model.language_model.layers.0.mlp.up_proj.weight", 3, 64), context.Canceled.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Open(source(t, config, append(some(), c.extra)...), &Options{Scheme: affine(t, 4, 64)})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			dir := t.TempDir()
			err = p.Write(c.ctx, filepath.Join(dir, "out"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			var input *InputError
			if name == "NaN" != errors.As(err, &input) {
				t.Errorf("error %#v is the input's: %v", err, name != "NaN")
			}
			if left := files(t, dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestWriteAgainAfterFailure uses one plan twice.
func TestWriteAgainAfterFailure(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	p, err := Open(source(t, config, some()...), &Options{Scheme: affine(t, 4, 64), Progress: func(int64, int64) {
		if seen++; seen == 4 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Write(ctx, filepath.Join(dir, "first")); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	for _, name := range []string{"second", "third"} {
		if err := p.Write(t.Context(), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := os.ReadFile(filepath.Join(dir, "second", singleFile))
	b, _ := os.ReadFile(filepath.Join(dir, "third", singleFile))
	if len(a) == 0 || !bytes.Equal(a, b) || len(files(t, dir)) != 2 {
		t.Errorf("%d and %d bytes, folder %v", len(a), len(b), files(t, dir))
	}
}

func TestExistingOutIsRefused(t *testing.T) {
	p, err := Open(source(t, config, some()...), &Options{Scheme: affine(t, 4, 64)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var input *InputError
	if err := p.Write(t.Context(), t.TempDir()); !errors.As(err, &input) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want %v", err, fs.ErrExist)
	}
}

func TestOpenRefusesWhatCannotBeConverted(t *testing.T) {
	text := func(old, new string) string { return strings.Replace(config, old, new, 1) }
	for name, c := range map[string]struct {
		config string
		extra  []weights.Tensor
		want   string
	}{
		"quantized":    {text(`"quantization": null`, `"quantization": {"bits": 4}`), nil, "quantized already"},
		"gptq":         {text(`"quantization": null`, `"quantization_config": {"quant_method": "gptq"}`), nil, "quantized already"},
		"other family": {text(`"gemma4"`, `"llama"`), nil, `model_type "llama", want one of`},
		"no layers":    {text(`"num_hidden_layers": 2`, `"x": 2`), nil, "num_hidden_layers"},
		"no JSON":      {"{", nil, configFile},
		"integers":     {config, []weights.Tensor{raw("model.language_model.layers.0.mlp.up_proj.weight", "I8", make([]byte, 128), 2, 64)}, "dtype I8"},
		"twice":        {config, []weights.Tensor{brain("language_model.model.norm.weight", 64)}, "two tensors"},
		"odd experts":  {config, []weights.Tensor{brain("model.language_model.layers.0.experts.gate_up_proj", 2, 5, 64)}, "want [E, 2F, H]"},
		"head":         {text(`"odd"`, `"tie_word_embeddings": false, "odd"`), nil, "tie_word_embeddings"},
	} {
		_, err := Open(source(t, c.config, append(some(), c.extra...)...), &Options{Scheme: affine(t, 4, 64)})
		var input *InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want an InputError with %q", name, err, c.want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), &Options{Scheme: affine(t, 4, 64)}); err == nil {
		t.Error("a folder that is not there was opened")
	}
	o := &Options{Scheme: affine(t, 4, 64), Overrides: []Override{{Pattern: "mpl.up_proj", Plain: true}}}
	if _, err := Open(source(t, config, some()...), o); err == nil || !strings.Contains(err.Error(), "matches no matrix") {
		t.Errorf("error %v for a pattern that matches nothing", err)
	}
	if _, err := Open(source(t, config, brain("model.language_model.embed_tokens.weight", 4, 48)), &Options{Scheme: affine(t, 4, 64)}); err == nil {
		t.Error("a checkpoint without anything to quantize was opened")
	}
}

// TestConvertedModelsLoad opens each tracked checkpoint after conversion.
func TestConvertedModelsLoad(t *testing.T) {
	for _, variant := range []string{"e", "dense", "moe", "unified"} {
		for _, mode := range []string{"affine", "mxfp4"} {
			out := filepath.Join(t.TempDir(), "out")
			scheme, err := weights.NewScheme(mode, 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			convert(t, filepath.Join("../../testdata/tiny", variant, "hf-bf16"), out, &Options{Scheme: scheme})
			src, err := weights.Dir(out)
			if err != nil {
				t.Fatal(err)
			}
			backend := cpu.New(&cpu.Options{Threads: 1})
			if _, err := model.Open(src, backend); err != nil {
				t.Errorf("%s, %s: %v", variant, mode, err)
			}
			if err := errors.Join(backend.Close(), src.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}
