// Package resample changes the rate of a stream of samples, with a polyphase
// windowed-sinc filter.
//
// Start reading at Stream.Push.
package resample

import (
	"fmt"
	"time"

	"hark/audio"
)

// MinRate and MaxRate bound both rates of a Stream.
const (
	MinRate audio.Rate = 4000
	MaxRate audio.Rate = 192000
)

// block is the number of samples that are taken up at a time.
const block = 2048

// Stream resamples one stream. It is not safe for concurrent use.
//
// Output sample k lies at the time of input sample k*down/up, with from/to =
// down/up in lowest terms: the filter's delay is taken out, not handed on.
type Stream struct {
	filter   *filter // nil when the rates are equal
	from     audio.Rate
	up, down int

	// held is the input from the first sample that the next output weighs.
	held  []float32
	phase int       // how far the next output lies behind a sample, in 1/up
	out   []float32 // what the last call returned
}

// New returns a resampler at the beginning of a stream. It returns an error if
// a rate lies outside 4000 to 192000. The filter takes at most 2 MiB, whatever
// the rates.
func New(from, to audio.Rate) (*Stream, error) {
	for _, rate := range []audio.Rate{from, to} {
		if rate < MinRate || rate > MaxRate {
			return nil, fmt.Errorf("resample: rate %d, want %d to %d", rate, MinRate, MaxRate)
		}
	}
	s := &Stream{from: from}
	if from != to {
		divisor := gcd(int(from), int(to))
		s.up, s.down = int(to)/divisor, int(from)/divisor
		s.filter = newFilter(s.up, s.down)
		s.held = make([]float32, 0, s.filter.taps+block)
		s.reset()
	}
	return s, nil
}

// Delay returns how much of the future an output sample needs: half the length
// of the filter, about 34 samples of the lower rate (2.1 ms for 16 kHz), and 0
// for equal rates.
func (s *Stream) Delay() time.Duration {
	if s.filter == nil {
		return 0
	}
	return time.Duration(s.filter.taps/2) * time.Second / time.Duration(s.from)
}

// Push returns the output samples that in completes. Pieces of any size give
// the samples of the whole, bit for bit. With equal rates the samples are
// copied unchanged.
//
// The samples are valid until the next call. Push does not allocate once warm.
// With N the lower of the two Nyquist frequencies, the pass band is flat to
// 0.4 dB up to 0.9 N, and what lies above 1.04 N is kept below -90 dB.
func (s *Stream) Push(in []float32) []float32 {
	s.out = s.out[:0]
	if s.filter == nil {
		s.out = append(s.out, in...)
		return s.out
	}
	s.push(in)
	return s.out
}

// Flush ends the stream and returns the samples that were waiting for input
// after its end, which counts as silence. With those of Push, n input samples
// have become ceil(n*to/from). The samples are valid until the next call; the
// stream that is pushed next begins at its first sample.
func (s *Stream) Flush() []float32 {
	s.out = s.out[:0]
	if s.filter != nil {
		// The last output lies less than one sample behind the last input and
		// so needs exactly half a filter of silence.
		s.push(s.filter.silence)
		s.reset()
	}
	return s.out
}

// push takes up in, block by block, and appends what becomes certain to out.
func (s *Stream) push(in []float32) {
	taps := s.filter.taps
	for len(in) > 0 {
		n := min(len(in), cap(s.held)-len(s.held))
		s.held = append(s.held, in[:n]...)
		in = in[n:]
		start := 0
		for ; start+taps <= len(s.held); start += s.phase / s.up {
			s.phase %= s.up
			s.out = append(s.out, s.filter.at(s.held[start:][:taps], s.phase))
			s.phase += s.down
		}
		s.phase %= s.up
		s.held = s.held[:copy(s.held, s.held[start:])]
	}
}

// reset puts half a filter of silence in front of a new stream.
func (s *Stream) reset() {
	s.phase = 0
	s.held = s.held[:s.filter.taps/2-1]
	clear(s.held)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
