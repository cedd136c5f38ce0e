package gemma4

import (
	"math"
	"slices"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
)

// audioWeights are the conformer tower's, with A its width, and the
// projector's.
type audioWeights struct {
	Conv0, Conv1 *tensor.Convolution
	Norm0, Norm1 tensor.Tensor // [channels]
	Input        tensor.Weight // [A, freq*channels]
	Layers       []audioLayer
	Output       tensor.Weight // [O, A]
	OutputBias   tensor.Tensor // [O]
	Project      tensor.Weight // [H, O]
}

type audioLayer struct {
	FF1, FF2               feedForward
	PreAttn, PostAttn, Out tensor.Tensor // [A]
	Q, K, V, Post          linear        // [A, A]
	QScale                 tensor.Tensor // [D], d^-1/2/ln2*softplus(per_dim_scale)
	Rel                    tensor.Tensor // [span+1, N, D], projected distances
	ConvPre, ConvNorm      tensor.Tensor // [A]
	ConvStart, ConvEnd     linear        // [2A, A], [A, A]
	Depthwise              tensor.Tensor // [A, kernel]
}

type feedForward struct {
	Pre, Post tensor.Tensor // [A]
	W1, W2    linear        // [4A, A], [A, 4A]
}

// keyScale is ln(1+e)/ln 2, the softplus of one in units of ln 2.
var keyScale = float32(math.Log(1+math.E) / math.Ln2)

// distances returns the sinusoids of the distances 0 … past, [past+1, A],
// sines first. Source: spec section 11.4.
func distances(past, width int) []float32 {
	half := width / 2
	out := make([]float32, (past+1)*width)
	for d := range past + 1 {
		for j := range half {
			f := math.Pow(10000, -float64(j)/float64(half-1))
			sin, cos := math.Sincos(float64(d) * f)
			out[d*width+j], out[d*width+half+j] = float32(sin), float32(cos)
		}
	}
	return out
}

// hearing is the tower's state of one clip: what is carried from piece to
// piece. Source: spec section 13.1.
type hearing struct {
	m      *Model
	rows   []float32     // log-mel rows that do not fill a token yet, under 4
	last   []float32     // the row before them; zeros at the start
	total  int           // rows so far
	sub    tensor.Tensor // [1, freq, C0], the last row of the first convolution; nil at the start
	layers []heardLayer
}

type heardLayer struct {
	k, v tensor.Tensor // [≤span-1, N, D]; nil at the start
	glu  tensor.Tensor // [kernel-1, A]; nil at the start
}

const melWidth = 128

// rowsPerToken is how many log-mel rows make one soft token: two convolutions
// of stride 2.
const rowsPerToken = 4

func (m *Model) newHearing() *hearing {
	return &hearing{m: m, last: make([]float32, melWidth), layers: make([]heardLayer, len(m.audio.Layers))}
}

// Push takes log-mel rows and returns the soft tokens they complete.
func (s *hearing) Push(f audio.Features) tensor.Tensor {
	s.rows = append(s.rows, f.Data...)
	s.total += f.Rows()
	n := len(s.rows) / (rowsPerToken * melWidth)
	if n == 0 {
		return nil
	}
	return s.run(n, rowsPerToken/2*n)
}

// Flush takes the last rows and ends the clip: rows that the last token lacks
// are zeros, and so are the outputs of the first convolution that lie behind
// the clip's end. Source: spec section 11.2.
func (s *hearing) Flush(f audio.Features) tensor.Tensor {
	s.rows = append(s.rows, f.Data...)
	s.total += f.Rows()
	valid := (len(s.rows)/melWidth + 1) / 2
	n := (len(s.rows)/melWidth + rowsPerToken - 1) / rowsPerToken
	if n == 0 {
		return nil
	}
	s.rows = append(s.rows, make([]float32, n*rowsPerToken*melWidth-len(s.rows))...)
	return s.run(n, valid)
}

// Fork returns a state that has heard what s has. What is carried from piece to
// piece is never written, only replaced, so it is shared.
func (s *hearing) Fork() model.AudioEncoder {
	f := &hearing{m: s.m, rows: slices.Clone(s.rows), last: slices.Clone(s.last), total: s.total}
	share := func(x tensor.Tensor) tensor.Tensor {
		if x == nil {
			return nil
		}
		return s.m.ops.Keep(s.m.ops.Rows(x, 0, x.Shape()[0]))
	}
	f.sub = share(s.sub)
	for _, l := range s.layers {
		f.layers = append(f.layers, heardLayer{k: share(l.k), v: share(l.v), glu: share(l.glu)})
	}
	return f
}

// Close frees the state.
func (s *hearing) Close() {
	ops := s.m.ops
	ops.Free(s.sub)
	for _, l := range s.layers {
		ops.Free(l.k)
		ops.Free(l.v)
		ops.Free(l.glu)
	}
	s.sub, s.layers = nil, nil
}

