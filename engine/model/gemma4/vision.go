package gemma4

import (
	"math"

	"hark/engine/model"
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
	s := m.NewPicture(p)
	for {
		if x := s.Step(); x != nil {
			return x
		}
	}
}

// NewPicture begins a picture; the tower works on it a layer at a time.
func (m *Model) NewPicture(p vision.Patches) model.PictureEncoder { return &seeing{m: m, p: p} }

// seeing is the tower's state of one picture.
type seeing struct {
	m     *Model
	p     vision.Patches
	x     tensor.Tensor // kept, [P, C]; nil at the start
	layer int           // the next
}

// Step runs a layer, with what comes before the first and behind the last.
func (s *seeing) Step() tensor.Tensor {
	m, ops := s.m, s.m.ops
	if m.cfg.Unified {
		return m.embedBlocks(s.p)
	}
	x, w := s.x, m.vision
	if x == nil {
		x = m.embedPatches(s.p)
	}
	if s.layer < len(w.Layers) {
		_, _, pos := places(s.p)
		mark := ops.Mark()
		x = ops.Sweep(mark, ops.Name(m.visionLayer(&w.Layers[s.layer], x, ops.Angles(w.Rotary, pos)), m.names.vision[s.layer]))
		s.layer++
	}
	if s.layer < len(w.Layers) {
		ops.Keep(x)
	} else {
		x = m.poolPatches(s.p, x)
	}
	s.Close()
	if s.layer < len(w.Layers) {
		s.x = x
		return nil
	}
	return x
}

// Close frees the state.
func (s *seeing) Close() {
	s.m.ops.Free(s.x)
	s.x = nil
}

// places returns the column and the row of each patch, alone and side by side.
func places(p vision.Patches) (px, py, pos []int32) {
	count := p.Rows * p.Cols
	px, py, pos = make([]int32, count), make([]int32, count), make([]int32, 2*count)
	for i := range count {
		px[i], py[i] = int32(i%p.Cols), int32(i/p.Cols)
		pos[2*i], pos[2*i+1] = px[i], py[i]
	}
	return px, py, pos
}

// embedPatches turns pixels into rows [P, C] that know where they are.
func (m *Model) embedPatches(p vision.Patches) tensor.Tensor {
	w, ops := m.vision, m.ops
	values := make([]float32, len(p.Data))
	for i, v := range p.Data {
		values[i] = 2 * (v - 0.5)
	}
	px, py, _ := places(p)
	x := ops.Linear(ops.Input(values, p.Rows*p.Cols, p.Width), w.Input, nil) // [P, C]
	x = ops.Add(ops.Add(x, ops.Embed(w.PosX, px, 1)), ops.Embed(w.PosY, py, 1))
	return ops.Name(x, "vision.patch0")
}

// poolPatches turns the rows behind the last layer into soft tokens: [P, C] →
// [n, H].
func (m *Model) poolPatches(p vision.Patches, x tensor.Tensor) tensor.Tensor {
	w, c, ops := m.vision, m.cfg.Vision, m.ops
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
