package gemma4

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
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
		SoftCap: float32(or(r.SoftCap, 0)), Eps: bad.eps("rms_norm_eps", r.Eps), Context: or(r.Context, context), KeyIsValue: r.KeyIsValue,
	}
	window = or(r.Window, window)
	bad.sizes("", size{"vocab_size", c.Vocab, maxVocab}, size{"hidden_size", c.Hidden, maxWidth},
		size{"num_hidden_layers", c.Layers, maxLayers}, size{"num_attention_heads", c.Heads, maxHeads},
		size{"num_key_value_heads", or(r.KVHeads, 4), maxHeads}, size{"num_global_key_value_heads", or(r.GlobalHeads, 1), maxHeads},
		size{"head_dim", or(r.Dim, 256), maxDim}, size{"global_head_dim", or(r.GlobalDim, 512), maxDim},
		size{"intermediate_size", or(r.F, 9216), maxWidth}, size{"sliding_window", window, maxContext},
		size{"max_position_embeddings", c.Context, maxContext})
	r.unsupported(&c, bad)
	r.perLayer(&c, bad)
	r.experts(&c, bad)
	r.resolveLayers(&c, window, bad)
	return c
}

// unsupported notes settings that no published model has.
func (r *rawText) unsupported(c *TextConfig, bad *problems) {
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
	bad.activation("hidden_activation", r.Activation, "gelu_pytorch_tanh")
	if v := or(r.SoftCap, 0); v < 0 || v > 1e30 {
		bad.add("final_logit_softcapping is %v, want a positive number or null", v)
	}
}

// perLayer checks the sizes of the per-layer embeddings. Every token has a row
// in their table.
func (r *rawText) perLayer(c *TextConfig, bad *problems) {
	if c.PLE == 0 {
		return
	}
	bad.sizes("", size{"hidden_size_per_layer_input", c.PLE, maxWidth}, size{"vocab_size_per_layer_input", c.PLEVocab, maxVocab})
	if c.PLEVocab > 0 && c.PLEVocab < c.Vocab {
		bad.add("vocab_size_per_layer_input %d is less than vocab_size %d", c.PLEVocab, c.Vocab)
	}
}

// experts checks the sizes of the mixture of experts.
func (r *rawText) experts(c *TextConfig, bad *problems) {
	if !r.MoE {
		return
	}
	c.Experts, c.TopExperts = or(r.Experts, 0), or(r.TopExperts, 0)
	c.ExpertF = or(r.ExpertF, or(r.ExpertFOld, 0))
	bad.sizes("", size{"num_experts", c.Experts, maxWidth}, size{"top_k_experts", c.TopExperts, maxWidth},
		size{"moe_intermediate_size", c.ExpertF, maxWidth})
	if c.TopExperts > c.Experts {
		bad.add("top_k_experts %d of num_experts %d", c.TopExperts, c.Experts)
	}
}

// The two kinds of layers.
const (
	slidingKind = "sliding_attention"
	fullKind    = "full_attention"
)

// resolveLayers derives the layers. It goes on after a problem where it can,
// and leaves the layers out where their number is in doubt.
func (r *rawText) resolveLayers(c *TextConfig, window int, bad *problems) {
	if c.Layers <= 0 || c.Layers > maxLayers {
		return
	}
	types := r.LayerTypes
	if types == nil {
		for i := range c.Layers {
			kind := slidingKind
			if (i+1)%6 == 0 || i == c.Layers-1 {
				kind = fullKind
			}
			types = append(types, kind)
		}
	}
	for i, kind := range types[:min(len(types), maxLayers)] {
		if kind != slidingKind && kind != fullKind {
			bad.add("layer_types[%d] is %q, want %s or %s", i, kind, slidingKind, fullKind)
		}
	}
	if len(types) != c.Layers {
		bad.add("layer_types has %d entries, num_hidden_layers is %d", len(types), c.Layers)
		return
	}
	if c.SharedKV < 0 || c.SharedKV >= c.Layers {
		bad.add("num_kv_shared_layers is %d of %d layers", c.SharedKV, c.Layers)
		c.SharedKV = 0
	}
	for _, key := range slices.Sorted(maps.Keys(r.PerLayer)) {
		if i, err := strconv.Atoi(key); err != nil || i < 0 || i >= c.Layers {
			bad.add("per_layer_config has the key %q, want the number of a layer below %d", key, c.Layers)
		}
	}
	r.chain(c, types, window, bad)
	r.ropes(c, bad)
}

