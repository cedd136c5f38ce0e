package gemma4

import (
	"fmt"
	"math"
	"strings"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/weights"
)

// canonical gives a checkpoint's name the spelling of mlx-vlm, in which this
// package asks for tensors. Hub files say model.X, transformers' own module
// tree says other things in two places. Source: spec sections 3.1 and 3.2.
func canonical(name string) string {
	name = strings.TrimPrefix(name, "model.")
	switch {
	case strings.Contains(name, "rotary_emb"):
		return ""
	case strings.HasPrefix(name, "language_model.model."), strings.HasPrefix(name, "language_model.lm_head"):
		return name
	case strings.HasPrefix(name, "language_model."):
		return "language_model.model." + strings.TrimPrefix(name, "language_model.")
	case strings.HasPrefix(name, "embed_vision.multimodal_embedder."):
		return "embed_vision." + strings.TrimPrefix(name, "embed_vision.multimodal_embedder.")
	}
	for _, part := range []string{"patch_ln1", "patch_ln2", "patch_dense", "pos_embedding", "pos_norm"} {
		if strings.HasPrefix(name, "embed_vision."+part) {
			return "vision_embedder." + strings.TrimPrefix(name, "embed_vision.")
		}
	}
	for _, part := range []string{"layers.", "embed_tokens", "norm.", "per_layer_"} {
		if strings.HasPrefix(name, part) {
			return "language_model.model." + name
		}
	}
	return name
}

// table loads the family's tensors.
type table struct{ model.Table }

// loadWeights asks for every tensor that the configuration calls for.
func (m *Model) loadWeights(l *weights.Loader) error {
	l.Rename(canonical)
	t := &table{model.Table{Loader: l, Backend: m.ops}}
	m.textTable(t)
	if c := m.cfg.Vision; c != nil && t.Has("vision_tower.patch_embedder.input_proj.weight") {
		m.visionTable(t, c)
	}
	if c := m.cfg.Audio; c != nil && t.Has("audio_tower.output_proj.weight") {
		m.audioTable(t, c)
	}
	if c := m.cfg.Patch; c != nil && t.Has("vision_embedder.patch_dense.weight") {
		m.patchTable(t, c)
	}
	if c := m.cfg.Frame; c != nil && t.Has("embed_audio.embedding_projection.weight") {
		m.frame = t.Weight("embed_audio.embedding_projection", m.cfg.Text.Hidden, c.Width)
	}
	t.Ignore(m.dead)
	return t.Finish()
}

// dead reports tensors that may be left over: keys and values of layers that
// share those of others, the tied output head, and clipping bounds of towers
// that do not clip. Source: spec sections 3.1, 3.2 and 15 (items 5 and 30).
func (m *Model) dead(name string) bool {
	if strings.HasPrefix(name, "language_model.lm_head.") || strings.HasPrefix(name, "lm_head.") {
		return true
	}
	for _, bound := range []string{".input_min", ".input_max", ".output_min", ".output_max"} {
		if strings.HasSuffix(name, bound) {
			return true
		}
	}
	var i int
	var rest string
	if n, _ := fmt.Sscanf(name, "language_model.model.layers.%d.self_attn.%s", &i, &rest); n != 2 || i < 0 || i >= len(m.cfg.Text.Layer) {
		return false
	}
	if m.cfg.Text.Layer[i].OwnsKV {
		return false
	}
	return strings.HasPrefix(rest, "k_proj.") || strings.HasPrefix(rest, "v_proj.") || strings.HasPrefix(rest, "k_norm.")
}

func (m *Model) textTable(t *table) {
	c, w := &m.cfg.Text, &m.text
	const base = "language_model.model."
	embed := t.Matrix(base+"embed_tokens", c.Vocab, c.Hidden)
	w.Embed = t.Take(embed)
	// The reference multiplies in the type of the looked-up row: bfloat16 for
	// such weights, with which the models were trained, and float32 in a
	// quantized checkpoint with float32 activations. Source: spec section 14.
	w.EmbedScale = float32(math.Sqrt(float64(c.Hidden)))
	if embed.Format == tensor.BF16 && !m.quantized {
		w.EmbedScale = roundBF16(w.EmbedScale)
	}
	w.Norm = t.Vector(base+"norm", c.Hidden)
	if c.PLE > 0 {
		w.PLEEmbed = t.Lookup(base+"embed_tokens_per_layer", c.PLEVocab, c.Layers*c.PLE)
		w.PLEProj = t.Weight(base+"per_layer_model_projection", c.Layers*c.PLE, c.Hidden)
		w.PLENorm = t.Vector(base+"per_layer_projection_norm", c.PLE)
	}
	w.Layers = make([]textLayer, len(c.Layer))
	for i := range w.Layers {
		m.layerTable(t, fmt.Sprintf("%slayers.%d.", base, i), &w.Layers[i], &c.Layer[i])
	}
}

