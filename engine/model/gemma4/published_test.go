package gemma4

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hark/engine/weights"
)

// published is a released model as the tables of the specification have it,
// sections 1, 2 and 3. Nothing here comes from the code under test.
type published struct {
	name            string
	layers, pattern int // every pattern-th layer is full
	hidden, f       int
	heads           int
	kvSliding       int // key heads of sliding layers
	kvFull          int // and of full ones
	keyIsValue      bool
	window, shared  int
	wide            bool // twice the feed-forward in sharing layers
	ple             int
	experts, fe     int
	vision          string // "small", "large" or "patches"
	audio           string // "tower", "frames" or none
	least, most     float64
	grows           int // bytes a token in bf16, full layers only, section 7.9
	context         int
}

// models are the released ones. Parameters lie between least and most, in
// thousands of millions.
var models = []published{
	{name: "E2B", layers: 35, pattern: 5, hidden: 1536, f: 6144, heads: 8, kvSliding: 1, kvFull: 1, window: 512, shared: 20, wide: true,
		ple: 256, vision: "small", audio: "tower", least: 5.0, most: 5.2, grows: 6 << 10, context: 131072},
	{name: "E4B", layers: 42, pattern: 6, hidden: 2560, f: 10240, heads: 8, kvSliding: 2, kvFull: 2, window: 512, shared: 18,
		ple: 256, vision: "small", audio: "tower", least: 7.8, most: 8.1, grows: 16 << 10, context: 131072},
	{name: "12B", layers: 48, pattern: 6, hidden: 3840, f: 15360, heads: 16, kvSliding: 8, kvFull: 1, keyIsValue: true, window: 1024,
		vision: "patches", audio: "frames", least: 11.5, most: 12.2, grows: 16 << 10, context: 262144},
	{name: "26B-A4B", layers: 30, pattern: 6, hidden: 2816, f: 2112, heads: 16, kvSliding: 8, kvFull: 2, keyIsValue: true, window: 1024,
		experts: 128, fe: 704, vision: "large", least: 25, most: 26.2, grows: 20 << 10, context: 262144},
	{name: "31B", layers: 60, pattern: 6, hidden: 5376, f: 21504, heads: 32, kvSliding: 16, kvFull: 4, keyIsValue: true, window: 1024,
		vision: "large", least: 30.5, most: 31.5, grows: 80 << 10, context: 262144},
}

func (p *published) full(i int) bool { return (i+1)%p.pattern == 0 }

// tensors makes the table of contents of a checkpoint.
type tensors map[string]weights.Entry

func (ts tensors) add(name string, shape ...int) {
	if _, twice := ts[name]; twice {
		panic(name)
	}
	ts[name] = weights.Entry{DType: "BF16", Shape: shape, File: "model.safetensors"}
}

// hub returns the tensors of the checkpoint as it is on the hub. Source: spec
// section 3.1.
func (p *published) hub() tensors {
	const v = 262144
	ts, d := tensors{}, p.hidden
	const base = "model.language_model."
	ts.add(base+"embed_tokens.weight", v, d)
	ts.add(base+"norm.weight", d)
	if p.ple > 0 {
		ts.add(base+"embed_tokens_per_layer.weight", v, p.layers*p.ple)
		ts.add(base+"per_layer_model_projection.weight", p.layers*p.ple, d)
		ts.add(base+"per_layer_projection_norm.weight", p.ple)
	}
	for i := range p.layers {
		p.layer(ts, fmt.Sprintf("%slayers.%d.", base, i), i)
	}
	switch p.vision {
	case "small":
		visionTower(ts, d, 768, 3072, 16, 64, true, false)
	case "large":
		visionTower(ts, d, 1152, 4304, 27, 72, false, true)
	case "patches":
		for name, n := range map[string]int{"patch_ln1": 6912, "patch_ln2": 3840, "pos_norm": 3840} {
			ts.add("model.vision_embedder."+name+".weight", n)
			ts.add("model.vision_embedder."+name+".bias", n)
		}
		ts.add("model.vision_embedder.patch_dense.weight", 3840, 6912)
		ts.add("model.vision_embedder.patch_dense.bias", 3840)
		ts.add("model.vision_embedder.pos_embedding", 1120, 2, 3840)
		ts.add("model.embed_vision.embedding_projection.weight", 3840, 3840)
	}
	switch p.audio {
	case "tower":
		audioTower(ts, d)
	case "frames":
		ts.add("model.embed_audio.embedding_projection.weight", 3840, 640)
	}
	return ts
}

