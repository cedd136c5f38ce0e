package gemma3

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"hark/engine/weights"
)

// published are the configurations of the hub, less what does not matter.
var published = map[string]string{
	"270M": `{"model_type":"gemma3_text","_sliding_window_pattern":6,"attention_bias":false,"attn_logit_softcapping":null,"eos_token_id":1,
		"final_logit_softcapping":null,"head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":640,"intermediate_size":2048,
		"layer_types":["sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention",
		"sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention",
		"sliding_attention","sliding_attention","sliding_attention","sliding_attention","sliding_attention","full_attention"],
		"max_position_embeddings":32768,"num_attention_heads":4,"num_hidden_layers":18,"num_key_value_heads":1,"query_pre_attn_scalar":256,
		"rms_norm_eps":1e-06,"rope_local_base_freq":10000.0,"rope_scaling":null,"rope_theta":1000000.0,"sliding_window":512,
		"use_bidirectional_attention":false,"vocab_size":262144}`,
	"1B": `{"model_type":"gemma3_text","eos_token_id":[1,106],"head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":1152,
		"intermediate_size":6912,"max_position_embeddings":32768,"num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,
		"query_pre_attn_scalar":256,"rms_norm_eps":1e-06,"rope_local_base_freq":10000,"rope_scaling":null,"rope_theta":1000000,
		"sliding_window":512,"sliding_window_pattern":6,"vocab_size":262144}`,
	"27B": `{"model_type":"gemma3","eos_token_id":[1,106],"text_config":{"model_type":"gemma3_text","head_dim":128,"hidden_size":5376,
		"intermediate_size":21504,"max_position_embeddings":131072,"num_attention_heads":32,"num_hidden_layers":62,"num_key_value_heads":16,
		"query_pre_attn_scalar":168,"rope_parameters":{"full_attention":{"factor":8.0,"rope_theta":1000000.0,"rope_type":"linear"},
		"sliding_attention":{"rope_theta":10000.0,"rope_type":"default"}},"sliding_window":1024,"vocab_size":262208}}`,
}

func TestPublishedConfigs(t *testing.T) {
	for name, want := range map[string]struct {
		layers, full, window int
		scale, slowest       float64 // of the scores; the last frequency of full layers
	}{
		"270M": {18, 3, 512, 1. / 16, math.Pow(1e6, -254./256)},
		"1B":   {26, 4, 512, 1. / 16, math.Pow(1e6, -254./256)},
		"27B":  {62, 10, 1024, 1 / math.Sqrt(168), math.Pow(1e6, -126./128) / 8},
	} {
		c, err := ParseConfig([]byte(published[name]))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		full := 0
		for i, f := range c.Full {
			if f != ((i+1)%6 == 0) {
				t.Errorf("%s: layer %d is full: %v", name, i, f)
			}
			if f {
				full++
			}
		}
		if c.Variant() != name || c.Layers != want.layers || full != want.full || c.Window != want.window {
			t.Errorf("%s: %s, %d layers, %d of them full, window %d, want %v", name, c.Variant(), c.Layers, full, c.Window, want)
		}
		last := c.Dim/2 - 1
		if math.Abs(float64(c.QScale)/want.scale-1) > 1e-6 || math.Abs(float64(c.Global.Freq[last])/want.slowest-1) > 1e-6 {
			t.Errorf("%s: scale %g and frequency %g, want %g and %g", name, c.QScale, c.Global.Freq[last], want.scale, want.slowest)
		}
		if local := math.Pow(1e4, -float64(2*last)/float64(c.Dim)); math.Abs(float64(c.Local.Freq[last])/local-1) > 1e-6 {
			t.Errorf("%s: local frequency %g, want %g", name, c.Local.Freq[last], local)
		}
	}
	if c, err := ParseConfig([]byte(published["27B"])); err != nil || !slices.Equal(c.EOS, []int32{1, 106}) {
		t.Errorf("27B: stops %v, want those of the top level", c.EOS)
	}
}

func TestConfigErrorsNameEveryKey(t *testing.T) {
	for _, c := range []struct {
		json string
		want []string
	}{
		{`{`, []string{"config.json"}},
		{`{"model_type":"gemma2"}`, []string{`"gemma2"`}},
		{`{"model_type":"gemma3"}`, []string{"no text_config"}},
		{`{"model_type":"gemma3","text_config":{},"vision_config":{"hidden_size":1152}}`, []string{"vision_config", "gemma3_text"}},
		{`{"model_type":"gemma3_text","hidden_size":-1,"head_dim":1073741824}`, []string{"hidden_size is -1", "head_dim is 1073741824"}},
		{`{"model_type":"gemma3_text","num_hidden_layers":2000000}`, []string{"num_hidden_layers is 2000000"}},
		{`{"model_type":"gemma3_text","num_key_value_heads":3,"query_pre_attn_scalar":0,"attn_logit_softcapping":50,"use_bidirectional_attention":true,
			"attention_bias":true,"tie_word_embeddings":false,"hidden_activation":"silu","layer_types":["full_attention"],
			"rope_scaling":{"rope_type":"yarn","factor":8}}`,
			[]string{"3 key heads", "query_pre_attn_scalar", "attn_logit_softcapping", "use_bidirectional_attention", "attention_bias",
				"tie_word_embeddings", `"silu"`, "layer_types has 1", `"yarn"`}},
		{`{"model_type":"gemma3_text","rms_norm_eps":0,"final_logit_softcapping":-30}`, []string{"rms_norm_eps is 0", "final_logit_softcapping is -30"}},
		{`{"model_type":"gemma3_text","hidden_size":"640"}`, []string{"hidden_size"}},
		{`{"model_type":"gemma3_text","num_hidden_layers":1,"layer_types":["linear"]}`, []string{`layer_types[0] is "linear"`}},
		{`{"model_type":"gemma3_text","sliding_window_pattern":0,"rope_theta":0}`, []string{"sliding_window_pattern is 0", "rope_theta is 0"}},
	} {
		_, err := ParseConfig([]byte(c.json))
		for _, part := range c.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s in it", c.json, err, part)
			}
		}
	}
}

