package sample

import "hark/engine/token"

// Draw is what one pick needs to know beside the logits, for a device that
// picks in the Sampler's place. Zero values keep all.
type Draw struct {
	Temperature float32 // 0: the likeliest
	TopK        int
	TopP, MinP  float32
	Suppress    []token.ID
	// Uniform, 0 to below 1, is the place of the token among those that are
	// kept, the likeliest first with TopK and by their ids without, each as
	// wide as its probability.
	Uniform float64
}

// Plain reports whether a Draw says all that a pick needs to know, as long as
// the mask, if there is one, forbids nothing: there are no penalties, no bias,
// and nobody asks for probabilities.
func (s *Sampler) Plain() bool {
	return !s.o.penalizes() && len(s.o.Bias) == 0 && s.o.LogProbs == 0
}

// Draw returns what the next pick is, in Pick's place: the same numbers come in
// the same order.
func (s *Sampler) Draw() Draw {
	d := Draw{Suppress: s.o.Suppress}
	if s.o.Temperature >= coldest {
		d.Temperature, d.TopK, d.TopP, d.MinP = s.o.Temperature, s.o.TopK, s.o.TopP, s.o.MinP
		d.Uniform = s.uniform()
	}
	return d
}

// Undraw takes the last Draw back: its token was not taken.
func (s *Sampler) Undraw() { s.back = s.o.Temperature >= coldest }

// uniform returns the next number from 0 to below 1.
func (s *Sampler) uniform() float64 {
	if s.back {
		s.back = false
	} else {
		s.drawn = s.rand.Float64()
	}
	return s.drawn
}

// Pick picks as the Sampler would. It is what a device's pick is compared with.
func (d *Draw) Pick(logits []float32) (token.ID, error) {
	s := New(Options{Temperature: d.Temperature, TopK: d.TopK, TopP: d.TopP, MinP: d.MinP, Suppress: d.Suppress})
	s.drawn, s.back = d.Uniform, true
	c, err := s.Pick(logits)
	return c.ID, err
}
