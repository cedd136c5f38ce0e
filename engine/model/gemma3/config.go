package gemma3

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"hark/engine/model"
	"hark/engine/tensor"
)

// Config is config.json after defaults, checks and derivation: what the
// weights table and the forward pass ask for.
type Config struct {
	Vocab, Hidden, Layers, Heads, KVHeads, Dim, F int
	Context                                       int
	Window                                        int     // positions a query sees in sliding layers
	QScale                                        float32 // factor of the attention scores
	SoftCap                                       float32 // of the logits; 0 for none
	Eps                                           float32
	EOS                                           []int32
	Full                                          []bool         // by layer: sees everything
	Local, Global                                 *tensor.Rotary // turns of sliding and of full layers
}

// rawConfig mirrors config.json. Pointers tell absent from zero. Rope stands
// in one of two forms: rope_parameters by type of layer, or the older keys
// rope_theta, rope_local_base_freq and rope_scaling.
type rawConfig struct {
	Vocab      *int                `json:"vocab_size"`
	Hidden     *int                `json:"hidden_size"`
	F          *int                `json:"intermediate_size"`
	Layers     *int                `json:"num_hidden_layers"`
	Heads      *int                `json:"num_attention_heads"`
	KVHeads    *int                `json:"num_key_value_heads"`
	Dim        *int                `json:"head_dim"`
	Context    *int                `json:"max_position_embeddings"`
	Eps        *float64            `json:"rms_norm_eps"`
	QScalar    *float64            `json:"query_pre_attn_scalar"`
	Window     *int                `json:"sliding_window"`
	LayerTypes []string            `json:"layer_types"`
	Pattern    *int                `json:"sliding_window_pattern"`
	Rope       map[string]*rawRope `json:"rope_parameters"`
	Theta      *float64            `json:"rope_theta"`
	LocalTheta *float64            `json:"rope_local_base_freq"`
	Scaling    *rawRope            `json:"rope_scaling"`
	SoftCap    *float64            `json:"final_logit_softcapping"`
	ScoreCap   *float64            `json:"attn_logit_softcapping"`
	Ahead      bool                `json:"use_bidirectional_attention"`
	Bias       bool                `json:"attention_bias"`
	Tied       *bool               `json:"tie_word_embeddings"`
	Activation *string             `json:"hidden_activation"`
	EOS        model.IDs           `json:"eos_token_id"`
}

// rawRope is one entry of rope_parameters, or rope_scaling.
type rawRope struct {
	Type    string   `json:"rope_type"`
	OldType string   `json:"type"`
	Theta   *float64 `json:"rope_theta"`
	Factor  *float64 `json:"factor"`
}

func or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}

// The largest sizes that are believed: far above every published model, and
// low enough that a broken file cannot ask for memory it does not fill.
const (
	maxLayers  = 1024
	maxHeads   = 1 << 12
	maxDim     = 1 << 13 // of a head
	maxWidth   = 1 << 20 // of a layer
	maxVocab   = 1 << 24
	maxContext = 1 << 30
)

// problems collects what is wrong with a configuration.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf("gemma3: config.json: "+format, args...))
}

// positive returns a number that must be above 0.
func (p *problems) positive(key string, value *float64, otherwise float64) float64 {
	v := or(value, otherwise)
	if v <= 0 || v > 1e30 {
		p.add("%s is %v, want a positive number", key, v)
		return otherwise
	}
	return v
}

