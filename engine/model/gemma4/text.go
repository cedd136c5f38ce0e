package gemma4

import (
	"math"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// textWeights are the decoder's. R is the per-layer embedding width.
type textWeights struct {
	Embed      tensor.Weight // [V, H], also the output head
	Norm       tensor.Tensor // [H]
	PLEEmbed   tensor.Weight // [V', L*R]
	PLEProj    tensor.Weight // [L*R, H]
	PLENorm    tensor.Tensor // [R]
	EmbedScale float32       // sqrt(H), rounded to bfloat16 with such weights
	Layers     []textLayer
}

// textLayer is one decoder layer's. Fields that a form of the model lacks are
// nil.
type textLayer struct {
	InputNorm, PostAttnNorm tensor.Tensor // [H]
	PreFFNorm, PostFFNorm   tensor.Tensor // [H]
	QProj, OProj            tensor.Weight // [N*D, H], [H, N*D]
	KProj, VProj            tensor.Weight // [K*D, H]
	QNorm, KNorm            tensor.Tensor // [D]
	GateProj, UpProj        tensor.Weight // [F, H]
	DownProj                tensor.Weight // [H, F]
	PLEGate                 tensor.Weight // [R, H]
	PLEProj                 tensor.Weight // [H, R]
	PLENorm                 tensor.Tensor // [H]
	Scalar                  float32
	MoE                     *moeWeights
}

// moeWeights are the mixture of experts beside the dense MLP.
type moeWeights struct {
	Router             tensor.Weight // [E, H]
	RouterScale        tensor.Tensor // [H], times 1/sqrt(H)
	PerExpert          tensor.Tensor // [E]
	Gate, Up, Down     tensor.Weight // [E, F, H], [E, F, H], [E, H, F]
	PreNorm            tensor.Tensor // [H]
	PostDense, PostMoE tensor.Tensor // [H]
}

// pass is what the layers of one forward share.
type pass struct {
	segs          []tensor.Segment
	pos           []int32       // [T]
	sliding, full tensor.Angles // turns of pos
	ple           tensor.Tensor // [T, L*R] or nil
}

// begin empties p but for the memory of its lists.
func (p *pass) begin() *pass {
	clear(p.segs) // keeps no caches alive
	*p = pass{segs: p.segs[:0], pos: p.pos[:0]}
	return p
}

// lists are those of one forward, kept so that a decoded token makes none.
type lists struct {
	all, wanted pass
	ids         []int32
	keep        []int
	dims        model.Dims
}

// Forward runs the rows through the decoder. The last layers share the cache
// of earlier ones and so leave nothing behind: they run only for the positions
// whose logits are wanted. Source: spec sections 7.2 and 7.7.
func (m *Model) Forward(rows []model.Row) tensor.Tensor {
	x, p := m.embed(rows) // [T, H]
	first := len(m.text.Layers) - m.cfg.Text.SharedKV
	wanted := false
	for _, r := range rows {
		wanted = wanted || r.Logits > 0
	}
	mark := m.ops.Mark()
	for i := range m.text.Layers {
		if i == first {
			if !wanted {
				return nil
			}
			x, p = m.narrow(x, p, rows)
			mark = m.ops.Mark()
		}
		x = m.ops.Sweep(mark, m.layer(i, x, p))
	}
	if !wanted {
		return nil
	}
	if first == len(m.text.Layers) {
		x, _ = m.narrow(x, p, rows)
	}
	x = m.ops.Name(m.ops.RMSNorm(x, m.text.Norm, m.cfg.Text.Eps), "text.final_norm")
	logits := m.ops.Linear(x, m.text.Embed, nil) // [wanted, V]
	if c := m.cfg.Text.SoftCap; c > 0 {
		logits = m.ops.SoftCap(logits, c)
	}
	return m.ops.Name(logits, "text.logits")
}

// padID is what placeholders are looked up as.
const padID = 0

// placeholder reports whether id stands for a soft token.
func (m *Model) placeholder(id token.ID) bool {
	return int32(id) == m.cfg.ImageID || int32(id) == m.cfg.AudioID || int32(id) == m.cfg.VideoID
}

// embed looks the ids up, puts soft tokens over their placeholders and makes
// the per-layer embeddings. Placeholders are looked up as padding. Source:
// spec sections 7.3 and 8.2.
func (m *Model) embed(rows []model.Row) (tensor.Tensor, *pass) {
	p, ids := m.lists.all.begin(), m.lists.ids[:0]
	var at []int
	var soft []tensor.Tensor
	for _, r := range rows {
		from := len(ids)
		for i, id := range r.IDs {
			if m.placeholder(id) {
				id = padID
			}
			ids = append(ids, int32(id))
			p.pos = append(p.pos, int32(r.Pos+i))
		}
		for _, i := range r.SoftAt {
			at = append(at, from+i)
		}
		if r.Soft != nil {
			soft = append(soft, r.Soft)
		}
		p.segs = append(p.segs, tensor.Segment{From: from, To: len(ids), KV: r.KV, Pos: r.Pos, Until: r.Until})
	}
	m.lists.ids = ids
	lookup := model.NewLookup(m.ops, rows, ids)
	x := lookup(m.text.Embed, m.text.EmbedScale) // [T, H]
	if len(soft) > 0 {
		x = m.ops.Scatter(x, at, m.ops.Concat(soft...))
	}
	m.ops.Name(x, "text.embeddings")
	m.turns(p)
	if r := m.cfg.Text.PLE; r > 0 {
		layers, width := len(m.text.Layers), r*len(m.text.Layers)
		tok := lookup(m.text.PLEEmbed, float32(math.Sqrt(float64(r))))                                                   // [T, L*R]
		ctx := m.ops.Scale(m.ops.Linear(x, m.text.PLEProj, nil), float32(1/math.Sqrt(float64(m.cfg.Text.Hidden))))       // [T, L*R]
		ctx = m.ops.RMSNorm(m.ops.Reshape(ctx, m.lists.dims.Of(len(ids), layers, r)...), m.text.PLENorm, m.cfg.Text.Eps) // [T, L, R]
		p.ple = m.ops.Scale(m.ops.Add(m.ops.Reshape(ctx, len(ids), width), tok), float32(math.Sqrt2/2))                  // [T, L*R]
	}
	return x, p
}

func (m *Model) turns(p *pass) {
	if m.cfg.Text.Sliding != nil {
		p.sliding = m.ops.Angles(m.cfg.Text.Sliding, p.pos)
	}
	if m.cfg.Text.Full != nil {
		p.full = m.ops.Angles(m.cfg.Text.Full, p.pos)
	}
}

// narrow keeps the rows whose logits are wanted.
func (m *Model) narrow(x tensor.Tensor, p *pass, rows []model.Row) (tensor.Tensor, *pass) {
	n, keep := m.lists.wanted.begin(), m.lists.keep[:0]
	for i, r := range rows {
		if r.Logits == 0 {
			continue
		}
		s := p.segs[i]
		skip := s.To - s.From - r.Logits
		from := len(keep)
		for j := s.From + skip; j < s.To; j++ {
			keep = append(keep, j)
			n.pos = append(n.pos, p.pos[j])
		}
		if s.Until != nil {
			s.Until = s.Until[skip:]
		}
		s.From, s.To, s.Pos = from, len(keep), s.Pos+skip
		n.segs = append(n.segs, s)
	}
	m.lists.keep = keep
	if len(keep) == len(p.pos) {
		return x, p
	}
	m.turns(n)
	if p.ple != nil {
		n.ple = m.ops.Gather(p.ple, keep)
	}
	return m.ops.Gather(x, keep), n
}

// layer is one decoder layer: x [T, H] → [T, H]. Source: spec section 7.2.
func (m *Model) layer(i int, x tensor.Tensor, p *pass) tensor.Tensor {
	l, ops, eps := &m.text.Layers[i], m.ops, m.cfg.Text.Eps
	h := m.attention(i, ops.RMSNorm(x, l.InputNorm, eps), p)
	x = ops.Add(x, ops.RMSNorm(h, l.PostAttnNorm, eps))

	f := m.mlp(l, ops.RMSNorm(x, l.PreFFNorm, eps))
	if e := l.MoE; e != nil {
		f = ops.Add(ops.RMSNorm(f, e.PostDense, eps), ops.RMSNorm(m.experts(e, x), e.PostMoE, eps))
	}
	x = ops.Add(x, ops.RMSNorm(f, l.PostFFNorm, eps))

	if r := m.cfg.Text.PLE; r > 0 {
		g := ops.GatedGELU(ops.Linear(x, l.PLEGate, nil), ops.Cols(p.ple, i*r, (i+1)*r)) // [T, R]
		x = ops.Add(x, ops.RMSNorm(ops.Linear(g, l.PLEProj, nil), l.PLENorm, eps))
	}
	if l.Scalar != 1 {
		x = ops.Scale(x, l.Scalar)
	}
	return ops.Name(x, m.names.text[i])
}

// attention attends from h [T, H], storing keys and values first in layers
// that own some. Source: spec section 7.4.
func (m *Model) attention(i int, h tensor.Tensor, p *pass) tensor.Tensor {
	l, c, ops, eps := &m.text.Layers[i], &m.cfg.Text.Layer[i], m.ops, m.cfg.Text.Eps
	t, angles := h.Shape()[0], p.sliding
	if c.Full {
		angles = p.full
	}
	q := ops.Reshape(ops.Linear(h, l.QProj, nil), m.lists.dims.Of(t, m.cfg.Text.Heads, c.Dim)...) // [T, N, D]
	q = ops.Rope(ops.RMSNorm(q, l.QNorm, eps), angles)
	if c.OwnsKV {
		k := ops.Reshape(ops.Linear(h, l.KProj, nil), m.lists.dims.Of(t, c.KVHeads, c.Dim)...) // [T, K, D]
		v := k
		if l.VProj != nil {
			v = ops.Reshape(ops.Linear(h, l.VProj, nil), m.lists.dims.Of(t, c.KVHeads, c.Dim)...)
		}
		k = ops.Rope(ops.RMSNorm(k, l.KNorm, eps), angles)
		ops.Store(c.KV, k, ops.RMSNorm(v, nil, eps), p.segs)
	}
	o := ops.Attention(c.KV, q, p.segs, m.cfg.Text.BlocksAhead && !c.Full) // [T, N*D]
	return ops.Linear(o, l.OProj, nil)                                     // [T, H]
}

func (m *Model) mlp(l *textLayer, h tensor.Tensor) tensor.Tensor {
	g := m.ops.GatedGELU(m.ops.Linear(h, l.GateProj, nil), m.ops.Linear(h, l.UpProj, nil)) // [T, F]
	return m.ops.Linear(g, l.DownProj, nil)                                                // [T, H]
}

// experts routes by the residual stream x [T, H] itself, with a norm of its
// own. Source: spec section 7.8.
func (m *Model) experts(e *moeWeights, x tensor.Tensor) tensor.Tensor {
	ops, eps := m.ops, m.cfg.Text.Eps
	logits := ops.Linear(ops.RMSNorm(x, e.RouterScale, eps), e.Router, nil) // [T, E]
	return ops.Experts(ops.RMSNorm(x, e.PreNorm, eps), logits, m.cfg.Text.TopExperts, e.PerExpert, e.Gate, e.Up, e.Down)
}
