package endpoint

import (
	"math"

	"hark/audio"
)

// What the network sees of a step. The Python twin is tools/turns/features.py.
const (
	bands   = 32   // mel bands of a spectrum
	lowest  = 60   // Hz, where the first band begins
	highest = 7600 // Hz, where the last ends
	floor   = 0.01 // added to a band before the logarithm

	order  = 9 // a spectrum of 512 samples
	window = 1 << order

	pitches  = 24  // bands of the pitch spectrum
	shortest = 20  // lag at 8 kHz, 400 Hz
	longest  = 133 // 60 Hz
	lags     = longest - shortest + 1
	span     = Step - longest - 1 // products of one lag
	quiet    = 1e-5               // added to energies, so that silence has no pitch

	width = 2*bands + pitches // of a row
)

// front makes rows of samples. Its memory is scratch.
type front struct {
	fft    *audio.FFT
	hann   [window]float64
	bank   [bands]triangle
	slopes []float64
	ranges [pitches][2]int // first and last lag of each pitch band

	frame      [window]float64
	magnitudes [window/2 + 1]float64
	low        [Step]float32 // 64 ms at 8 kHz
	ratio      [lags]float64
	out        [width]float32
}

// triangle is one mel band: slopes[at:at+n] weigh magnitudes[first:first+n].
type triangle struct{ first, at, n int }

func newFront() front {
	f := front{fft: audio.NewFFT(order)}
	for i := range f.hann {
		f.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window)
	}
	var edges [bands + 2]float64 // Hz, even on the mel scale
	first, last := mel(lowest), mel(highest)
	for i := range edges {
		edges[i] = 700 * (math.Pow(10, (first+(last-first)*float64(i)/(bands+1))/2595) - 1)
	}
	for m := range f.bank {
		low, mid, high := edges[m], edges[m+1], edges[m+2]
		t := triangle{at: len(f.slopes)}
		for k := range window/2 + 1 {
			hz := float64(k) * float64(Rate) / window
			slope := min((hz-low)/(mid-low), (high-hz)/(high-mid))
			if slope <= 0 {
				continue
			}
			if t.n == 0 {
				t.first = k
			}
			t.n++
			f.slopes = append(f.slopes, slope)
		}
		f.bank[m] = t
	}
	edge := func(i int) float64 {
		return shortest * math.Pow(float64(longest)/shortest, float64(i)/pitches)
	}
	for i := range f.ranges {
		f.ranges[i] = [2]int{int(math.Floor(edge(i) + 1e-9)), int(math.Ceil(edge(i+1) - 1e-9))}
	}
	return f
}

func mel(hz float64) float64 { return 2595 * math.Log10(1+hz/700) }

// row returns the row of the second half of held, [88]: two log-mel spectra of
// 512 samples, the second of them that half; then the largest normalised
// autocorrelation in each pitch band over all of held. It is valid until the
// next call.
func (f *front) row(held *[2 * Step]float32) *[width]float32 {
	f.spectrum(f.out[:bands], held[Step/2:])
	f.spectrum(f.out[bands:2*bands], held[Step:])
	f.pitch(f.out[2*bands:], held)
	return &f.out
}

// spectrum writes the logarithms of the mel bands of x[:512].
func (f *front) spectrum(to, x []float32) {
	for i, w := range f.hann {
		f.frame[i] = float64(x[i]) * w
	}
	f.fft.Magnitudes(f.magnitudes[:], f.frame[:])
	for m, t := range f.bank {
		sum := floor
		slopes := f.slopes[t.at:][:t.n]
		for k, v := range f.magnitudes[t.first:][:t.n] {
			sum += v * slopes[k]
		}
		to[m] = float32(math.Log(sum))
	}
}

// pitch writes the pitch spectrum of x, at half the rate.
func (f *front) pitch(to []float32, x *[2 * Step]float32) {
	for i := range f.low {
		f.low[i] = (x[2*i] + x[2*i+1]) / 2
	}
	head := f.low[:span]
	own := energy(head)
	moving := energy(f.low[shortest:][:span])
	for i := range f.ratio {
		lag := shortest + i
		cross := float64(audio.Dot(head, f.low[lag:]))
		f.ratio[i] = cross / math.Sqrt((moving+quiet)*(own+quiet))
		moving += square(f.low[lag+span]) - square(f.low[lag])
		moving = max(moving, 0)
	}
	for i, r := range f.ranges {
		most := f.ratio[r[0]-shortest]
		for _, v := range f.ratio[r[0]-shortest+1 : r[1]-shortest+1] {
			most = max(most, v)
		}
		to[i] = float32(most)
	}
}

func energy(x []float32) (sum float64) {
	for _, v := range x {
		sum += square(v)
	}
	return sum
}

func square(v float32) float64 { return float64(v) * float64(v) }
