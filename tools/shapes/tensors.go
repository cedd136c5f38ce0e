package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"hark/engine/weights"
)

// table collects the tensors of a checkpoint.
type table struct {
	scheme  *weights.Scheme // nil: bfloat16
	tensors []weights.Tensor
}

// list returns the tensors of the checkpoint. Source: specification of Gemma
// 4, sections 3 and 4.1.
func (s *shape) list(scheme *weights.Scheme) []weights.Tensor {
	t := &table{scheme: scheme}
	base := "language_model.model."
	if s.gemma3 {
		base = "model."
	}
	t.decoder(base, &s.text, s.gemma3)
	if s.vision != nil {
		t.eyes("vision_tower.", s.vision)
		t.plain("embed_vision.embedding_projection.weight", fan(s.vision.hidden), s.text.hidden, s.vision.hidden)
	}
	if s.audio != nil {
		t.ears("audio_tower.", s.audio)
		t.matrix("embed_audio.embedding_projection", t.scheme, fan(s.audio.out), s.text.hidden, s.audio.out)
	}
	return t.tensors
}

// fan returns the spread of weights that keeps the size of what n of them sum
// up.
func fan(n int) float64 { return 1 / math.Sqrt(float64(n)) }

// matrix adds a matrix or a stack of them, quantized if the scheme's groups
// divide its rows, as mlx-vlm decides it. spread is the standard deviation of
// its values.
func (t *table) matrix(name string, scheme *weights.Scheme, spread float64, sizes ...int) {
	in := sizes[len(sizes)-1]
	if scheme == nil || in%scheme.Group != 0 {
		t.plain(name+".weight", spread, sizes...)
		return
	}
	last := len(sizes) - 1
	words, groups := slices.Clone(sizes), slices.Clone(sizes)
	words[last], groups[last] = in*scheme.Bits/32, in/scheme.Group
	t.add(name+".weight", "U32", codes{name}, words)
	t.add(name+".scales", "BF16", scales{name, scheme.Bits, spread, false}, groups)
	t.add(name+".biases", "BF16", scales{name, scheme.Bits, spread, true}, groups)
}

// plain adds bfloat16 values around 0.
func (t *table) plain(name string, spread float64, sizes ...int) {
	t.add(name, "BF16", normal{name, 0, spread}, sizes)
}

// around adds bfloat16 values around a mean, a tenth of it apart.
func (t *table) around(name string, mean float64, sizes ...int) {
	t.add(name, "BF16", normal{name, mean, mean / 10}, sizes)
}

func (t *table) add(name, dtype string, v values, sizes []int) {
	bytes := int64(v.size())
	for _, n := range sizes {
		bytes *= int64(n)
	}
	t.tensors = append(t.tensors, weights.Tensor{Name: name, DType: dtype, Shape: sizes, Bytes: bytes, Data: v.writer(bytes)})
}

// decoder adds the language model.
func (t *table) decoder(base string, c *text, gemma3 bool) {
	norm := t.around
	if gemma3 { // its norms multiply by one more than is stored
		norm = func(name string, mean float64, sizes ...int) { t.plain(name, mean/10, sizes...) }
	}
	t.matrix(base+"embed_tokens", t.scheme, 3*fan(c.hidden), c.vocab, c.hidden)
	norm(base+"norm.weight", 1, c.hidden)
	if c.ple > 0 {
		t.matrix(base+"embed_tokens_per_layer", t.scheme, fan(c.ple), c.vocab, c.layers*c.ple)
		t.matrix(base+"per_layer_model_projection", t.scheme, 1, c.layers*c.ple, c.hidden)
		norm(base+"per_layer_projection_norm.weight", 1, c.ple)
	}
	for i := range c.layers {
		n := fmt.Sprintf("%slayers.%d.", base, i)
		for _, name := range []string{"input", "post_attention", "pre_feedforward", "post_feedforward"} {
			norm(n+name+"_layernorm.weight", 1, c.hidden)
		}
		t.attention(n+"self_attn.", c, i, norm)
		f := c.width(i)
		t.matrix(n+"mlp.gate_proj", t.scheme, fan(c.hidden), f, c.hidden)
		t.matrix(n+"mlp.up_proj", t.scheme, fan(c.hidden), f, c.hidden)
		t.matrix(n+"mlp.down_proj", t.scheme, fan(f), c.hidden, f)
		if gemma3 {
			continue
		}
		t.around(n+"layer_scalar", 0.9, 1)
		if c.ple > 0 {
			t.matrix(n+"per_layer_input_gate", t.scheme, fan(c.hidden), c.ple, c.hidden)
			t.matrix(n+"per_layer_projection", t.scheme, fan(c.ple), c.hidden, c.ple)
			norm(n+"post_per_layer_input_norm.weight", 1, c.hidden)
		}
		if c.experts > 0 {
			t.mixture(n, c)
		}
	}
}

// attention adds the projections of layer i.
func (t *table) attention(n string, c *text, i int, norm func(string, float64, ...int)) {
	kvHeads, dim := c.head(i)
	t.matrix(n+"q_proj", t.scheme, fan(c.hidden), c.heads*dim, c.hidden)
	t.matrix(n+"o_proj", t.scheme, fan(c.heads*dim), c.hidden, c.heads*dim)
	// Scores of about one, as in a trained model.
	norm(n+"q_norm.weight", fan(dim), dim)
	if !c.owns(i) {
		return
	}
	t.matrix(n+"k_proj", t.scheme, fan(c.hidden), kvHeads*dim, c.hidden)
	norm(n+"k_norm.weight", 1, dim)
	if !c.keyIsValue || !c.full(i) {
		t.matrix(n+"v_proj", t.scheme, fan(c.hidden), kvHeads*dim, c.hidden)
	}
}

