// Package endpoint estimates whether somebody who pauses has finished: not by
// the length of the silence, but by how the words before it were said. It is a
// small recurrent network over mel bands and pitch, with its weights inside;
// tools/turns makes and measures them.
//
// Start reading at Stream.Push.
package endpoint

import (
	"math"

	"hark/audio"
)

// Rate is the rate at which a Stream hears.
const Rate = audio.ModelRate

// Step is the number of samples after which an estimate changes, 32 ms.
const Step = 512

// Stream follows one turn of one speaker. It keeps what the network remembers
// and the last 64 ms. Streams share their weights and are not safe for
// concurrent use.
type Stream struct {
	model  *weights
	held   [2 * Step]float32 // the step before, then the next
	count  int               // samples of the next step in held
	front  front
	state  state
	answer float32 // of the last step
}

// New returns a stream at the beginning of a turn.
func New() *Stream {
	return &Stream{model: load(), front: newFront()}
}

// Push takes mono samples at 16 kHz, in [-1, 1]: the turn from its beginning,
// a few tenths of a second of what was before it included. Pieces of any size
// give the estimates of the whole, bit for bit. It does not allocate.
func (s *Stream) Push(samples []float32) {
	for {
		n := copy(s.held[Step+s.count:], samples)
		s.count += n
		samples = samples[n:]
		if s.count < Step {
			return
		}
		s.answer = s.model.step(&s.state, s.front.row(&s.held))
		copy(s.held[:Step], s.held[Step:])
		s.count = 0
	}
}

// Finished returns how likely it is, 0 to 1, that the speaker has said all
// that is coming, if there is a pause where the last whole step ended. In the
// middle of a word it means nothing. It is 0 before the first step.
func (s *Stream) Finished() float32 { return s.answer }

// Reset forgets everything: what is pushed next begins a turn.
func (s *Stream) Reset() {
	s.held, s.count, s.answer = [2 * Step]float32{}, 0, 0
	s.state = state{}
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