func (p *published) layer(ts tensors, n string, i int) {
	d, dh, kv, f := p.hidden, 256, p.kvSliding, p.f
	if p.full(i) {
		dh, kv = 512, p.kvFull
	}
	shares := i >= p.layers-p.shared
	if shares && p.wide {
		f *= 2
	}
	for _, norm := range []string{"input", "post_attention", "pre_feedforward", "post_feedforward"} {
		ts.add(n+norm+"_layernorm.weight", d)
	}
	ts.add(n+"layer_scalar", 1)
	ts.add(n+"self_attn.q_proj.weight", p.heads*dh, d)
	ts.add(n+"self_attn.q_norm.weight", dh)
	ts.add(n+"self_attn.o_proj.weight", d, p.heads*dh)
	if !shares {
		ts.add(n+"self_attn.k_proj.weight", kv*dh, d)
		ts.add(n+"self_attn.k_norm.weight", dh)
		if !p.keyIsValue || !p.full(i) {
			ts.add(n+"self_attn.v_proj.weight", kv*dh, d)
		}
	}
	ts.add(n+"mlp.gate_proj.weight", f, d)
	ts.add(n+"mlp.up_proj.weight", f, d)
	ts.add(n+"mlp.down_proj.weight", d, f)
	if p.ple > 0 {
		ts.add(n+"per_layer_input_gate.weight", p.ple, d)
		ts.add(n+"per_layer_projection.weight", d, p.ple)
		ts.add(n+"post_per_layer_input_norm.weight", d)
	}
	if e := p.experts; e > 0 {
		ts.add(n+"router.proj.weight", e, d)
		ts.add(n+"router.scale", d)
		ts.add(n+"router.per_expert_scale", e)
		ts.add(n+"experts.gate_up_proj", e, 2*p.fe, d)
		ts.add(n+"experts.down_proj", e, d, p.fe)
		ts.add(n+"pre_feedforward_layernorm_2.weight", d)
		ts.add(n+"post_feedforward_layernorm_1.weight", d)
		ts.add(n+"post_feedforward_layernorm_2.weight", d)
	}
}

// clips adds a projection and, where the tower clips, its bounds.
func (ts tensors) clips(name string, clipped bool, out, in int) {
	ts.add(name+".linear.weight", out, in)
	if clipped {
		for _, bound := range []string{".input_min", ".input_max", ".output_min", ".output_max"} {
			ts.add(name + bound)
		}
	}
}

func visionTower(ts tensors, d, c, i, layers, head int, clipped, standardize bool) {
	const base = "model.vision_tower."
	ts.add(base+"patch_embedder.input_proj.weight", c, 768)
	ts.add(base+"patch_embedder.position_embedding_table", 2, 10240, c)
	for l := range layers {
		n := fmt.Sprintf("%sencoder.layers.%d.", base, l)
		for _, norm := range []string{"input", "post_attention", "pre_feedforward", "post_feedforward"} {
			ts.add(n+norm+"_layernorm.weight", c)
		}
		for _, proj := range []string{"q", "k", "v", "o"} {
			ts.clips(n+"self_attn."+proj+"_proj", clipped, c, c)
		}
		ts.add(n+"self_attn.q_norm.weight", head)
		ts.add(n+"self_attn.k_norm.weight", head)
		ts.clips(n+"mlp.gate_proj", clipped, i, c)
		ts.clips(n+"mlp.up_proj", clipped, i, c)
		ts.clips(n+"mlp.down_proj", clipped, c, i)
	}
	if standardize {
		ts.add(base+"std_bias", c)
		ts.add(base+"std_scale", c)
	}
	ts.add("model.embed_vision.embedding_projection.weight", d, c)
}

