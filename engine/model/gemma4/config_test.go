package gemma4

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// publishedConfig returns the config.json of a published model.
func publishedConfig(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "configs", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// edited returns a configuration with values put in place: the paths are
// "text_config.head_dim" and the like, a nil value deletes.
func edited(t testing.TB, config []byte, edits map[string]any) []byte {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal(config, &top); err != nil {
		t.Fatal(err)
	}
	for path, value := range edits {
		at, keys := top, strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			if _, ok := at[key].(map[string]any); !ok {
				at[key] = map[string]any{}
			}
			at = at[key].(map[string]any)
		}
		if last := keys[len(keys)-1]; value == nil {
			delete(at, last)
		} else {
			at[last] = value
		}
	}
	out, err := json.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// null is a JSON null in an edit.
var null = json.RawMessage("null")

func TestConfigErrorsNameEveryProblem(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		edits map[string]any
		want  []string // each in a line of its own
	}{
		"unknown layer types": {"12B", map[string]any{"text_config.layer_types": []string{"sliding_attention", "linear_attention", "full"}},
			[]string{`layer_types[1] is "linear_attention"`, `layer_types[2] is "full"`, "layer_types has 3 entries, num_hidden_layers is 48"}},
		"negative and zero sizes": {"E2B", map[string]any{
			"text_config.hidden_size": -1, "text_config.head_dim": -4, "text_config.global_head_dim": 0, "text_config.intermediate_size": -2,
			"text_config.num_hidden_layers": 0, "text_config.sliding_window": -512, "vision_config.hidden_size": -8, "audio_config.num_hidden_layers": -1},
			[]string{"hidden_size is -1", "head_dim is -4", "global_head_dim is 0", "intermediate_size is -2", "num_hidden_layers is 0",
				"sliding_window is -512", "vision_config.hidden_size is -8", "audio_config.num_hidden_layers is -1"}},
		"sizes beyond belief": {"E4B", map[string]any{"text_config.head_dim": 1 << 30, "text_config.vocab_size": 1 << 40, "vision_config.position_embedding_size": 1 << 31},
			[]string{"head_dim is 1073741824, at most", "vocab_size is 1099511627776, at most", "vocab_size_per_layer_input 262144 is less", "vision_config.position_embedding_size is 2147483648, at most"}},
		"too many layers": {"31B", map[string]any{"text_config.num_hidden_layers": 100000, "text_config.rms_norm_eps": 0},
			[]string{"num_hidden_layers is 100000, at most 1024", "rms_norm_eps is 0"}},
		"heads that do not divide": {"E4B", map[string]any{"text_config.num_key_value_heads": 3, "text_config.head_dim": 255, "vision_config.head_dim": 66, "audio_config.num_attention_heads": 7},
			[]string{"sliding_attention: 8 heads do not divide into 3 key heads", "full_attention: 8 heads do not divide into 3 key heads",
				"sliding_attention: heads of 255 values cannot turn in pairs", "vision_config.head_dim 66", "audio_config: hidden_size 1024 does not divide into 7 heads"}},
		"no text":   {"E2B", map[string]any{"text_config": nil, "image_token_id": -1}, []string{"there is no text_config", "image_token_id is -1"}},
		"null text": {"E2B", map[string]any{"text_config": null}, []string{"there is no text_config"}},
		"text that is no object": {"E2B", map[string]any{"text_config": 7, "vision_config.standardize": "yes"},
			[]string{"text_config: json: cannot unmarshal number", "json: cannot unmarshal string into Go struct field"}},
		"wrong types": {"31B", map[string]any{"text_config.num_attention_heads": "32", "text_config.hidden_size": -3, "eos_token_id": "x"},
			[]string{"text_config: json: cannot unmarshal string", "num_attention_heads is 0", ": hidden_size is -3", "eos_token_id: json"}},
		"unsupported values": {"26B-A4B", map[string]any{"text_config.use_bidirectional_attention": "all", "text_config.attention_bias": true,
			"text_config.tie_word_embeddings": false, "text_config.hidden_activation": "silu", "text_config.final_logit_softcapping": -30,
			"text_config.rope_parameters.full_attention.rope_type": "yarn", "text_config.rope_parameters.sliding_attention.rope_theta": 0,
			"text_config.top_k_experts": 200, "text_config.moe_intermediate_size": null,
			"vision_config.rope_parameters.rope_type": "linear", "vision_config.num_key_value_heads": 4, "vision_config.hidden_activation": "relu"},
			[]string{`use_bidirectional_attention "all" is for embedding models`, "attention_bias is true", "tie_word_embeddings is false",
				`hidden_activation is "silu"`, "final_logit_softcapping is -30", `rope_parameters.full_attention.rope_type is "yarn"`,
				"rope_parameters.sliding_attention.rope_theta is 0", "top_k_experts 200 of num_experts 128", "moe_intermediate_size is 0",
				`vision_config.rope_parameters.rope_type is "linear"`, "vision_config.num_key_value_heads is 4, want num_attention_heads 16", `vision_config.hidden_activation is "relu"`}},
		"audio": {"E2B", map[string]any{"audio_config.attention_context_right": 2, "audio_config.attention_chunk_size": 20, "audio_config.hidden_act": "relu",
			"audio_config.subsampling_conv_channels": []int{128}, "audio_config.conv_kernel_size": 0, "audio_config.attention_logit_cap": 0},
			[]string{"attention_context_right is 2", "attention_chunk_size 20, want attention_context_left-1 = 12", `hidden_act is "relu"`,
				"subsampling_conv_channels is [128]", "conv_kernel_size is 0", "attention_logit_cap is 0"}},
		"shared keys": {"E2B", map[string]any{"text_config.num_kv_shared_layers": 35, "text_config.hidden_size_per_layer_input": -256},
			[]string{"num_kv_shared_layers is 35 of 35 layers", "hidden_size_per_layer_input is -256"}},
		"no donor":      {"E2B", map[string]any{"text_config.num_kv_shared_layers": 32}, []string{"layers from 3 on share keys, but no layer before is of type full_attention"}},
		"a short table": {"E2B", map[string]any{"text_config.vocab_size_per_layer_input": 1000}, []string{"vocab_size_per_layer_input 1000 is less than vocab_size 262144"}},
		"layers of their own": {"31B", map[string]any{"text_config.per_layer_config": map[string]any{
			"60": map[string]int{"head_dim": 128}, "x": map[string]int{}, "3": map[string]int{"num_key_value_heads": 5}, "4": map[string]int{"head_dim": 128}}},
			[]string{`per_layer_config has the key "60"`, `per_layer_config has the key "x"`, "layer 3: 32 heads do not divide into 5 key heads", "layer 4 has heads of 128, others of its type of 256"}},
		"unified": {"12B", map[string]any{"vision_config.model_patch_size": 32, "audio_config.audio_samples_per_token": 320, "vision_config.mm_embed_dim": 0},
			[]string{"model_patch_size is 32, want 48", "audio_samples_per_token is 320, want 640", "mm_embed_dim is 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := ParseConfig(edited(t, publishedConfig(t, c.model), c.edits))
			if err == nil || cfg != nil {
				t.Fatalf("no error, or one beside a configuration %v", cfg)
			}
			lines := strings.Split(err.Error(), "\n")
			for _, want := range c.want {
				if !slices.ContainsFunc(lines, func(line string) bool {
					return strings.HasPrefix(line, "gemma4: config.json: ") && strings.Contains(line, want)
				}) {
					t.Errorf("no line says %q in:\n%v", want, err)
				}
			}
			if len(lines) != len(c.want) {
				t.Errorf("%d lines, want %d:\n%v", len(lines), len(c.want), err)
			}
		})
	}
}