// chain makes the layers in order and ties those that share keys to the last
// owner of their kind. Source: spec section 7.7.
func (r *rawText) chain(c *TextConfig, types []string, window int, bad *problems) {
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
			bad.add("layers from %d on share keys, but no layer before is of type %s", first, kind)
		}
		c.Layer = append(c.Layer, l)
	}
}

// layer derives one layer's shape, not yet whose keys it reads.
func (r *rawText) layer(c *TextConfig, i int, kind string, window int, bad *problems) LayerConfig {
	l := LayerConfig{KVHeads: or(r.KVHeads, 4), Dim: or(r.Dim, 256), F: or(r.F, 9216), Window: window}
	if kind == fullKind {
		l.Full, l.Window, l.Dim = true, 0, or(r.GlobalDim, 512)
		if r.KeyIsValue {
			l.KVHeads = or(r.GlobalHeads, l.KVHeads)
		}
	}
	if over, ok := r.PerLayer[strconv.Itoa(i)]; ok {
		l.Dim, l.KVHeads = or(over.Dim, l.Dim), or(over.KVHeads, l.KVHeads)
		kind = "layer " + strconv.Itoa(i)
		bad.sizes("per_layer_config."+strconv.Itoa(i)+".", size{"head_dim", l.Dim, maxDim}, size{"num_key_value_heads", l.KVHeads, maxHeads})
	}
	if l.KVHeads > 0 && c.Heads > 0 && c.Heads%l.KVHeads != 0 {
		bad.add("%s: %d heads do not divide into %d key heads", kind, c.Heads, l.KVHeads)
	}
	if l.Dim%2 != 0 {
		bad.add("%s: heads of %d values cannot turn in pairs", kind, l.Dim)
	}
	return l
}

