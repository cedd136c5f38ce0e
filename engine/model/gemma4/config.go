package gemma4

import (
	"encoding/json"
	"fmt"

	"hark/engine/model"
	"hark/engine/tensor"
)

// Config is config.json after defaults, checks and derivation: what the
// weights table and the forward passes ask for. Source: spec sections 1 and 2.
type Config struct {
	ModelType string
	Unified   bool // 12B: no towers
	BF16      bool // the checkpoint's floats are bfloat16
	Text      TextConfig
	Vision    *VisionConfig // nil: blind, or unified
	Audio     *AudioConfig  // nil: deaf, or unified
	Patch     *PatchConfig  // unified only
	Frame     *FrameConfig  // unified only
	ImageID   int32         // soft token placeholders
	AudioID   int32
	VideoID   int32
	EOS       []int32
}

// TextConfig is the decoder's shape.
type TextConfig struct {
	Vocab, Hidden, Layers, Heads int
	PLEVocab, PLE                int // rows of the per-layer table; R, 0 without
	SharedKV                     int // last layers that have no keys of their own
	SoftCap                      float32
	Eps                          float32
	Context                      int
	KeyIsValue                   bool           // full layers have no v_proj
	BlocksAhead                  bool           // pictures look ahead in sliding layers
	Experts, TopExperts, ExpertF int            // 0 without mixture of experts
	Sliding, Full                *tensor.Rotary // turns of the two kinds of layers
	Layer                        []LayerConfig
}

// LayerConfig is one decoder layer's shape.
type LayerConfig struct {
	Full    bool
	Window  int // positions a query sees; 0 in full layers
	KVHeads int // K
	Dim     int // D
	F       int // width of the dense MLP
	KV      int // number of the cache layer it reads
	OwnsKV  bool
}

// VisionConfig is the vision tower's shape.
type VisionConfig struct {
	Hidden, F, Layers, Heads, Dim int
	Patch, Pool, Positions        int
	Clipped, Standardize          bool
	Theta                         float64
	Eps                           float32
}

// AudioConfig is the audio tower's shape.
type AudioConfig struct {
	Hidden, Layers, Heads, Out int
	Channels                   [2]int // of the two convolutions
	Kernel                     int    // of the depthwise convolution
	Span                       int    // rows a row sees, its own included
	Past                       int    // the largest distance with a position, Span here or more
	Cap                        float32
	Residual                   float32
	Clipped                    bool
	Eps                        float32
}

// PatchConfig is the 12B's picture embedder.
type PatchConfig struct {
	Side, Width, Positions int
	Eps                    float32 // of the last RMS norm; the layer norms have 1e-5
}

// FrameConfig is the 12B's sound embedder.
type FrameConfig struct {
	Width int // samples a soft token
	Eps   float32
}

// rawConfig mirrors config.json. Pointers tell absent from zero.
type rawConfig struct {
	ModelType    string          `json:"model_type"`
	Dtype        string          `json:"dtype"`
	TorchDtype   string          `json:"torch_dtype"`
	Text         json.RawMessage `json:"text_config"`
	Vision       *rawVision      `json:"vision_config"`
	Audio        *rawAudio       `json:"audio_config"`
	ImageTokenID *int32          `json:"image_token_id"`
	AudioTokenID *int32          `json:"audio_token_id"`
	VideoTokenID *int32          `json:"video_token_id"`
	EOS          json.RawMessage `json:"eos_token_id"`
}

type rawText struct {
	Vocab       *int               `json:"vocab_size"`
	Hidden      *int               `json:"hidden_size"`
	F           *int               `json:"intermediate_size"`
	Layers      *int               `json:"num_hidden_layers"`
	Heads       *int               `json:"num_attention_heads"`
	KVHeads     *int               `json:"num_key_value_heads"`
	GlobalHeads *int               `json:"num_global_key_value_heads"`
	Dim         *int               `json:"head_dim"`
	GlobalDim   *int               `json:"global_head_dim"`
	Eps         *float64           `json:"rms_norm_eps"`
	Context     *int               `json:"max_position_embeddings"`
	LayerTypes  []string           `json:"layer_types"`
	Window      *int               `json:"sliding_window"`
	Rope        map[string]rawRope `json:"rope_parameters"`
	Bias        bool               `json:"attention_bias"`
	KeyIsValue  bool               `json:"attention_k_eq_v"`
	SharedKV    int                `json:"num_kv_shared_layers"`
	DoubleWide  bool               `json:"use_double_wide_mlp"`
	PLE         *int               `json:"hidden_size_per_layer_input"`
	PLEVocab    *int               `json:"vocab_size_per_layer_input"`
	MoE         bool               `json:"enable_moe_block"`
	Experts     *int               `json:"num_experts"`
	TopExperts  *int               `json:"top_k_experts"`
	ExpertF     *int               `json:"moe_intermediate_size"`
	ExpertFOld  *int               `json:"expert_intermediate_size"`
	SoftCap     *float64           `json:"final_logit_softcapping"`
	Ahead       json.RawMessage    `json:"use_bidirectional_attention"`
	Tied        *bool              `json:"tie_word_embeddings"`
	Activation  *string            `json:"hidden_activation"`
	Dtype       string             `json:"dtype"`
	PerLayer    map[string]rawOver `json:"per_layer_config"`
}

type rawOver struct {
	Dim     *int `json:"head_dim"`
	KVHeads *int `json:"num_key_value_heads"`
}

