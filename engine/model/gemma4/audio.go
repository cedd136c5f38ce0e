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
	return s.m.hear([]*hearing{s}, []model.Piece{{Rows: f}})[0]
}

// Flush takes the last rows and ends the clip: rows that the last token lacks
// are zeros, and so are the outputs of the first convolution that lie behind
// the clip's end. Source: spec section 11.2.
func (s *hearing) Flush(f audio.Features) tensor.Tensor {
	return s.m.hear([]*hearing{s}, []model.Piece{{Rows: f, Last: true}})[0]
}

// take adds rows to those that wait and returns how many soft tokens there are
// to make, and how many outputs of the first convolution are real for them.
func (s *hearing) take(of *model.Piece) (n, valid int) {
	s.rows = append(s.rows, of.Rows.Data...)
	s.total += of.Rows.Rows()
	rows := len(s.rows) / melWidth
	n = rows / rowsPerToken
	if !of.Last {
		return n, rowsPerToken / 2 * n
	}
	n = (rows + rowsPerToken - 1) / rowsPerToken
	s.rows = append(s.rows, make([]float32, n*rowsPerToken*melWidth-len(s.rows))...)
	return n, (rows + 1) / 2
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

// several are the clips that one pass of the tower encodes, and the rows
// [from, to) of each in it. All that a row is multiplied with is the same for
// all clips; what looks back looks back in its own.
type several struct {
	of   []*hearing
	rows [][2]int
}

// each lets f work on every clip's rows of x and joins the results.
func (g *several) each(ops tensor.Ops, f func(s *hearing, rows [2]int) tensor.Tensor) tensor.Tensor {
	parts := make([]tensor.Tensor, len(g.of))
	for i, s := range g.of {
		parts[i] = f(s, g.rows[i])
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return ops.Concat(parts...)
}

// hear lets clips take pieces in and returns the soft tokens [n, H] that
// each completes, nil for none.
func (m *Model) hear(of []*hearing, pieces []model.Piece) []tensor.Tensor {
	out := make([]tensor.Tensor, len(of))
	g := &several{}
	var parts []tensor.Tensor
	var places []int
	at := 0
	for i, s := range of {
		n, valid := s.take(&pieces[i])
		if n == 0 {
			continue
		}
		parts = append(parts, s.subsample(n, valid))
		g.of, g.rows = append(g.of, s), append(g.rows, [2]int{at, at + n})
		places = append(places, i)
		at += n
	}
	if at == 0 {
		return out
	}
	x := parts[0]
	if len(parts) > 1 {
		x = m.ops.Concat(parts...)
	}
	x = m.tower(g, x)
	for i, place := range places {
		out[place] = x
		if len(places) > 1 {
			out[place] = m.ops.Rows(x, g.rows[i][0], g.rows[i][1])
		}
	}
	return out
}

// subsample turns the first 4n pending rows into n rows [n, freq*channels]. Of
// the first convolution's 2n outputs only valid ones are real.
func (s *hearing) subsample(n, valid int) tensor.Tensor {
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
	return ops.Reshape(h, n, h.Shape()[1]*h.Shape()[2])
}

// tower is the conformer over the subsampled rows of some clips: x
// [n, freq*channels] → soft tokens [n, H].
func (m *Model) tower(g *several, x tensor.Tensor) tensor.Tensor {
	w, ops := m.audio, m.ops
	x = ops.Name(ops.Linear(x, w.Input, nil), "audio.subsampled") // [n, A]
	mark := ops.Mark()
	for i := range w.Layers {
		x = ops.Sweep(mark, ops.Name(m.conformer(g, i, x), m.names.audio[i]))
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

// conformer is one layer of the tower: x [n, A] → [n, A]. Source: spec section
// 11.3.
func (m *Model) conformer(g *several, i int, x tensor.Tensor) tensor.Tensor {
	l, ops, eps := &m.audio.Layers[i], m.ops, m.cfg.Audio.Eps
	x = m.feedForward(&l.FF1, x)
	h := m.listen(g, i, ops.RMSNorm(x, l.PreAttn, eps))
	x = ops.Add(x, ops.RMSNorm(m.apply(&l.Post, h), l.PostAttn, eps))

	glu := ops.GLU(m.apply(&l.ConvStart, ops.RMSNorm(x, l.ConvPre, eps))) // [n, A]
	h = g.each(ops, func(s *hearing, rows [2]int) tensor.Tensor { return s.convolve(i, ops.Rows(glu, rows[0], rows[1])) })
	h = ops.RMSNorm(h, l.ConvNorm, eps)
	x = ops.Add(x, m.apply(&l.ConvEnd, ops.Activate(tensor.SiLU, h)))

	return ops.RMSNorm(m.feedForward(&l.FF2, x), l.Out, eps)
}

// convolve looks back over the kernel's width: [n, A] → [n, A].
func (s *hearing) convolve(i int, x tensor.Tensor) tensor.Tensor {
	ops, c, st := s.m.ops, s.m.cfg.Audio, &s.layers[i]
	past := c.Kernel - 1
	if st.glu == nil {
		x = ops.Concat(ops.Input(make([]float32, past*c.Hidden), past, c.Hidden), x)
	} else {
		x = ops.Concat(st.glu, x)
	}
	st.glu = s.carry(st.glu, x, past)
	return ops.CausalConv(x, s.m.audio.Layers[i].Depthwise)
}

func (m *Model) feedForward(f *feedForward, x tensor.Tensor) tensor.Tensor {
	ops, c := m.ops, m.cfg.Audio
	h := m.apply(&f.W1, ops.RMSNorm(x, f.Pre, c.Eps)) // [n, 4A]
	h = m.apply(&f.W2, ops.Activate(tensor.SiLU, h))  // [n, A]
	return ops.Add(x, ops.Scale(ops.RMSNorm(h, f.Post, c.Eps), c.Residual))
}

// listen lets every row look back over span rows of its clip with a relative
// bias: h [n, A] → [n, A]. Source: spec section 11.4.
func (m *Model) listen(g *several, i int, h tensor.Tensor) tensor.Tensor {
	l, ops, c := &m.audio.Layers[i], m.ops, m.cfg.Audio
	heads := func(y tensor.Tensor) tensor.Tensor {
		return ops.Reshape(y, y.Shape()[0], c.Heads, c.Hidden/c.Heads)
	}
	q := ops.Mul(heads(m.apply(&l.Q, h)), l.QScale)   // [n, N, D]
	k := ops.Scale(heads(m.apply(&l.K, h)), keyScale) // [n, N, D]
	v := heads(m.apply(&l.V, h))                      // [n, N, D]
	return g.each(ops, func(s *hearing, rows [2]int) tensor.Tensor {
		st, own := &s.layers[i], func(x tensor.Tensor) tensor.Tensor { return ops.Rows(x, rows[0], rows[1]) }
		k, v := own(k), own(v)
		if st.k != nil {
			k, v = ops.Concat(st.k, k), ops.Concat(st.v, v)
		}
		st.k, st.v = s.carry(st.k, k, c.Span-1), s.carry(st.v, v, c.Span-1)
		return ops.LocalAttention(own(q), k, v, l.Rel, c.Span, c.Cap)
	})
}