func audioTower(ts tensors, d int) {
	const base, a = "model.audio_tower.", 1024
	const sub = base + "subsample_conv_projection."
	ts.add(sub+"layer0.conv.weight", 128, 1, 3, 3)
	ts.add(sub+"layer0.norm.weight", 128)
	ts.add(sub+"layer1.conv.weight", 32, 128, 3, 3)
	ts.add(sub+"layer1.norm.weight", 32)
	ts.add(sub+"input_proj_linear.weight", a, 1024)
	for l := range 12 {
		n := fmt.Sprintf("%slayers.%d.", base, l)
		for _, ff := range []string{"feed_forward1.", "feed_forward2."} {
			ts.add(n+ff+"pre_layer_norm.weight", a)
			ts.add(n+ff+"post_layer_norm.weight", a)
			ts.clips(n+ff+"ffw_layer_1", true, 4*a, a)
			ts.clips(n+ff+"ffw_layer_2", true, a, 4*a)
		}
		for _, norm := range []string{"norm_pre_attn", "norm_post_attn", "norm_out", "lconv1d.pre_layer_norm", "lconv1d.conv_norm"} {
			ts.add(n+norm+".weight", a)
		}
		for _, proj := range []string{"q_proj", "k_proj", "v_proj", "post"} {
			ts.clips(n+"self_attn."+proj, true, a, a)
		}
		ts.add(n+"self_attn.relative_k_proj.weight", a, a)
		ts.add(n+"self_attn.per_dim_scale", 128)
		ts.clips(n+"lconv1d.linear_start", true, 2*a, a)
		ts.add(n+"lconv1d.depthwise_conv1d.weight", a, 1, 5)
		ts.clips(n+"lconv1d.linear_end", true, a, a)
	}
	ts.add(base+"output_proj.weight", 1536, a)
	ts.add(base+"output_proj.bias", 1536)
	ts.add("model.embed_audio.embedding_projection.weight", d, 1536)
}

// dead adds what exports of before July 2026 hold beside: keys and values of
// layers that share those of others. Source: spec section 3.1.
func (p *published) dead(ts tensors) {
	for i := p.layers - p.shared; i < p.layers; i++ {
		n, dh, kv := fmt.Sprintf("model.language_model.layers.%d.self_attn.", i), 256, p.kvSliding
		if p.full(i) {
			dh, kv = 512, p.kvFull
		}
		ts.add(n+"k_proj.weight", kv*dh, p.hidden)
		ts.add(n+"v_proj.weight", kv*dh, p.hidden)
		ts.add(n+"k_norm.weight", dh)
	}
}

// mlx returns the tensors under the names and in the layout of mlx-vlm. Source:
// spec section 3.2.
func (ts tensors) mlx() tensors {
	out := tensors{}
	for name, e := range ts {
		name = strings.TrimPrefix(name, "model.")
		if rest, ok := strings.CutPrefix(name, "language_model."); ok {
			name = "language_model.model." + rest
		}
		s := slices.Clone(e.Shape)
		switch {
		case strings.HasSuffix(name, "experts.gate_up_proj"):
			base := strings.TrimSuffix(name, "gate_up_proj") + "switch_glu."
			out.add(base+"gate_proj.weight", s[0], s[1]/2, s[2])
			out.add(base+"up_proj.weight", s[0], s[1]/2, s[2])
			continue
		case strings.HasSuffix(name, "experts.down_proj"):
			name = strings.TrimSuffix(name, "down_proj") + "switch_glu.down_proj.weight"
		case strings.HasSuffix(name, ".conv.weight"):
			s = []int{s[0], s[2], s[3], s[1]}
		case strings.HasSuffix(name, "depthwise_conv1d.weight"):
			s = []int{s[0], s[2], s[1]}
		}
		out.add(name, s...)
	}
	return out
}

// kept are what mlx-vlm's converter leaves in bfloat16. Source: spec section
// 4.1.
var kept = []string{"vision", "audio_tower"}

// quantized returns the tensors as mlx-vlm quantizes them: every matrix whose
// rows divide into groups, but for the towers; the router in 8 bits. Source:
// spec section 4.1.
func (ts tensors) quantized(bits, group int) tensors {
	out := tensors{}
	for name, e := range ts {
		base, matrix := strings.CutSuffix(name, ".weight")
		in := 1
		if n := len(e.Shape); n > 0 {
			in = e.Shape[n-1]
		}
		if !matrix || len(e.Shape) < 2 || in%group != 0 || slices.ContainsFunc(kept, func(part string) bool { return strings.Contains(name, part) }) {
			out[name] = e
			continue
		}
		b, g := bits, group
		if strings.Contains(name, "router") {
			b, g = 8, 64
		}
		words, groups := slices.Clone(e.Shape), slices.Clone(e.Shape)
		words[len(words)-1], groups[len(groups)-1] = in*b/32, in/g
		out.add(name, words...)
		out[name] = weights.Entry{DType: "U32", Shape: words, File: e.File}
		out.add(base+".scales", groups...)
		out.add(base+".biases", groups...)
	}
	return out
}

// names returns the sorted names.
func (ts tensors) names() []string { return slices.Sorted(maps.Keys(ts)) }