// roundBF16 rounds to the nearest bfloat16, ties to even.
func roundBF16(f float32) float32 {
	bits := math.Float32bits(f)
	return math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
}

func (m *Model) layerTable(t *table, n string, l *textLayer, c *LayerConfig) {
	d := &m.cfg.Text
	h, q, kv := d.Hidden, d.Heads*c.Dim, c.KVHeads*c.Dim
	l.InputNorm = t.Vector(n+"input_layernorm", h)
	l.PostAttnNorm = t.Vector(n+"post_attention_layernorm", h)
	l.PreFFNorm = t.Vector(n+"pre_feedforward_layernorm", h)
	l.PostFFNorm = t.Vector(n+"post_feedforward_layernorm", h)
	l.Scalar = t.Floats(n+"layer_scalar", 1)[0]
	l.QProj = t.Weight(n+"self_attn.q_proj", q, h)
	l.QNorm = t.Vector(n+"self_attn.q_norm", c.Dim)
	l.OProj = t.Weight(n+"self_attn.o_proj", h, q)
	if c.OwnsKV {
		l.KProj = t.Weight(n+"self_attn.k_proj", kv, h)
		l.KNorm = t.Vector(n+"self_attn.k_norm", c.Dim)
		if !d.KeyIsValue || !c.Full {
			l.VProj = t.Weight(n+"self_attn.v_proj", kv, h)
		}
	}
	l.GateProj = t.Weight(n+"mlp.gate_proj", c.F, h)
	l.UpProj = t.Weight(n+"mlp.up_proj", c.F, h)
	l.DownProj = t.Weight(n+"mlp.down_proj", h, c.F)
	t.Stack(l.QProj, l.KProj, l.VProj)
	t.Stack(l.GateProj, l.UpProj)
	if d.PLE > 0 {
		l.PLEGate = t.Weight(n+"per_layer_input_gate", d.PLE, h)
		l.PLEProj = t.Weight(n+"per_layer_projection", h, d.PLE)
		l.PLENorm = t.Vector(n+"post_per_layer_input_norm", h)
	}
	if d.Experts > 0 {
		l.MoE = m.moeTable(t, n)
	}
}

func (m *Model) moeTable(t *table, n string) *moeWeights {
	d := &m.cfg.Text
	e := &moeWeights{
		Router:    t.Weight(n+"router.proj", d.Experts, d.Hidden),
		PerExpert: t.Vector(n+"router.per_expert_scale", d.Experts),
		PreNorm:   t.Vector(n+"pre_feedforward_layernorm_2", d.Hidden),
		PostDense: t.Vector(n+"post_feedforward_layernorm_1", d.Hidden),
		PostMoE:   t.Vector(n+"post_feedforward_layernorm_2", d.Hidden),
	}
	scale := t.Floats(n+"router.scale", d.Hidden)
	for i := range scale {
		scale[i] *= float32(1 / math.Sqrt(float64(d.Hidden)))
	}
	e.RouterScale = t.Constant(scale, d.Hidden)
	if t.Has(n + "experts.gate_up_proj") { // transformers: gate and up in one stack
		gate, up := weights.SplitRows(t.Matrix(n+"experts.gate_up_proj", d.Experts, 2*d.ExpertF, d.Hidden), d.ExpertF)
		e.Gate, e.Up = t.Take(gate), t.Take(up)
		e.Down = t.Weight(n+"experts.down_proj", d.Experts, d.Hidden, d.ExpertF)
		return e
	}
	n += "experts.switch_glu."
	e.Gate = t.Weight(n+"gate_proj", d.Experts, d.ExpertF, d.Hidden)
	e.Up = t.Weight(n+"up_proj", d.Experts, d.ExpertF, d.Hidden)
	e.Down = t.Weight(n+"down_proj", d.Experts, d.Hidden, d.ExpertF)
	return e
}
