package echo

import (
	"math"
	"math/bits"

	"hark/audio"
)

// The estimate of the delay compares the forms of spectra: of each hop, each
// band counts as louder or not than it was on average, which makes 32 bits of
// it. The bits of the microphone differ least from those of the sound that it
// hears the echo of, however loud that is and whatever the room does to its
// colours. Echoes of walls make it a little later than the first sound.
const (
	hop       = 240 // samples, 10 ms
	hops      = 100 // delays that are looked for, a second
	maxDelay  = hops * hop
	windowLog = 9 // 512 samples, 21 ms
	bands     = 32
	firstBin  = 6    // 280 Hz
	binsABand = 2    // up to 3280 Hz
	settle    = 0.02 // of running means of bands: half a second
	average   = 0.01 // of differences: a second of echo
	// audible is the mean square of a hop below which nothing plays.
	audible = 1e-6
	// warm is how many hops the means need.
	warm = 40
	// enough is how many hops of sound must have been compared.
	enough = 60
	// clearBy is by how many bits the best delay must be better than the mean.
	clearBy = 5
	// steady is how many hops in a row the same delay must be the best, within
	// one.
	steady = 20
)

// spectra makes bits of a stream.
type spectra struct {
	fft    *audio.FFT
	window []float64
	last   []float64 // the newest samples, a window
	frame  []float64
	bins   []float64
	mean   [bands]float64
	heard  float64 // hops that are in the mean
}

func newSpectra() *spectra {
	s := &spectra{
		fft:    audio.NewFFT(windowLog),
		window: make([]float64, 1<<windowLog),
		last:   make([]float64, 1<<windowLog),
		frame:  make([]float64, 1<<windowLog),
		bins:   make([]float64, 1<<(windowLog-1)+1),
	}
	for i := range s.window {
		s.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(s.window)))
	}
	return s
}

// push takes a hop and returns the bits of the newest window. Hops without
// sound do not count in the means.
func (s *spectra) push(samples []float32, loud bool) (word uint32) {
	if loud {
		s.heard++
	}
	rate := max(settle, 1/(s.heard+1))
	copy(s.last, s.last[hop:])
	for i, v := range samples {
		s.last[len(s.last)-hop+i] = float64(v)
	}
	for i, v := range s.last {
		s.frame[i] = v * s.window[i]
	}
	s.fft.Magnitudes(s.bins, s.frame)
	for b := range bands {
		v := 0.0
		for _, m := range s.bins[firstBin+b*binsABand:][:binsABand] {
			v += m
		}
		if v > s.mean[b] {
			word |= 1 << b
		}
		if loud {
			s.mean[b] += rate * (v - s.mean[b])
		}
	}
	return word
}

// delay finds how many samples behind what is played its echo comes.
type delay struct {
	near, far *spectra
	words     [hops]uint32  // of what was played, the newest first
	loud      [hops]bool    // whether there was something to hear
	differs   [hops]float64 // bits by which the microphone differs at each delay
	seen      int           // hops compared
	best      int           // hops
	since     int           // hops for which it has been the best
	found     int           // samples, the last delay that was sure
}

func newDelay() *delay {
	d := &delay{near: newSpectra(), far: newSpectra(), best: -1}
	for i := range d.differs {
		d.differs[i] = bands / 2
	}
	return d
}

// push takes a frame of both streams and returns the delay, in samples, and
// whether it is sure of it now.
func (d *delay) push(mic, far []float32) (samples int, sure bool) {
	for at := 0; at+hop <= len(mic); at += hop {
		sure = d.step(mic[at:at+hop], far[at:at+hop])
	}
	return d.found, sure
}

// step takes a hop.
func (d *delay) step(mic, far []float32) bool {
	copy(d.words[1:], d.words[:hops-1])
	copy(d.loud[1:], d.loud[:hops-1])
	d.loud[0] = power(far) > audible
	d.words[0] = d.far.push(far, d.loud[0])
	heard := power(mic) > audible/100
	word := d.near.push(mic, heard)
	if !heard || d.near.heard < warm || d.far.heard < warm {
		return false
	}
	compared := false
	for i, w := range d.words {
		if d.loud[i] {
			compared = true
			d.differs[i] += average * (float64(bits.OnesCount32(word^w)) - d.differs[i])
		}
	}
	if !compared {
		return false
	}
	d.seen++
	least, mean := 0, 0.0
	for i, v := range d.differs {
		mean += v / hops
		if v < d.differs[least] {
			least = i
		}
	}
	if least >= d.best-1 && least <= d.best+1 {
		d.since++
	} else {
		d.since = 0
	}
	d.best = least
	if d.seen < enough || d.since < steady || mean-d.differs[least] < clearBy {
		return false
	}
	d.found = least * hop
	return true
}
