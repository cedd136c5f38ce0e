// Package mel is the listening front end of Gemma 4's small models: 16 kHz
// samples to log-mel rows, 10 ms a row.
//
// Start reading at Stream.Push.
package mel

import (
	"math"

	"hark/audio"
)

// Constants of the front end. Source: gemma4.md 11.1, the defaults of
// transformers' Gemma4AudioFeatureExtractor.
const (
	// Bins is the number of mel filters, and so of values in a row.
	Bins = 128
	// Hop is the number of samples from row to row, 10 ms.
	Hop = 160

	window   = 320 // samples a row looks at, 20 ms
	order    = 9
	spectrum = 1 << order // points of the transform
	floor    = 0.001      // added before the logarithm
	top      = 8000       // Hz, upper edge of the last filter
)

// Stream computes log-mel rows of one stream of samples. It keeps 161 samples
// between calls.
type Stream struct {
	fft    *audio.FFT
	hann   [window]float64
	bank   []filter // [Bins]
	slopes []float64

	held  [window + 1]float32 // the next row's samples and the one after
	count int                 // samples in held
	row   int64               // number of the next row

	frame      [window]float64
	magnitudes [spectrum/2 + 1]float64
	rows       []float32 // what the last call returned
}

// filter is one triangle: slopes[at:at+n] weigh magnitudes[first:first+n].
type filter struct{ first, at, n int }

var _ audio.FrontEnd = (*Stream)(nil)

// New returns a front end at the beginning of a stream.
func New() *Stream {
	s := &Stream{fft: audio.NewFFT(order)}
	for i := range s.hann {
		s.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window)
	}
	s.bank, s.slopes = bank()
	s.reset()
	return s
}

// Push returns the log-mel rows that samples complete, [n, 128] natural
// logarithms, 10 ms a row. Row i covers samples 160i-160 to 160i+159, zeros
// before the first, and is certain once sample 160i+160 is there: of N samples
// so far (N-1)/160 rows exist. Silence gives ln(0.001).
//
// The rows are valid until the next call. Pieces of any size give the rows of
// the whole, bit for bit. Push does not allocate once warm. A row is within
// 1e-6 of exact arithmetic, relative to values of order 1 to 7.
//
// Source: gemma4.md 11.1 and 13.1; transformers,
// Gemma4AudioFeatureExtractor._extract_spectrogram.
func (s *Stream) Push(samples []float32) audio.Features {
	start := s.row
	s.rows = s.rows[:0]
	for {
		n := copy(s.held[s.count:], samples)
		s.count += n
		samples = samples[n:]
		if s.count < len(s.held) {
			break
		}
		s.emit()
		s.count = copy(s.held[:], s.held[Hop:])
	}
	return audio.Features{Width: Bins, Hop: Hop, Start: start, Data: s.rows}
}

// Flush ends the stream. It returns no rows: one that lacks its 321st sample
// does not count. The stream that is pushed next begins at row 0.
func (s *Stream) Flush() audio.Features {
	f := audio.Features{Width: Bins, Hop: Hop, Start: s.row}
	s.reset()
	return f
}

// Fork returns a front end that has taken in what s has. The tables are shared,
// the transform's scratch memory is not.
func (s *Stream) Fork() audio.FrontEnd {
	f := *s
	f.fft, f.rows = audio.NewFFT(order), nil
	return &f
}

// reset puts 160 zeros in front of a new stream.
func (s *Stream) reset() {
	s.row = 0
	s.count = Hop
	clear(s.held[:Hop])
}

// emit appends the row of the 320 samples at the front of held.
func (s *Stream) emit() {
	for i, w := range s.hann {
		s.frame[i] = float64(s.held[i]) * w
	}
	s.fft.Magnitudes(s.magnitudes[:], s.frame[:])
	for _, f := range s.bank {
		values := s.magnitudes[f.first:][:f.n]
		slopes := s.slopes[f.at:][:f.n]
		sum := floor
		for k, v := range values {
			sum += v * slopes[k]
		}
		s.rows = append(s.rows, float32(math.Log(sum)))
	}
	s.row++
}

// bank returns 128 triangular filters between 0 and 8000 Hz on the HTK scale,
// mel = 2595 log10(1 + f/700), without normalisation, as the runs of bins
// where they are not zero. Filter 0 has none: it lies between two bins.
//
// Source: gemma4.md 11.1; transformers.audio_utils.mel_filter_bank.
func bank() (filters []filter, slopes []float64) {
	var edges [Bins + 2]float64 // Hz
	for i := range edges {
		mel := 2595 * math.Log10(1+top/700.0) * float64(i) / float64(Bins+1)
		edges[i] = 700 * (math.Pow(10, mel/2595) - 1)
	}
	const binHz = float64(audio.ModelRate) / spectrum
	for m := range Bins {
		low, mid, high := edges[m], edges[m+1], edges[m+2]
		f := filter{at: len(slopes)}
		for k := range spectrum/2 + 1 {
			hz := float64(k) * binHz
			slope := min((hz-low)/(mid-low), (high-hz)/(high-mid))
			if slope <= 0 {
				continue
			}
			if f.n == 0 {
				f.first = k
			}
			f.n++
			slopes = append(slopes, slope)
		}
		filters = append(filters, f)
	}
	return filters, slopes
}
