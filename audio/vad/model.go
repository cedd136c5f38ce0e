package vad

import (
	"math"

	"hark/audio"
)

// The spectrum of a window: four frames of 256 samples, 128 apart, over the 64
// samples before the window, the window, and 64 samples mirrored at its end.
const (
	frameOrder = 8
	frameSize  = 1 << frameOrder
	frameHop   = frameSize / 2
	mirrored   = context
)

// hann is the periodic window of a frame.
var hann = func() (w [frameSize]float64) {
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/frameSize)
	}
	return w
}()

// scratch is the memory of one step.
type scratch struct {
	fft       *audio.FFT
	padded    [context + Window + mirrored]float64
	frame     [frameSize]float64
	magnitude [bins]float64

	a, b   [bins * (times + 2)]float32 // layers, [channels, times], zero at both ends
	column [bins * 3]float32           // what one output of a convolution weighs
	joined [2 * units]float32          // the cell's input and hidden state
	gates  [4 * units]float32
}

// step returns the probability of speech in the window in d.held, and moves
// the memory cell on.
func (d *Detector) step() float32 {
	s, w := &d.scratch, d.model
	d.spectrum()                             // a [129, 4]
	n := w.conv[0].run(s, &s.b, &s.a, times) // b [128, 4]
	n = w.conv[1].run(s, &s.a, &s.b, n)      // a [64, 2]
	n = w.conv[2].run(s, &s.b, &s.a, n)      // b [64, 1]
	w.conv[3].run(s, &s.a, &s.b, n)          // a [128, 1]
	for i := range units {
		s.joined[i] = s.a[i*(n+2)+1]
	}
	copy(s.joined[units:], d.hidden[:])
	for row := range s.gates {
		s.gates[row] = w.gateBias[row] + audio.Dot(s.joined[:], w.gates[row*2*units:])
	}
	sum := float64(w.outBias)
	for i := range units {
		input, forget := sigmoid(s.gates[i]), sigmoid(s.gates[units+i])
		update, output := math.Tanh(float64(s.gates[2*units+i])), sigmoid(s.gates[3*units+i])
		cell := forget*float64(d.cell[i]) + input*update
		hidden := output * math.Tanh(cell)
		d.cell[i], d.hidden[i] = float32(cell), float32(hidden)
		sum += max(hidden, 0) * float64(w.out[i])
	}
	return float32(1 / (1 + math.Exp(-sum)))
}

func sigmoid(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }

// spectrum writes the magnitudes of the window to scratch.a, [129, 4].
func (d *Detector) spectrum() {
	s := &d.scratch
	if s.fft == nil {
		s.fft = audio.NewFFT(frameOrder)
	}
	for i, v := range d.held {
		s.padded[i] = float64(v)
	}
	const end = context + Window
	for i := range mirrored {
		s.padded[end+i] = s.padded[end-2-i]
	}
	clear(s.a[:])
	for t := range times {
		for i, v := range s.padded[t*frameHop:][:frameSize] {
			s.frame[i] = v * hann[i]
		}
		s.fft.Magnitudes(s.magnitude[:], s.frame[:])
		for k, v := range s.magnitude {
			s.a[k*(times+2)+t+1] = float32(v)
		}
	}
}

// run writes max(0, c(from)) to to and returns the number of times in it. from
// is [in, n+2] with a zero before and after the n times of each channel; to
// becomes the same of its own size.
func (c *convolution) run(s *scratch, to, from *[bins * (times + 2)]float32, n int) int {
	m := (n + c.stride - 1) / c.stride
	clear(to[:c.out*(m+2)])
	column := s.column[:c.in*3]
	for t := range m {
		for i := range c.in {
			copy(column[3*i:3*i+3], from[i*(n+2)+t*c.stride:])
		}
		for o := range c.out {
			v := c.bias[o] + audio.Dot(column, c.weight[o*len(column):])
			to[o*(m+2)+t+1] = max(v, 0)
		}
	}
	return m
}