// FuzzParseConfig checks that no file makes ParseConfig crash, or take memory
// out of proportion to its length, and that what it accepts is consistent.
func FuzzParseConfig(f *testing.F) {
	for _, name := range []string{"1B", "27B"} {
		f.Add([]byte(published[name]))
	}
	f.Add([]byte(`{"model_type":"gemma3_text","num_hidden_layers":1024,"head_dim":8192,"layer_types":["full_attention"]}`))
	f.Add([]byte(`{"model_type":"gemma3","text_config":{"rope_parameters":{"full_attention":null}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		c, err := ParseConfig(data)
		runtime.ReadMemStats(&after)
		if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+200*len(data)); used > limit {
			t.Errorf("%d bytes taken for %d, want at most %d", used, len(data), limit)
		}
		if err != nil {
			return
		}
		if len(c.Full) != c.Layers || c.Heads%c.KVHeads != 0 || len(c.Local.Freq) != c.Dim/2 || len(c.Global.Freq) != c.Dim/2 || !(c.QScale > 0) {
			t.Fatalf("%+v", c)
		}
	})
}

// checkpoint returns the files of the committed one, to be broken by a test.
func checkpoint(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, name := range []string{"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join(tiny, "hf-bf16", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

func TestLoadFailsWhollyAndSaysWhy(t *testing.T) {
	replace := func(name, old, with string) func(map[string][]byte) {
		return func(f map[string][]byte) { f[name] = []byte(strings.Replace(string(f[name]), old, with, 1)) }
	}
	for name, c := range map[string]struct {
		damage func(map[string][]byte)
		want   []string
	}{
		"no config":    {func(f map[string][]byte) { delete(f, "config.json") }, []string{"config.json"}},
		"no tokenizer": {func(f map[string][]byte) { delete(f, "tokenizer.json") }, []string{"tokenizer.json"}},
		"other shape":  {replace("config.json", `"intermediate_size": 128`, `"intermediate_size": 120`), []string{"mlp.gate_proj", "mlp.down_proj", "120"}},
		"more layers":  {replace("config.json", `"num_hidden_layers": 4`, `"num_hidden_layers": 5`), []string{"model.layers.4.self_attn.q_proj"}},
		"fewer layers": {replace("config.json", `"num_hidden_layers": 4`, `"num_hidden_layers": 3`), []string{"model.layers.3.self_attn.q_proj"}},
		"small table":  {replace("config.json", `"vocab_size": 640`, `"vocab_size": 600`), []string{"vocabulary of 600"}},
		"no turns":     {replace("tokenizer.json", `"content": "<start_of_turn>"`, `"content": "<unused99>"`), []string{"<unused99>"}},
		"bad sampling": {replace("generation_config.json", `"top_p": 0.95`, `"top_p": 95`), []string{"generation_config.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := checkpoint(t)
			c.damage(files)
			b := backend()
			defer b.Close()
			m, err := Load(weights.Memory("tiny", files), b)
			if m != nil && err == nil {
				t.Fatal("loaded")
			}
			for _, part := range c.want {
				if !strings.Contains(fmt.Sprint(err), part) {
					t.Errorf("%v, want %s in it", err, part)
				}
			}
		})
	}
}

func TestFacts(t *testing.T) {
	b := backend()
	defer b.Close()
	m, err := Load(weights.Memory("tiny", checkpoint(t)), b)
	if err != nil {
		t.Fatal(err)
	}
	info := m.Info()
	if info.Family != "gemma3" || info.Variant != "custom" || info.Layers != 4 || info.Hidden != 64 || info.Vocab != 640 || info.Context != 4096 {
		t.Errorf("Info = %+v", info)
	}
	if info.Hears || info.Sees || m.NewFrontEnd() != nil || m.NewAudio() != nil || m.ClipTokens(16000) != 0 {
		t.Error("the model hears or sees")
	}
	if _, err := m.Cut(nil, 0); err == nil {
		t.Error("Cut took a picture")
	}
	if len(info.Stops) != 2 || info.Stops[0] != 1 || info.Stops[1] != 106 {
		t.Errorf("Stops = %v, want 1 and 106", info.Stops)
	}
	if s := info.Sampling; s.TopK != 64 || s.TopP != 0.95 || s.Temperature != 1 {
		t.Errorf("Sampling = %+v, want that of generation_config.json", s)
	}
}
