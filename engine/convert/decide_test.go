package convert

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"hark/engine/weights"
)

func TestParseOverride(t *testing.T) {
	base := affine(t, 4, 32)
	for text, want := range map[string]string{
		"mlp=8":                      "mlp affine, 8 bits, group 32",
		"mlp=8g128":                  "mlp affine, 8 bits, group 128",
		"a=b=6":                      "a=b affine, 6 bits, group 32",
		"*.mlp.*=2":                  "*.mlp.* affine, 2 bits, group 32",
		"embed=none":                 "embed plain",
		"mlp":                        "",
		"=8":                         "",
		"*=8":                        "",
		"mlp=":                       "",
		"mlp=7":                      "",
		"mlp=8g16":                   "",
		"mlp=8g":                     "",
		"mlp=-8":                     "",
		"mlp=0":                      "",
		"mlp=eight":                  "",
		"mlp=8g99999999999999999999": "",
	} {
		o, err := ParseOverride(text, base)
		got := ""
		if err == nil {
			got = o.Pattern + " " + o.Scheme.String()
			if o.Plain {
				got = o.Pattern + " plain"
			}
		}
		if got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	float, err := weights.NewScheme("mxfp4", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := ParseOverride("mlp=8", float); err != nil || o.Scheme != affine(t, 8, 64) {
		t.Errorf("beside mxfp4: %v, %v, want %v", o.Scheme, err, affine(t, 8, 64))
	}
}

func TestDecide(t *testing.T) {
	override := func(text string) Override {
		o, err := ParseOverride(text, affine(t, 4, 64))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	const up = "language_model.model.layers.3.mlp.up_proj"
	for name, c := range map[string]struct {
		overrides []string
		path      string
		in        int
		want      string // "" for not quantized
		own       bool
	}{
		"rule":                 {nil, up, 128, "affine, 4 bits, group 64", false},
		"undivided":            {nil, up, 96, "", false},
		"router":               {nil, "language_model.model.layers.3.router.proj", 64, "affine, 8 bits, group 64", true},
		"router, undivided":    {nil, "language_model.model.layers.3.router.proj", 32, "", false},
		"tower":                {nil, "vision_tower.encoder.layers.0.mlp.up_proj.linear", 128, "", false},
		"embed_vision":         {nil, "embed_vision.embedding_projection", 128, "", false},
		"embed_audio":          {nil, "embed_audio.embedding_projection", 128, "affine, 4 bits, group 64", false},
		"override":             {[]string{"mlp=8"}, up, 128, "affine, 8 bits, group 64", true},
		"the last holds":       {[]string{"mlp=8", "up_proj=6"}, up, 128, "affine, 6 bits, group 64", true},
		"no match":             {[]string{"attn=8"}, up, 128, "affine, 4 bits, group 64", false},
		"star":                 {[]string{"layers.3.*up=8"}, up, 128, "affine, 8 bits, group 64", true},
		"star, other layer":    {[]string{"layers.2.*up=8"}, up, 128, "affine, 4 bits, group 64", false},
		"override, undivided":  {[]string{"mlp=8"}, up, 96, "", false},
		"smaller group":        {[]string{"mlp=8g32"}, up, 96, "affine, 8 bits, group 32", true},
		"router, override":     {[]string{"router=4"}, "layers.3.router.proj", 64, "affine, 4 bits, group 64", true},
		"plain":                {[]string{"mlp=none"}, up, 128, "", true},
		"tower, broad pattern": {[]string{"mlp=8"}, "vision_tower.encoder.layers.0.mlp.up_proj.linear", 128, "", false},
		"tower, by its name":   {[]string{"vision_tower*mlp=8"}, "vision_tower.encoder.layers.0.mlp.up_proj.linear", 128, "affine, 8 bits, group 64", true},
		"tower, plain twice":   {[]string{"vision=none"}, "vision_tower.encoder.layers.0.mlp.up_proj.linear", 128, "", false},
	} {
		o := Options{Scheme: affine(t, 4, 64)}
		for _, text := range c.overrides {
			o.Overrides = append(o.Overrides, override(text))
		}
		s, own, ok := o.decide(c.path, c.in)
		got := ""
		if ok {
			got = s.String()
		}
		if got != c.want || own != c.own {
			t.Errorf("%s: %q, named %v, want %q, %v", name, got, own, c.want, c.own)
		}
	}
}

// TestParts follows names through the rules.
func TestParts(t *testing.T) {
	e := settings{multimodal: true, tied: true, audio: true, clipVision: true, firstShared: 3}
	deaf := settings{multimodal: true, tied: true, firstShared: 3}
	text := settings{tied: true, firstShared: 9}
	for _, c := range []struct {
		s    settings
		name string
		want string // "" for dropped
	}{
		{e, "model.language_model.layers.0.input_layernorm.weight", "language_model.model.layers.0.input_layernorm.weight"},
		{e, "language_model.model.layers.0.input_layernorm.weight", "language_model.model.layers.0.input_layernorm.weight"},
		{e, "model.language_model.layers.3.self_attn.k_proj.weight", ""},
		{e, "model.language_model.layers.2.self_attn.k_proj.weight", "language_model.model.layers.2.self_attn.k_proj.weight"},
		{e, "model.language_model.layers.3.self_attn.q_proj.weight", "language_model.model.layers.3.self_attn.q_proj.weight"},
		{e, "model.language_model.layers.3.self_attn.k_norm.weight", ""},
		{e, "model.audio_tower.layers.7.self_attn.k_proj.linear.weight", "audio_tower.layers.7.self_attn.k_proj.linear.weight"},
		{e, "model.audio_tower.layers.7.self_attn.k_proj.input_max", "audio_tower.layers.7.self_attn.k_proj.input_max"},
		{deaf, "model.audio_tower.layers.7.self_attn.k_proj.linear.weight", ""},
		{deaf, "model.embed_audio.embedding_projection.weight", ""},
		{e, "model.vision_tower.x.input_min", "vision_tower.x.input_min"},
		{deaf, "model.vision_tower.x.input_min", ""},
		{e, "model.language_model.layers.0.mlp.input_min", ""},
		{e, "model.language_model.rotary_emb.inv_freq", ""},
		{e, "lm_head.weight", ""},
		{e, "model.embed_vision.embedding_projection.weight", "embed_vision.embedding_projection.weight"},
		{e, "model.embed_vision.multimodal_embedder.embedding_projection.weight", "embed_vision.embedding_projection.weight"},
		{e, "model.embed_vision.patch_ln1.bias", "vision_embedder.patch_ln1.bias"},
		{e, "model.vision_embedder.pos_embedding", "vision_embedder.pos_embedding"},
		{text, "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"},
		{text, "model.embed_tokens.weight", "model.embed_tokens.weight"},
	} {
		parts, err := c.s.parts(c.name, weights.Entry{DType: "BF16", Shape: []int{2, 2}, Data: make([]byte, 8)})
		got := ""
		if len(parts) == 1 {
			got = parts[0].name
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestChannelsGoLastOnce(t *testing.T) {
	for _, c := range []struct {
		shape, want []int
		data, moved string
	}{
		{[]int{1, 2, 3, 3}, []int{1, 3, 3, 2}, "abcdefghiABCDEFGHI", "aAbBcCdDeEfFgGhHiI"},
		{[]int{1, 3, 3, 2}, []int{1, 3, 3, 2}, "aAbBcCdDeEfFgGhHiI", "aAbBcCdDeEfFgGhHiI"},
		{[]int{2, 1, 5}, []int{2, 5, 1}, "abcdeABCDE", "abcdeABCDE"},
		{[]int{2, 5, 1}, []int{2, 5, 1}, "abcdeABCDE", "abcdeABCDE"},
		{[]int{0, 2, 3, 3}, []int{0, 2, 3, 3}, "", ""},
		{[]int{4}, []int{4}, "abcd", "abcd"},
	} {
		got := channelsLast(part{name: "x", shape: c.shape, segments: [][]byte{[]byte(c.data)}})
		if !slices.Equal(got.shape, c.want) || string(got.segments[0]) != c.moved {
			t.Errorf("%v %s: %v %s, want %v %s", c.shape, c.data, got.shape, got.segments[0], c.want, c.moved)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(config))
	f.Add([]byte(`{"model_type":"gemma4_text","num_hidden_layers":3,"text_config":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseSettings(data); err != nil {
			return
		}
		p := &Plan{config: data, opts: Options{Scheme: affine(t, 4, 64)}}
		out, err := p.newConfig()
		if err != nil {
			return
		}
		if !json.Valid(out) || !bytes.Contains(out, []byte(`"quantization"`)) {
			t.Errorf("%q became %q", data, out)
		}
	})
}

func FuzzOverride(f *testing.F) {
	f.Add("mlp=8g32", "language_model.model.layers.0.mlp.up_proj")
	f.Fuzz(func(t *testing.T, text, path string) {
		o, err := ParseOverride(text, affine(t, 4, 64))
		if err != nil {
			return
		}
		opts := Options{Scheme: affine(t, 4, 64), Overrides: []Override{o}}
		if s, _, ok := opts.decide(path, 256); ok && (s.Bits < 2 || 256%s.Group != 0) {
			t.Errorf("%q: %v", text, s)
		}
	})
}
