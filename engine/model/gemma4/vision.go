package gemma4

import (
	"math"

	"hark/engine/tensor"
	"hark/vision"
)

// linear is a projection of a tower, clipped before and after where the
// checkpoint says so. Source: spec section 9.3, "clipped linears".
type linear struct {
	W    tensor.Weight // [out, in]
	Clip *clip         // nil: not clipped
}

type clip struct{ InMin, InMax, OutMin, OutMax float32 }

func (m *Model) apply(l *linear, x tensor.Tensor) tensor.Tensor {
	if l.Clip == nil {
		return m.ops.Linear(x, l.W, nil)
	}
	y := m.ops.Linear(m.ops.Clamp(x, l.Clip.InMin, l.Clip.InMax), l.W, nil)
	return m.ops.Clamp(y, l.Clip.OutMin, l.Clip.OutMax)
}

// visionWeights are the tower's, with C its width, and the projector's.
type visionWeights struct {
	Input      tensor.Weight // [C, 3*16*16]
	PosX, PosY tensor.Weight // [positions, C]
	Layers     []visionLayer
	StdBias    tensor.Tensor // [C], negated; nil unless standardised
	StdScale   tensor.Tensor // [C]
	Project    tensor.Weight // [H, C]
	Rotary     *tensor.Rotary
}

type visionLayer struct {
	InputNorm, PostAttnNorm, PreFFNorm, PostFFNorm tensor.Tensor // [C]
	Q, K, V, O                                     linear        // [C, C]
	QNorm, KNorm                                   tensor.Tensor // [D]
	Gate, Up, Down                                 linear        // [F, C], [F, C], [C, F]
}

// EncodePicture returns the soft tokens of a picture, [n, H].
func (m *Model) EncodePicture(p vision.Patches) tensor.Tensor {
	if m.cfg.Unified {
		return m.embedBlocks(p)
	}
	w, c, ops := m.vision, m.cfg.Vision, m.ops
	count := p.Rows * p.Cols
	values := make([]float32, len(p.Data))
	for i, v := range p.Data {
		values[i] = 2 * (v - 0.5)
	}
	px, py, pos := make([]int32, count), make([]int32, count), make([]int32, 2*count)
	for i := range count {
		px[i], py[i] = int32(i%p.Cols), int32(i/p.Cols)
		pos[2*i], pos[2*i+1] = px[i], py[i]
	}
	x := ops.Linear(ops.Input(values, count, p.Width), w.Input, nil) // [P, C]
	x = ops.Add(ops.Add(x, ops.Embed(w.PosX, px, 1)), ops.Embed(w.PosY, py, 1))
	ops.Name(x, "vision.patch0")
	angles := ops.Angles(w.Rotary, pos)
	mark := ops.Mark()
	for i := range w.Layers {
		x = ops.Sweep(mark, ops.Name(m.visionLayer(&w.Layers[i], x, angles), m.names.vision[i]))
	}
	x = ops.Scale(ops.Pool(x, p.Rows, p.Cols, c.Pool), float32(math.Sqrt(float64(c.Hidden)))) // [n, C]
	if c.Standardize {
		x = ops.Mul(ops.Add(x, w.StdBias), w.StdScale)
	}
	ops.Name(x, "vision.tower")
	return ops.Name(ops.Linear(ops.RMSNorm(x, nil, c.Eps), w.Project, nil), "vision.embeds") // [n, H]
}

// visionLayer is one layer of the tower: x [P, C] → [P, C]. Source: spec
// section 9.3.
func (m *Model) visionLayer(l *visionLayer, x tensor.Tensor, angles tensor.Angles) tensor.Tensor {
	c, ops := m.cfg.Vision, m.ops
	count := x.Shape()[0]
	heads := func(y tensor.Tensor) tensor.Tensor { return ops.Reshape(y, count, c.Heads, c.Dim) }
	h := ops.RMSNorm(x, l.InputNorm, c.Eps)
	q := ops.Rope(ops.RMSNorm(heads(m.apply(&l.Q, h)), l.QNorm, c.Eps), angles) // [P, N, D]
	k := ops.Rope(ops.RMSNorm(heads(m.apply(&l.K, h)), l.KNorm, c.Eps), angles)
	v := ops.RMSNorm(heads(m.apply(&l.V, h)), nil, c.Eps)
	h = m.apply(&l.O, ops.FullAttention(q, k, v))
	x = ops.Add(x, ops.RMSNorm(h, l.PostAttnNorm, c.Eps))
	h = ops.RMSNorm(x, l.PreFFNorm, c.Eps)
	h = m.apply(&l.Down, ops.GatedGELU(m.apply(&l.Gate, h), m.apply(&l.Up, h)))
	return ops.Add(x, ops.RMSNorm(h, l.PostFFNorm, c.Eps))
}