// mixture adds the experts of a layer. The router has 8 bits in every file.
func (t *table) mixture(n string, c *text) {
	t.matrix(n+"router.proj", routerScheme(t.scheme), fan(c.hidden), c.experts, c.hidden)
	t.around(n+"router.scale", 1, c.hidden)
	t.around(n+"router.per_expert_scale", 1, c.experts)
	t.matrix(n+"experts.switch_glu.gate_proj", t.scheme, fan(c.hidden), c.experts, c.expertF, c.hidden)
	t.matrix(n+"experts.switch_glu.up_proj", t.scheme, fan(c.hidden), c.experts, c.expertF, c.hidden)
	t.matrix(n+"experts.switch_glu.down_proj", t.scheme, fan(c.expertF), c.experts, c.hidden, c.expertF)
	for _, name := range []string{"pre_feedforward_layernorm_2", "post_feedforward_layernorm_1", "post_feedforward_layernorm_2"} {
		t.around(n+name+".weight", 1, c.hidden)
	}
}

// routerScheme is how mlx-vlm quantizes routers beside matrices in scheme.
func routerScheme(scheme *weights.Scheme) *weights.Scheme {
	if scheme == nil {
		return nil
	}
	return &weights.Scheme{Format: scheme.Format, Bits: 8, Group: 64}
}

// projection adds a matrix of a tower and the bounds of its clipping, which
// are far away.
func (t *table) projection(name string, clipped bool, out, in int) {
	t.plain(name+".linear.weight", fan(in), out, in)
	if !clipped {
		return
	}
	for bound, v := range map[string]float64{"input_min": -64, "input_max": 64, "output_min": -64, "output_max": 64} {
		t.add(name+"."+bound, "BF16", normal{name, v, 0}, []int{})
	}
}

// eyes adds the vision tower, of patches of 16 by 16 pixels.
func (t *table) eyes(base string, c *tower) {
	t.plain(base+"patch_embedder.input_proj.weight", fan(768), c.hidden, 768)
	t.plain(base+"patch_embedder.position_embedding_table", 0.02, 2, c.positions, c.hidden)
	for i := range c.layers {
		n := fmt.Sprintf("%sencoder.layers.%d.", base, i)
		for _, name := range []string{"input", "post_attention", "pre_feedforward", "post_feedforward"} {
			t.around(n+name+"_layernorm.weight", 1, c.hidden)
		}
		for _, name := range strings.Fields("q_proj k_proj v_proj o_proj") {
			t.projection(n+"self_attn."+name, c.clipped, c.hidden, c.hidden)
		}
		t.around(n+"self_attn.q_norm.weight", fan(c.dim), c.dim)
		t.around(n+"self_attn.k_norm.weight", 1, c.dim)
		t.projection(n+"mlp.gate_proj", c.clipped, c.f, c.hidden)
		t.projection(n+"mlp.up_proj", c.clipped, c.f, c.hidden)
		t.projection(n+"mlp.down_proj", c.clipped, c.hidden, c.f)
	}
	if c.standardize {
		t.plain(base+"std_bias", 0.1, c.hidden)
		t.around(base+"std_scale", 1, c.hidden)
	}
}

// ears adds the audio tower, of 128 frequencies and kernels of 5 rows.
func (t *table) ears(base string, c *tower) {
	a, sub := c.hidden, base+"subsample_conv_projection."
	t.plain(sub+"layer0.conv.weight", fan(9), c.channels[0], 3, 3, 1)
	t.plain(sub+"layer1.conv.weight", fan(9*c.channels[0]), c.channels[1], 3, 3, c.channels[0])
	t.around(sub+"layer0.norm.weight", 1, c.channels[0])
	t.around(sub+"layer1.norm.weight", 1, c.channels[1])
	t.plain(sub+"input_proj_linear.weight", fan(32*c.channels[1]), a, 32*c.channels[1])
	t.plain(base+"output_proj.weight", fan(a), c.out, a)
	t.plain(base+"output_proj.bias", 0.1, c.out)
	for i := range c.layers {
		n := fmt.Sprintf("%slayers.%d.", base, i)
		for _, part := range []string{"feed_forward1.", "feed_forward2."} {
			t.around(n+part+"pre_layer_norm.weight", 1, a)
			t.around(n+part+"post_layer_norm.weight", 1, a)
			t.projection(n+part+"ffw_layer_1", c.clipped, c.f, a)
			t.projection(n+part+"ffw_layer_2", c.clipped, a, c.f)
		}
		for _, name := range strings.Fields("norm_pre_attn norm_post_attn norm_out lconv1d.pre_layer_norm lconv1d.conv_norm") {
			t.around(n+name+".weight", 1, a)
		}
		for _, name := range strings.Fields("q_proj k_proj v_proj post") {
			t.projection(n+"self_attn."+name, c.clipped, a, a)
		}
		t.plain(n+"self_attn.relative_k_proj.weight", fan(a), a, a)
		t.plain(n+"self_attn.per_dim_scale", 0.1, a/c.heads)
		t.projection(n+"lconv1d.linear_start", c.clipped, 2*a, a)
		t.projection(n+"lconv1d.linear_end", c.clipped, a, a)
		t.plain(n+"lconv1d.depthwise_conv1d.weight", fan(5), a, 5, 1)
	}
}