func TestConfigOfOtherModelsIsRefused(t *testing.T) {
	for _, kind := range []string{"gemma3", "gemma4_assistant", "gemma4_unified_assistant", "diffusion_gemma", ""} {
		_, err := ParseConfig(edited(t, publishedConfig(t, "E2B"), map[string]any{"model_type": kind}))
		if err == nil || !strings.Contains(err.Error(), "model_type") {
			t.Errorf("model_type %q: %v", kind, err)
		}
	}
	for _, broken := range []string{"", "[]", "7", "{", `{"model_type": 4}`, "null"} {
		if _, err := ParseConfig([]byte(broken)); err == nil {
			t.Errorf("%q is accepted", broken)
		}
	}
}

func TestConfigOfTextOnlyExports(t *testing.T) {
	var top struct {
		Text map[string]any `json:"text_config"`
	}
	if err := json.Unmarshal(publishedConfig(t, "31B"), &top); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(top.Text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	if c.Text.Layers != 60 || !c.Text.BlocksAhead || c.Vision != nil || c.Variant() != "31B" {
		t.Errorf("text-only export: %d layers, ahead %v, vision %v", c.Text.Layers, c.Text.BlocksAhead, c.Vision)
	}
}

func TestConfigOverridesOfLayersWin(t *testing.T) {
	layers := map[string]any{}
	for i := 4; i < 35; i += 5 {
		layers[string(rune('0'+i/10))+string(rune('0'+i%10))] = map[string]int{"head_dim": 128, "num_key_value_heads": 2}
	}
	delete(layers, "04")
	delete(layers, "09")
	layers["4"], layers["9"] = layers["14"], layers["14"]
	c, err := ParseConfig(edited(t, publishedConfig(t, "E2B"), map[string]any{"text_config.per_layer_config": layers}))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range c.Text.Layer {
		dim, heads := 256, 1
		if (i+1)%5 == 0 {
			dim, heads = 128, 2
		}
		if l.Dim != dim || l.KVHeads != heads {
			t.Errorf("layer %d has %d heads of %d, want %d of %d", i, l.KVHeads, l.Dim, heads, dim)
		}
	}
	if len(c.Text.Full.Freq) != 64 {
		t.Errorf("full layers turn %d pairs, want 64", len(c.Text.Full.Freq))
	}
}

// FuzzParseConfig checks that no file makes ParseConfig crash, or take memory
// out of proportion to its length, and that what it accepts is consistent.
func FuzzParseConfig(f *testing.F) {
	// Short seeds, since the fuzzer takes its time to shorten what it finds.
	for _, name := range []string{"E2B", "12B", "26B-A4B"} {
		few := map[string]any{"text_config.num_hidden_layers": 4, "text_config.num_kv_shared_layers": 2,
			"text_config.layer_types": []string{slidingKind, fullKind, slidingKind, fullKind}}
		if name != "E2B" {
			few["text_config.num_kv_shared_layers"] = 0
		}
		for _, needless := range []string{"architectures", "text_config.initializer_range", "text_config.attention_dropout", "text_config.dtype", "text_config.model_type"} {
			few[needless] = nil
		}
		seed := edited(f, publishedConfig(f, name), few)
		if _, err := ParseConfig(seed); err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte(`{"model_type":"gemma4_text","num_hidden_layers":1024,"head_dim":8192,"global_head_dim":-8,"layer_types":["full_attention"]}`))
	f.Add([]byte(`{"model_type":"gemma4","text_config":{"per_layer_config":{"0":{"head_dim":1e9}}}}`))
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
		x := &c.Text
		if len(x.Layer) != x.Layers || x.Sliding == nil && x.Full == nil {
			t.Fatalf("%d layers of %d, turns %v and %v", len(x.Layer), x.Layers, x.Sliding, x.Full)
		}
		for i, l := range x.Layer {
			if l.KVHeads <= 0 || x.Heads%l.KVHeads != 0 || l.Dim <= 0 || l.Dim%2 != 0 || l.F <= 0 || l.KV < 0 || l.KV >= x.Layers-x.SharedKV {
				t.Fatalf("layer %d: %+v", i, l)
			}
		}
		if v := c.Vision; v != nil && (v.Dim%4 != 0 || v.Layers <= 0 || v.Positions <= 0) {
			t.Fatalf("vision: %+v", v)
		}
		if a := c.Audio; a != nil && (a.Hidden%a.Heads != 0 || a.Span < 1 || a.Past != a.Span || a.Channels[1] < 1) {
			t.Fatalf("audio: %+v", a)
		}
	})
}
