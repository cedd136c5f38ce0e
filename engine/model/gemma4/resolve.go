package gemma4

import (
	"encoding/json"
	"math"
	"strconv"

	"hark/engine/tensor"
)

// resolve applies defaults, derives every layer's shape and reports what does
// not fit together. Source: spec sections 2.2 and 7.
func (r *rawText) resolve(unified bool, bad *problems) TextConfig {
	context, window, ahead := 131072, 512, `null`
	if unified {
		context, window, ahead = 262144, 1024, `"vision"`
	}
	if r.Ahead == nil {
		r.Ahead = json.RawMessage(ahead)
	}
	c := TextConfig{
		Vocab: or(r.Vocab, 262144), Hidden: or(r.Hidden, 2304), Layers: or(r.Layers, 30), Heads: or(r.Heads, 8),
		PLE: or(r.PLE, 256), PLEVocab: or(r.PLEVocab, 262144), SharedKV: r.SharedKV,
		SoftCap: float32(or(r.SoftCap, 0)), Eps: eps(r.Eps), Context: or(r.Context, context), KeyIsValue: r.KeyIsValue,
	}
	bad.positive("text_config", c.Vocab, c.Hidden, c.Layers, c.Heads, c.Context)
	if c.Layers > 1024 {
		bad.add("num_hidden_layers is %d, at most 1024 are supported", c.Layers)
		return c
	}
	switch string(r.Ahead) {
	case `null`, `false`:
	case `"vision"`:
		c.BlocksAhead = true
	default:
		bad.add("use_bidirectional_attention %s is for embedding models, hark runs null and \"vision\"", r.Ahead)
	}
	if r.Bias {
		bad.add("attention_bias is true, no supported model has biases")
	}
	if !or(r.Tied, true) {
		bad.add("tie_word_embeddings is false, the output head must be the token table")
	}
	if a := or(r.Activation, "gelu_pytorch_tanh"); a != "gelu_pytorch_tanh" {
		bad.add("hidden_activation %q, want gelu_pytorch_tanh", a)
	}
	if r.MoE {
		c.Experts, c.TopExperts = or(r.Experts, 0), or(r.TopExperts, 0)
		c.ExpertF = or(r.ExpertF, or(r.ExpertFOld, 0))
		bad.positive("text_config (experts)", c.Experts, c.TopExperts, c.ExpertF)
		if c.TopExperts > c.Experts {
			bad.add("top_k_experts %d of num_experts %d", c.TopExperts, c.Experts)
		}
	}
	r.resolveLayers(&c, or(r.Window, window), bad)
	return c
}

func (r *rawText) resolveLayers(c *TextConfig, window int, bad *problems) {
	types := r.LayerTypes
	if types == nil {
		for i := range c.Layers {
			kind := "sliding_attention"
			if (i+1)%6 == 0 || i == c.Layers-1 {
				kind = "full_attention"
			}
			types = append(types, kind)
		}
	}
	if len(types) != c.Layers {
		bad.add("layer_types has %d entries, num_hidden_layers is %d", len(types), c.Layers)
		return
	}
	if c.SharedKV < 0 || c.SharedKV >= c.Layers {
		bad.add("num_kv_shared_layers is %d of %d layers", c.SharedKV, c.Layers)
		return
	}
	first := c.Layers - c.SharedKV
	donor := map[bool]int{}
	owners := 0
	for i, kind := range types {
		l := r.layer(c, i, kind, window, bad)
		if i < first {
			l.OwnsKV, l.KV = true, owners
			donor[l.Full] = i
			owners++
		} else if d, ok := donor[l.Full]; ok {
			l.KV, l.KVHeads = c.Layer[d].KV, c.Layer[d].KVHeads
			if c.Layer[d].Dim != l.Dim {
				bad.add("layer %d has heads of %d but reads the cache of layer %d with heads of %d", i, l.Dim, d, c.Layer[d].Dim)
			}
			if r.DoubleWide {
				l.F *= 2
			}
		} else {
			bad.add("layer %d shares keys, but no layer before %d is of type %s", i, first, kind)
		}
		c.Layer = append(c.Layer, l)
	}
	r.ropes(c, bad)
}

func (r *rawText) layer(c *TextConfig, i int, kind string, window int, bad *problems) LayerConfig {
	l := LayerConfig{KVHeads: or(r.KVHeads, 4), Dim: or(r.Dim, 256), F: or(r.F, 9216), Window: window}
	switch kind {
	case "sliding_attention":
	case "full_attention":
		l.Full, l.Window, l.Dim = true, 0, or(r.GlobalDim, 512)
		if r.KeyIsValue {
			l.KVHeads = or(r.GlobalHeads, l.KVHeads)
		}
	default:
		bad.add("layer_types[%d] is %q, want sliding_attention or full_attention", i, kind)
	}
	if over, ok := r.PerLayer[strconv.Itoa(i)]; ok {
		l.Dim, l.KVHeads = or(over.Dim, l.Dim), or(over.KVHeads, l.KVHeads)
	}
	bad.positive("text_config (layer "+strconv.Itoa(i)+")", l.KVHeads, l.Dim, l.F, window)
	if l.KVHeads > 0 && c.Heads%l.KVHeads != 0 || l.Dim%2 != 0 {
		bad.add("layer %d: %d heads of %d over %d key heads do not divide", i, c.Heads, l.Dim, l.KVHeads)
	}
	return l
}

