// Package frame is the listening front end of models without an audio tower,
// Gemma 4's 12B: 16 kHz samples, unchanged, in rows of 640.
//
// Start reading at Stream.Push.
package frame

import "hark/audio"

// Width is the number of samples in a row, 40 ms. It is also the hop: rows do
// not overlap. Source: gemma4.md 12, audio_samples_per_token.
const Width = 640

// Stream cuts one stream of samples into rows. It keeps the unfinished row
// between calls.
type Stream struct {
	held  [Width]float32 // the unfinished row
	count int            // samples in held
	row   int64          // number of the next row
	rows  []float32      // what the last call returned
}

var _ audio.FrontEnd = (*Stream)(nil)

// New returns a front end at the beginning of a stream.
func New() *Stream { return new(Stream) }

// Push returns the rows that samples complete, [n, 640]. Row i is samples 640i
// to 640i+639, and is certain with its last sample.
//
// The rows are valid until the next call. Pieces of any size give the rows of
// the whole, bit for bit. Push does not allocate once warm.
//
// Source: gemma4.md 12 and 13.2.
func (s *Stream) Push(samples []float32) audio.Features {
	start := s.row
	s.rows = s.rows[:0]
	for {
		n := copy(s.held[s.count:], samples)
		s.count += n
		samples = samples[n:]
		if s.count < Width {
			break
		}
		s.emit()
	}
	return audio.Features{Width: Width, Hop: Width, Start: start, Data: s.rows}
}

// Flush ends the stream. It returns the unfinished row, filled up with zeros,
// or no row if there is none: N samples make ceil(N/640) rows in all. The row
// is valid until the next call. The stream that is pushed next begins at row 0.
func (s *Stream) Flush() audio.Features {
	start := s.row
	s.rows = s.rows[:0]
	if s.count > 0 {
		clear(s.held[s.count:])
		s.emit()
	}
	s.row = 0
	return audio.Features{Width: Width, Hop: Width, Start: start, Data: s.rows}
}

// Fork returns a front end that has taken in what s has.
func (s *Stream) Fork() audio.FrontEnd {
	f := *s
	f.rows = nil
	return &f
}

// emit appends held to the rows and empties it.
func (s *Stream) emit() {
	s.rows = append(s.rows, s.held[:]...)
	s.count = 0
	s.row++
}
