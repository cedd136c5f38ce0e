package gemma3

import (
	"hark/engine/model"
	"hark/engine/tensor"
)

// textWeights are the decoder's. Norms hold 1 + what the checkpoint says.
type textWeights struct {
	Embed      tensor.Weight // [V, H], also the output head
	Norm       tensor.Tensor // [H]
	EmbedScale float32       // sqrt(H), rounded to bfloat16 with such weights
	Layers     []textLayer
}

// textLayer is one decoder layer's.
type textLayer struct {
	InputNorm, PostAttnNorm tensor.Tensor // [H]
	PreFFNorm, PostFFNorm   tensor.Tensor // [H]
	QProj, OProj            tensor.Weight // [N*D, H], [H, N*D]
	KProj, VProj            tensor.Weight // [K*D, H]
	QNorm, KNorm            tensor.Tensor // [D], QNorm times the factor of the scores
	GateProj, UpProj        tensor.Weight // [F, H]
	DownProj                tensor.Weight // [H, F]
}

// pass is what the layers of one forward share.
type pass struct {
	segs          []tensor.Segment
	local, global tensor.Angles // turns of sliding and of full layers
}

// Forward runs the rows through the decoder.
func (m *Model) Forward(rows []model.Row) tensor.Tensor {
	var ids, pos []int32
	var wanted []int // indices of the positions whose logits are wanted
	p := &pass{}
	for _, r := range rows {
		from := len(ids)
		for i, id := range r.IDs {
			ids, pos = append(ids, int32(id)), append(pos, int32(r.Pos+i))
		}
		for i := len(ids) - r.Logits; i < len(ids); i++ {
			wanted = append(wanted, i)
		}
		p.segs = append(p.segs, tensor.Segment{From: from, To: len(ids), KV: r.KV, Pos: r.Pos})
	}
	p.local, p.global = m.ops.Angles(m.cfg.Local, pos), m.ops.Angles(m.cfg.Global, pos)
	x := m.ops.Name(model.NewLookup(m.ops, rows, ids)(m.text.Embed, m.text.EmbedScale), "text.embeddings") // [T, H]
	mark := m.ops.Mark()
	for i := range m.text.Layers {
		x = m.ops.Sweep(mark, m.layer(i, x, p))
	}
	if len(wanted) == 0 {
		return nil
	}
	if len(wanted) < len(ids) {
		x = m.ops.Gather(x, wanted)
	}
	x = m.ops.Name(m.ops.RMSNorm(x, m.text.Norm, m.cfg.Eps), "text.final_norm")
	logits := m.ops.Linear(x, m.text.Embed, nil) // [wanted, V]
	if c := m.cfg.SoftCap; c > 0 {
		logits = m.ops.SoftCap(logits, c)
	}
	return m.ops.Name(logits, "text.logits")
}

// layer is one decoder layer: x [T, H] → [T, H].
func (m *Model) layer(i int, x tensor.Tensor, p *pass) tensor.Tensor {
	l, ops, eps := &m.text.Layers[i], m.ops, m.cfg.Eps
	h := m.attention(i, ops.RMSNorm(x, l.InputNorm, eps), p)
	x = ops.Add(x, ops.RMSNorm(h, l.PostAttnNorm, eps))

	h = ops.RMSNorm(x, l.PreFFNorm, eps)
	g := ops.GatedGELU(ops.Linear(h, l.GateProj, nil), ops.Linear(h, l.UpProj, nil)) // [T, F]
	x = ops.Add(x, ops.RMSNorm(ops.Linear(g, l.DownProj, nil), l.PostFFNorm, eps))
	return ops.Name(x, m.names[i])
}

// attention stores the keys and values of h [T, H] and attends from it.
func (m *Model) attention(i int, h tensor.Tensor, p *pass) tensor.Tensor {
	l, c, ops := &m.text.Layers[i], m.cfg, m.ops
	t, angles := h.Shape()[0], p.local
	if c.Full[i] {
		angles = p.global
	}
	q := ops.Reshape(ops.Linear(h, l.QProj, nil), m.dims.Of(t, c.Heads, c.Dim)...)   // [T, N, D]
	k := ops.Reshape(ops.Linear(h, l.KProj, nil), m.dims.Of(t, c.KVHeads, c.Dim)...) // [T, K, D]
	v := ops.Reshape(ops.Linear(h, l.VProj, nil), m.dims.Of(t, c.KVHeads, c.Dim)...) // [T, K, D]
	q = ops.Rope(ops.RMSNorm(q, l.QNorm, c.Eps), angles)
	k = ops.Rope(ops.RMSNorm(k, l.KNorm, c.Eps), angles)
	ops.Store(i, k, v, p.segs)
	return ops.Linear(ops.Attention(i, q, p.segs, false), l.OProj, nil) // [T, H]
}