// ropes makes the turns of the two kinds of layers, which share a head size
// each.
func (r *rawText) ropes(c *TextConfig, bad *problems) {
	for i, l := range c.Layer {
		made := &c.Sliding
		if l.Full {
			made = &c.Full
		}
		if *made == nil {
			*made = r.rotary(l.Full, l.Dim, bad)
		} else if len((*made).Freq) != l.Dim/2 {
			bad.add("layer %d has heads of %d, others of its type of %d", i, l.Dim, 2*len((*made).Freq))
		}
	}
}

// rotary returns the turns of one kind of layer. In "proportional" embeddings
// the exponent's denominator is the whole head, and what does not turn has a
// zero frequency. Source: spec section 7.6.
func (r *rawText) rotary(full bool, dim int, bad *problems) *tensor.Rotary {
	key, theta, share, proportional := "sliding_attention", 10000.0, 1.0, false
	if full {
		key, theta, share, proportional = "full_attention", 1e6, 0.25, true
	}
	p, given := r.Rope[key]
	if given {
		switch p.Type {
		case "default", "":
			proportional = false
		case "proportional":
			proportional = true
		default:
			bad.add("rope_parameters.%s.rope_type is %q, want default or proportional", key, p.Type)
		}
		if proportional {
			share = or(p.Partial, 1)
		}
	}
	if !proportional {
		share = 1
	}
	theta = or(p.Theta, theta)
	factor := or(p.Factor, 1)
	rot := &tensor.Rotary{Sections: 1, Freq: make([]float32, dim/2)}
	for t := range min(int(share*float64(dim)/2), dim/2) {
		rot.Freq[t] = float32(1 / (math.Pow(theta, float64(2*t)/float64(dim)) * factor))
	}
	return rot
}

// resolve applies the defaults of spec section 2.3.
func (r *rawVision) resolve(bad *problems) *VisionConfig {
	c := &VisionConfig{
		Hidden: or(r.Hidden, 768), F: or(r.F, 3072), Layers: or(r.Layers, 16), Heads: or(r.Heads, 12), Dim: or(r.Dim, 64),
		Patch: or(r.Patch, 16), Pool: or(r.Pool, 3), Positions: or(r.Positions, 10240),
		Clipped: r.Clipped, Standardize: r.Standardize, Theta: or(r.Rope.Theta, 100), Eps: eps(r.Eps),
	}
	bad.positive("vision_config", c.Hidden, c.F, c.Layers, c.Heads, c.Dim, c.Patch, c.Pool, c.Positions)
	switch r.Rope.Type {
	case "", "default", "axial":
	default:
		bad.add("vision_config.rope_parameters.rope_type is %q, want default or axial", r.Rope.Type)
	}
	if c.Dim%4 != 0 {
		bad.add("vision_config.head_dim %d is no multiple of 4", c.Dim)
	}
	return c
}

// rotary returns the turns of the vision tower: the first half of a head by
// the column, the second by the row. Source: spec section 9.3.
func (c *VisionConfig) rotary() *tensor.Rotary {
	half := c.Dim / 2
	r := &tensor.Rotary{Sections: 2, Freq: make([]float32, half/2)}
	for t := range r.Freq {
		r.Freq[t] = float32(1 / math.Pow(c.Theta, float64(2*t)/float64(half)))
	}
	return r
}

// resolve applies the defaults of spec section 2.4.
func (r *rawAudio) resolve(bad *problems) *AudioConfig {
	if r.Channels == nil {
		r.Channels = []int{128, 32}
	}
	c := &AudioConfig{
		Hidden: or(r.Hidden, 1024), Layers: or(r.Layers, 12), Heads: or(r.Heads, 8), Out: or(r.Out, 1536),
		Kernel: or(r.Kernel, 5), Cap: float32(or(r.Cap, 50)), Residual: float32(or(r.Residual, 0.5)),
		Clipped: or(r.Clipped, true), Eps: eps(r.Eps),
	}
	left, chunk := or(r.Left, 13), or(r.Chunk, 12)
	c.Span, c.Past = left-1, (chunk+left-1+or(r.Right, 0))/2
	bad.positive("audio_config", c.Hidden, c.Layers, c.Heads, c.Out, c.Kernel, c.Span)
	if len(r.Channels) != 2 || r.Channels[0] <= 0 || r.Channels[1] <= 0 {
		bad.add("audio_config.subsampling_conv_channels is %v, want two sizes", r.Channels)
	} else {
		c.Channels = [2]int(r.Channels)
	}
	if right := or(r.Right, 0); right != 0 {
		bad.add("audio_config.attention_context_right is %d, only causal towers are supported", right)
	}
	if c.Past != c.Span {
		bad.add("audio_config: attention_chunk_size %d, want attention_context_left-1 = %d", chunk, c.Span)
	}
	if a := or(r.Act, "silu"); a != "silu" {
		bad.add("audio_config.hidden_act is %q, want silu", a)
	}
	if c.Heads > 0 && c.Hidden%c.Heads != 0 {
		bad.add("audio_config: hidden_size %d does not divide into %d heads", c.Hidden, c.Heads)
	}
	return c
}