type rawRope struct {
	Type    string   `json:"rope_type"`
	Theta   *float64 `json:"rope_theta"`
	Partial *float64 `json:"partial_rotary_factor"`
	Factor  *float64 `json:"factor"`
}

type rawVision struct {
	Activation  *string  `json:"hidden_activation"`
	KVHeads     *int     `json:"num_key_value_heads"`
	Hidden      *int     `json:"hidden_size"`
	F           *int     `json:"intermediate_size"`
	Layers      *int     `json:"num_hidden_layers"`
	Heads       *int     `json:"num_attention_heads"`
	Dim         *int     `json:"head_dim"`
	Patch       *int     `json:"patch_size"`
	Pool        *int     `json:"pooling_kernel_size"`
	Positions   *int     `json:"position_embedding_size"`
	Rope        rawRope  `json:"rope_parameters"`
	Clipped     bool     `json:"use_clipped_linears"`
	Standardize bool     `json:"standardize"`
	Eps         *float64 `json:"rms_norm_eps"`
	// The 12B's own keys.
	ModelPatch *int `json:"model_patch_size"`
	MMEmbed    *int `json:"mm_embed_dim"`
	MMPos      *int `json:"mm_posemb_size"`
}

type rawAudio struct {
	Hidden   *int     `json:"hidden_size"`
	Layers   *int     `json:"num_hidden_layers"`
	Heads    *int     `json:"num_attention_heads"`
	Channels []int    `json:"subsampling_conv_channels"`
	Kernel   *int     `json:"conv_kernel_size"`
	Residual *float64 `json:"residual_weight"`
	Chunk    *int     `json:"attention_chunk_size"`
	Left     *int     `json:"attention_context_left"`
	Right    *int     `json:"attention_context_right"`
	Cap      *float64 `json:"attention_logit_cap"`
	Clipped  *bool    `json:"use_clipped_linears"`
	Eps      *float64 `json:"rms_norm_eps"`
	Out      *int     `json:"output_proj_dims"`
	Act      *string  `json:"hidden_act"`
	// The 12B's own key.
	Samples *int `json:"audio_samples_per_token"`
}

func or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}

// ParseConfig reads config.json. Errors name every key that does not fit, so
// that one run shows all.
func ParseConfig(data []byte) (*Config, error) {
	var bad problems
	var raw rawConfig
	if !bad.decode("", data, &raw) {
		return nil, bad.err()
	}
	c := &Config{
		ModelType: raw.ModelType,
		ImageID:   or(raw.ImageTokenID, 258880),
		AudioID:   or(raw.AudioTokenID, 258881),
		VideoID:   or(raw.VideoTokenID, 258884),
	}
	textOnly := false
	switch raw.ModelType {
	case "gemma4":
	case "gemma4_unified":
		c.Unified = true
	case "gemma4_text", "gemma4_unified_text":
		raw.Text, textOnly = data, true
		c.Unified = raw.ModelType == "gemma4_unified_text"
	default:
		return nil, fmt.Errorf("gemma4: model_type %q, want gemma4, gemma4_unified or gemma4_text", raw.ModelType)
	}
	if eos := (model.IDs{}); len(raw.EOS) > 0 && bad.decode("eos_token_id", raw.EOS, &eos) {
		c.EOS = eos
	}
	if len(c.EOS) == 0 {
		c.EOS = []int32{1, 106}
	}
	var text rawText
	switch {
	case len(raw.Text) == 0 || string(raw.Text) == "null":
		bad.add("there is no text_config")
	case bad.decode("text_config", raw.Text, &text):
		c.Text = text.resolve(c.Unified, &bad)
	}
	dtype := raw.Dtype
	for _, d := range []string{raw.TorchDtype, text.Dtype, "bfloat16"} {
		if dtype == "" {
			dtype = d
		}
	}
	c.BF16 = dtype == "bfloat16"
	if !textOnly {
		c.media(&raw, &bad)
	}
	if len(bad) > 0 {
		return nil, bad.err()
	}
	return c, nil
}

// media resolves the towers, or what the 12B has in their place.
func (c *Config) media(raw *rawConfig, bad *problems) {
	for i, id := range []int32{c.ImageID, c.AudioID, c.VideoID} {
		if id < 0 {
			bad.add("%s_token_id is %d, want a token", []string{"image", "audio", "video"}[i], id)
		}
	}
	switch v := raw.Vision; {
	case v == nil:
	case c.Unified:
		c.Patch = &PatchConfig{Side: or(v.ModelPatch, blockSide), Width: or(v.MMEmbed, 3840), Positions: or(v.MMPos, 1120), Eps: bad.eps("vision_config.rms_norm_eps", v.Eps)}
		bad.sizes("vision_config.", size{"mm_embed_dim", c.Patch.Width, maxWidth}, size{"mm_posemb_size", c.Patch.Positions, maxWidth})
		if c.Patch.Side != blockSide {
			bad.add("vision_config.model_patch_size is %d, want %d", c.Patch.Side, blockSide)
		}
	default:
		c.Vision = v.resolve(bad)
	}
	switch a := raw.Audio; {
	case a == nil:
	case c.Unified:
		c.Frame = &FrameConfig{Width: or(a.Samples, toksSamples), Eps: bad.eps("audio_config.rms_norm_eps", a.Eps)}
		if c.Frame.Width != toksSamples {
			bad.add("audio_config.audio_samples_per_token is %d, want %d", c.Frame.Width, toksSamples)
		}
	default:
		c.Audio = a.resolve(bad)
	}
}

// blockSide is the side in pixels of the squares that the 12B sees.
const blockSide = 48