// run encodes the first 4n pending rows to n soft tokens [n, H]. Of the first
// convolution's 2n outputs only valid ones are real.
func (s *hearing) run(n, valid int) tensor.Tensor {
	m, w, ops := s.m, s.m.audio, s.m.ops
	take := n * rowsPerToken * melWidth
	in := append(append(make([]float32, 0, melWidth+take), s.last...), s.rows[:take]...)
	copy(s.last, in[len(in)-melWidth:])
	s.rows = append(s.rows[:0], s.rows[take:]...)

	h := ops.Subsample(ops.Input(in, 1+rowsPerToken*n, melWidth, 1), w.Conv0)      // [2n, 64, C0]
	h = ops.Activate(tensor.ReLU, ops.LayerNorm(h, w.Norm0, nil, m.cfg.Audio.Eps)) // [2n, 64, C0]
	freq, channels := h.Shape()[1], h.Shape()[2]
	zeros := func(rows int) tensor.Tensor {
		return ops.Input(make([]float32, rows*freq*channels), rows, freq, channels)
	}
	if valid < 2*n {
		h = ops.Concat(ops.Rows(h, 0, valid), zeros(2*n-valid))
	}
	if s.sub == nil {
		h = ops.Concat(zeros(1), h)
	} else {
		h = ops.Concat(s.sub, h)
	}
	s.sub = s.carry(s.sub, h, 1)
	h = ops.Subsample(h, w.Conv1) // [n, 32, C1]
	h = ops.Activate(tensor.ReLU, ops.LayerNorm(h, w.Norm1, nil, m.cfg.Audio.Eps))
	x := ops.Linear(ops.Reshape(h, n, h.Shape()[1]*h.Shape()[2]), w.Input, nil) // [n, A]
	ops.Name(x, "audio.subsampled")
	mark := ops.Mark()
	for i := range w.Layers {
		x = ops.Sweep(mark, ops.Name(s.layer(i, x), m.names.audio[i]))
	}
	x = ops.Name(ops.Linear(x, w.Output, w.OutputBias), "audio.tower")                                // [n, O]
	return ops.Name(ops.Linear(ops.RMSNorm(x, nil, m.cfg.Audio.Eps), w.Project, nil), "audio.embeds") // [n, H]
}

// carry keeps the last n rows of x for the next piece, in place of old.
func (s *hearing) carry(old, x tensor.Tensor, n int) tensor.Tensor {
	ops, rows := s.m.ops, x.Shape()[0]
	kept := ops.Keep(ops.Rows(x, max(0, rows-n), rows))
	ops.Free(old)
	return kept
}

// layer is one conformer layer: x [n, A] → [n, A]. Source: spec section 11.3.
func (s *hearing) layer(i int, x tensor.Tensor) tensor.Tensor {
	m, l, ops, eps := s.m, &s.m.audio.Layers[i], s.m.ops, s.m.cfg.Audio.Eps
	x = s.feedForward(&l.FF1, x)
	h := s.attention(i, ops.RMSNorm(x, l.PreAttn, eps))
	x = ops.Add(x, ops.RMSNorm(m.apply(&l.Post, h), l.PostAttn, eps))

	g := ops.GLU(m.apply(&l.ConvStart, ops.RMSNorm(x, l.ConvPre, eps))) // [n, A]
	st, past := &s.layers[i], m.cfg.Audio.Kernel-1
	if st.glu == nil {
		g = ops.Concat(ops.Input(make([]float32, past*m.cfg.Audio.Hidden), past, m.cfg.Audio.Hidden), g)
	} else {
		g = ops.Concat(st.glu, g)
	}
	st.glu = s.carry(st.glu, g, past)
	h = ops.RMSNorm(ops.CausalConv(g, l.Depthwise), l.ConvNorm, eps) // [n, A]
	x = ops.Add(x, m.apply(&l.ConvEnd, ops.Activate(tensor.SiLU, h)))

	return ops.RMSNorm(s.feedForward(&l.FF2, x), l.Out, eps)
}

func (s *hearing) feedForward(f *feedForward, x tensor.Tensor) tensor.Tensor {
	m, ops, c := s.m, s.m.ops, s.m.cfg.Audio
	h := m.apply(&f.W1, ops.RMSNorm(x, f.Pre, c.Eps)) // [n, 4A]
	h = m.apply(&f.W2, ops.Activate(tensor.SiLU, h))  // [n, A]
	return ops.Add(x, ops.Scale(ops.RMSNorm(h, f.Post, c.Eps), c.Residual))
}

// attention looks back over span rows with a relative bias. Source: spec
// section 11.4.
func (s *hearing) attention(i int, h tensor.Tensor) tensor.Tensor {
	m, l, ops, c, st := s.m, &s.m.audio.Layers[i], s.m.ops, s.m.cfg.Audio, &s.layers[i]
	heads := func(y tensor.Tensor) tensor.Tensor {
		return ops.Reshape(y, y.Shape()[0], c.Heads, c.Hidden/c.Heads)
	}
	q := ops.Mul(heads(m.apply(&l.Q, h)), l.QScale)   // [n, N, D]
	k := ops.Scale(heads(m.apply(&l.K, h)), keyScale) // [n, N, D]
	v := heads(m.apply(&l.V, h))                      // [n, N, D]
	if st.k != nil {
		k, v = ops.Concat(st.k, k), ops.Concat(st.v, v)
	}
	st.k, st.v = s.carry(st.k, k, c.Span-1), s.carry(st.v, v, c.Span-1)
	return ops.LocalAttention(q, k, v, l.Rel, c.Span, c.Cap) // [n, A]
}
