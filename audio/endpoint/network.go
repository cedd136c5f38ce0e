package endpoint

import (
	"math"

	"hark/audio"
)

// Sizes of the network. The Python twin is tools/turns/network.py.
const (
	narrow = 64  // of the layer on a row
	memory = 168 // of the recurrent unit
	middle = 32  // of the layer on its memory
)

// state is what the network remembers of a turn.
type state struct {
	memory [memory]float32

	scaled [width]float32 // scratch from here on
	narrow [narrow]float32
	input  [3 * memory]float32
	hidden [3 * memory]float32
	middle [middle]float32
}

// step moves the state on by a row and returns how likely it is that the turn
// is over.
func (w *weights) step(s *state, row *[width]float32) float32 {
	for i, v := range row {
		s.scaled[i] = (v - w.mean[i]) * w.scale[i]
	}
	w.enter.run(s.narrow[:], s.scaled[:])
	rectify(s.narrow[:])
	w.unit.step(s.memory[:], s.narrow[:], s.input[:], s.hidden[:])
	w.middle.run(s.middle[:], s.memory[:])
	rectify(s.middle[:])
	var logit [1]float32
	w.leave.run(logit[:], s.middle[:])
	return sigmoid(logit[0])
}

// rectify replaces what is below zero with zero.
func rectify(x []float32) {
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// layer is a matrix and a bias.
type layer struct {
	weight []float32 // [out, in]
	bias   []float32 // [out]
}

// run writes weight·x + bias to to.
func (l *layer) run(to, x []float32) {
	for i, b := range l.bias {
		to[i] = b + audio.Dot(x, l.weight[i*len(x):])
	}
}

// unit is a gated recurrent unit. Its rows are those of the reset gate, the
// update gate and the candidate.
//
// Source: Cho et al. 2014, in the form of torch.nn.GRU.
type unit struct{ input, hidden layer }

// step moves the memory h on by x. input and hidden are scratch of at least
// three times its length.
func (u *unit) step(h, x, input, hidden []float32) {
	n := len(h)
	u.input.run(input, x)
	u.hidden.run(hidden, h)
	for i, old := range h {
		reset := sigmoid(input[i] + hidden[i])
		update := sigmoid(input[n+i] + hidden[n+i])
		candidate := float32(math.Tanh(float64(input[2*n+i] + reset*hidden[2*n+i])))
		h[i] = (1-update)*candidate + update*old
	}
}