// ropes makes the turns of the two kinds of layers, which share a head size
// each.
func (r *rawText) ropes(c *TextConfig, bad *problems) {
	for i, l := range c.Layer {
		if l.Dim <= 0 || l.Dim > maxDim { // noted already
			continue
		}
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
	key, theta, share, proportional := slidingKind, 10000.0, 1.0, false
	if full {
		key, theta, share, proportional = fullKind, 1e6, 0.25, true
	}
	p, given := r.Rope[key]
	where := "rope_parameters." + key + "."
	if given {
		switch p.Type {
		case "default", "":
			proportional = false
		case "proportional":
			proportional = true
		default:
			bad.add("%srope_type is %q, want default or proportional", where, p.Type)
		}
		if proportional {
			share = bad.positive(where+"partial_rotary_factor", p.Partial, 1)
		}
	}
	if !proportional {
		share = 1
	}
	if share > 1 {
		bad.add("%spartial_rotary_factor is %v, want at most 1", where, share)
	}
	theta = bad.positive(where+"rope_theta", p.Theta, theta)
	factor := bad.positive(where+"factor", p.Factor, 1)
	rot := &tensor.Rotary{Sections: 1, Freq: make([]float32, dim/2)}
	for t := range min(int(min(share, 1)*float64(dim)/2), dim/2) {
		rot.Freq[t] = float32(1 / (math.Pow(theta, float64(2*t)/float64(dim)) * factor))
	}
	return rot
}

// resolve applies the defaults of spec section 2.3.
func (r *rawVision) resolve(bad *problems) *VisionConfig {
	const where = "vision_config."
	c := &VisionConfig{
		Hidden: or(r.Hidden, 768), F: or(r.F, 3072), Layers: or(r.Layers, 16), Heads: or(r.Heads, 12), Dim: or(r.Dim, 64),
		Patch: or(r.Patch, 16), Pool: or(r.Pool, 3), Positions: or(r.Positions, 10240),
		Clipped: r.Clipped, Standardize: r.Standardize,
		Theta: bad.positive(where+"rope_parameters.rope_theta", r.Rope.Theta, 100), Eps: bad.eps(where+"rms_norm_eps", r.Eps),
	}
	bad.sizes(where, size{"hidden_size", c.Hidden, maxTower}, size{"intermediate_size", c.F, maxWidth},
		size{"num_hidden_layers", c.Layers, maxLayers}, size{"num_attention_heads", c.Heads, maxHeads}, size{"head_dim", c.Dim, maxDim},
		size{"patch_size", c.Patch, 1 << 8}, size{"pooling_kernel_size", c.Pool, 1 << 8}, size{"position_embedding_size", c.Positions, maxWidth})
	switch r.Rope.Type {
	case "", "default", "axial":
	default:
		bad.add("vision_config.rope_parameters.rope_type is %q, want default or axial", r.Rope.Type)
	}
	if c.Dim%4 != 0 {
		bad.add("vision_config.head_dim %d is no multiple of 4", c.Dim)
	}
	if k := or(r.KVHeads, c.Heads); k != c.Heads {
		bad.add("vision_config.num_key_value_heads is %d, want num_attention_heads %d", k, c.Heads)
	}
	bad.activation("vision_config.hidden_activation", r.Activation, "gelu_pytorch_tanh")
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
	const where = "audio_config."
	if r.Channels == nil {
		r.Channels = []int{128, 32}
	}
	c := &AudioConfig{
		Hidden: or(r.Hidden, 1024), Layers: or(r.Layers, 12), Heads: or(r.Heads, 8), Out: or(r.Out, 1536),
		Kernel: or(r.Kernel, 5), Cap: float32(bad.positive(where+"attention_logit_cap", r.Cap, 50)), Residual: float32(or(r.Residual, 0.5)),
		Clipped: or(r.Clipped, true), Eps: bad.eps(where+"rms_norm_eps", r.Eps),
	}
	left, chunk := or(r.Left, 13), or(r.Chunk, 12)
	c.Span, c.Past = left-1, (chunk+left-1+or(r.Right, 0))/2
	bad.sizes(where, size{"hidden_size", c.Hidden, maxTower}, size{"num_hidden_layers", c.Layers, maxLayers},
		size{"num_attention_heads", c.Heads, maxHeads}, size{"output_proj_dims", c.Out, maxWidth},
		size{"conv_kernel_size", c.Kernel, maxSpan}, size{"attention_context_left", left, maxSpan}, size{"attention_chunk_size", chunk, maxSpan})
	if n := r.Channels; len(n) != 2 || min(n[0], n[1]) <= 0 || max(n[0], n[1]) > maxTower {
		bad.add("audio_config.subsampling_conv_channels is %v, want two sizes", n[:min(len(n), 8)])
	} else {
		c.Channels = [2]int(r.Channels)
	}
	if right := or(r.Right, 0); right != 0 {
		bad.add("audio_config.attention_context_right is %d, only causal towers are supported", right)
	}
	if chunk != left-1 {
		bad.add("audio_config: attention_chunk_size %d, want attention_context_left-1 = %d", chunk, left-1)
	}
	bad.activation("audio_config.hidden_act", r.Act, "silu")
	if c.Heads > 0 && c.Hidden%c.Heads != 0 {
		bad.add("audio_config: hidden_size %d does not divide into %d heads", c.Hidden, c.Heads)
	}
	if c.Hidden%2 != 0 {
		bad.add("audio_config.hidden_size %d is odd", c.Hidden)
	}
	return c
}
