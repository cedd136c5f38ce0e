package gemma3

import (
	"fmt"
	"math"
	"strings"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/weights"
)

// canonical gives a checkpoint's name the spelling of the hub's text models,
// in which this package asks for tensors. mlx-vlm puts language_model. before
// it, and checkpoints that were cut out of bigger models have it inside.
func canonical(name string) string {
	if strings.Contains(name, "rotary_emb") {
		return ""
	}
	for _, prefix := range []string{"model.language_model.", "language_model.model.", "language_model."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if strings.HasPrefix(rest, "lm_head.") {
				return rest
			}
			return "model." + strings.TrimPrefix(rest, "model.")
		}
	}
	return name
}

// table loads the family's tensors.
type table struct{ model.Table }

// norm loads the weight of an RMS norm, which multiplies by 1 + weight here,
// and times factor.
func (t *table) norm(name string, n int, factor float32) tensor.Tensor {
	w := t.Floats(name, n)
	for i := range w {
		w[i] = (1 + w[i]) * factor
	}
	return t.Constant(w, n)
}

// loadWeights asks for every tensor that the configuration calls for. A head
// of its own may be left over: it is the token table once more.
func (m *Model) loadWeights(l *weights.Loader) error {
	l.Rename(canonical)
	t := &table{model.Table{Loader: l, Backend: m.ops}}
	c, w := m.cfg, &m.text
	embed := t.Matrix("model.embed_tokens", c.Vocab, c.Hidden)
	w.Embed = t.Take(embed)
	w.EmbedScale = float32(math.Sqrt(float64(c.Hidden)))
	if embed.Format == tensor.BF16 || embed.Group > 0 && embed.Scale == tensor.BF16 {
		w.EmbedScale = roundBF16(w.EmbedScale)
	}
	w.Norm = t.norm("model.norm", c.Hidden, 1)
	w.Layers = make([]textLayer, c.Layers)
	for i := range w.Layers {
		m.layerTable(t, fmt.Sprintf("model.layers.%d.", i), &w.Layers[i])
	}
	t.Ignore(func(name string) bool { return strings.HasPrefix(name, "lm_head.") })
	return t.Finish()
}

// layerTable loads one layer. The factor of the attention scores goes into
// the norm of the queries.
func (m *Model) layerTable(t *table, n string, l *textLayer) {
	c := m.cfg
	h, q, kv := c.Hidden, c.Heads*c.Dim, c.KVHeads*c.Dim
	l.InputNorm = t.norm(n+"input_layernorm", h, 1)
	l.PostAttnNorm = t.norm(n+"post_attention_layernorm", h, 1)
	l.PreFFNorm = t.norm(n+"pre_feedforward_layernorm", h, 1)
	l.PostFFNorm = t.norm(n+"post_feedforward_layernorm", h, 1)
	l.QProj = t.Weight(n+"self_attn.q_proj", q, h)
	l.KProj = t.Weight(n+"self_attn.k_proj", kv, h)
	l.VProj = t.Weight(n+"self_attn.v_proj", kv, h)
	l.OProj = t.Weight(n+"self_attn.o_proj", h, q)
	l.QNorm = t.norm(n+"self_attn.q_norm", c.Dim, c.QScale)
	l.KNorm = t.norm(n+"self_attn.k_norm", c.Dim, 1)
	l.GateProj = t.Weight(n+"mlp.gate_proj", c.F, h)
	l.UpProj = t.Weight(n+"mlp.up_proj", c.F, h)
	l.DownProj = t.Weight(n+"mlp.down_proj", h, c.F)
	t.Stack(l.QProj, l.KProj, l.VProj)
	t.Stack(l.GateProj, l.UpProj)
}

// roundBF16 rounds to the nearest bfloat16, ties to even.
func roundBF16(f float32) float32 {
	bits := math.Float32bits(f)
	return math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
}