// ParseConfig reads config.json. Errors name every key that does not fit, so
// that one run shows all.
func ParseConfig(data []byte) (*Config, error) {
	var top struct {
		ModelType string          `json:"model_type"`
		Text      json.RawMessage `json:"text_config"`
		Vision    *struct{}       `json:"vision_config"`
		EOS       model.IDs       `json:"eos_token_id"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("gemma3: config.json: %w", err)
	}
	switch {
	case top.ModelType == "gemma3_text":
		top.Text = data
	case top.ModelType != "gemma3":
		return nil, fmt.Errorf("gemma3: config.json: model_type %q, want gemma3_text or gemma3", top.ModelType)
	case top.Vision != nil:
		return nil, errors.New("gemma3: config.json: vision_config: hark runs the text models of Gemma 3 (model_type gemma3_text), not those that see")
	case len(top.Text) == 0:
		return nil, errors.New("gemma3: config.json has no text_config")
	}
	var raw rawConfig
	if err := json.Unmarshal(top.Text, &raw); err != nil {
		return nil, fmt.Errorf("gemma3: config.json: %w", err)
	}
	if len(top.EOS) > 0 {
		raw.EOS = top.EOS
	}
	var bad problems
	c := raw.resolve(&bad)
	return c, errors.Join(bad...)
}

// resolve applies defaults, derives every layer's shape and reports what does
// not fit together. Source: transformers, Gemma3TextConfig.
func (r *rawConfig) resolve(bad *problems) *Config {
	c := &Config{
		Vocab: or(r.Vocab, 262208), Hidden: or(r.Hidden, 2304), Layers: or(r.Layers, 26), Heads: or(r.Heads, 8),
		KVHeads: or(r.KVHeads, 4), Dim: or(r.Dim, 256), F: or(r.F, 9216), Context: or(r.Context, 131072),
		Window: or(r.Window, 4096), SoftCap: float32(or(r.SoftCap, 0)), Eps: float32(or(r.Eps, 1e-6)), EOS: r.EOS,
	}
	if !r.sizes(c, bad) {
		return c
	}
	c.QScale = float32(1 / math.Sqrt(bad.positive("query_pre_attn_scalar", r.QScalar, 256)))
	if e := or(r.Eps, 1e-6); e < 1e-30 || e >= 1 {
		bad.add("rms_norm_eps is %v, want a small positive number", e)
	}
	if s := or(r.SoftCap, 0); s < 0 || s > 1e30 {
		bad.add("final_logit_softcapping is %v, want a positive number or null", s)
	}
	if s := or(r.ScoreCap, 0); s != 0 {
		bad.add("attn_logit_softcapping is %g, no supported model caps its scores", s)
	}
	if r.Ahead {
		bad.add("use_bidirectional_attention is true, that is for embedding models")
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
	if len(c.EOS) == 0 {
		c.EOS = []int32{1}
	}
	r.layers(c, bad)
	c.Local = r.rotary("sliding_attention", or(r.LocalTheta, 1e4), nil, c.Dim, bad)
	c.Global = r.rotary("full_attention", or(r.Theta, 1e6), r.Scaling, c.Dim, bad)
	return c
}

// sizes notes every size that cannot be, and reports whether there is none.
func (r *rawConfig) sizes(c *Config, bad *problems) bool {
	before := len(*bad)
	for _, s := range []struct {
		key         string
		value, most int
	}{
		{"vocab_size", c.Vocab, maxVocab}, {"hidden_size", c.Hidden, maxWidth}, {"intermediate_size", c.F, maxWidth},
		{"num_hidden_layers", c.Layers, maxLayers}, {"num_attention_heads", c.Heads, maxHeads},
		{"num_key_value_heads", c.KVHeads, maxHeads}, {"head_dim", c.Dim, maxDim},
		{"max_position_embeddings", c.Context, maxContext}, {"sliding_window", c.Window, maxContext},
	} {
		if s.value <= 0 || s.value > s.most {
			bad.add("%s is %d, want 1 to %d", s.key, s.value, s.most)
		}
	}
	if len(*bad) > before {
		return false
	}
	if c.Heads%c.KVHeads != 0 || c.Dim%2 != 0 {
		bad.add("%d heads of %d over %d key heads do not divide", c.Heads, c.Dim, c.KVHeads)
	}
	return true
}

// layers says which layers are full: those that layer_types names, or every
// sixth.
func (r *rawConfig) layers(c *Config, bad *problems) {
	c.Full = make([]bool, c.Layers)
	if r.LayerTypes == nil {
		pattern := or(r.Pattern, 6)
		if pattern <= 0 {
			bad.add("sliding_window_pattern is %d, want more than 0", pattern)
			return
		}
		for i := range c.Full {
			c.Full[i] = (i+1)%pattern == 0
		}
		return
	}
	if len(r.LayerTypes) != c.Layers {
		bad.add("layer_types has %d entries, num_hidden_layers is %d", len(r.LayerTypes), c.Layers)
		return
	}
	for i, kind := range r.LayerTypes {
		switch kind {
		case "sliding_attention":
		case "full_attention":
			c.Full[i] = true
		default:
			bad.add("layer_types[%d] is %q, want sliding_attention or full_attention", i, kind)
			return
		}
	}
}

// rotary returns the turns of one kind of layer. The bigger models stretch
// those of the full layers by a linear factor.
func (r *rawConfig) rotary(kind string, theta float64, scaling *rawRope, dim int, bad *problems) *tensor.Rotary {
	if p := r.Rope[kind]; p != nil {
		scaling = p
	}
	factor := 1.0
	if scaling != nil {
		theta = or(scaling.Theta, theta)
		switch name := scaling.Type + scaling.OldType; name {
		case "linear", "linearlinear":
			factor = or(scaling.Factor, 1)
		case "default", "defaultdefault", "":
		default:
			bad.add("%s: rope_type %q, want default or linear", kind, name)
		}
	}
	theta = bad.positive(kind+": rope_theta", &theta, 1e4)
	factor = bad.positive(kind+": factor of rope", &factor, 1)
	rot := &tensor.Rotary{Sections: 1, Freq: make([]float32, dim/2)}
	for t := range rot.Freq {
		rot.Freq[t] = float32(1 / (math.Pow(theta, float64(2*t)/float64(dim)) * factor))
	}
	return rot
}
