// Package flac decodes FLAC files.
//
// Start reading at Open.
package flac

import (
	"bytes"
	"fmt"
	"io"

	decoder "github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"

	"hark/audio"
)

// Stream is the sound of one file. It is not safe for concurrent use.
type Stream struct {
	d     *decoder.Stream
	frame *frame.Frame
	at    int // sample of the frame that comes next
}

// Open reads a file up to its first frame. The decoder is not ours and may
// panic on broken files.
func Open(file []byte) (*Stream, error) {
	d, err := decoder.New(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("flac: %w", err)
	}
	return &Stream{d: d}, nil
}

// Rate returns the samples a second.
func (s *Stream) Rate() audio.Rate { return audio.Rate(s.d.Info.SampleRate) }

// Read fills dst with samples, the mean of all channels in [-1, 1), and
// returns how many there were. The error at the end is io.EOF.
func (s *Stream) Read(dst []float32) (n int, err error) {
	for n < len(dst) {
		if s.frame == nil || s.at >= int(s.frame.BlockSize) {
			f, err := s.d.ParseNext()
			switch {
			case err == io.EOF:
				return n, io.EOF
			case err != nil:
				return n, fmt.Errorf("flac: %w", err)
			case f.BitsPerSample == 0 || len(f.Subframes) == 0:
				return n, fmt.Errorf("flac: frame of %d channels with %d bits", len(f.Subframes), f.BitsPerSample)
			}
			s.frame, s.at = f, 0
		}
		scale := 1 / float64(int64(len(s.frame.Subframes))<<(s.frame.BitsPerSample-1))
		for ; n < len(dst) && s.at < int(s.frame.BlockSize); n++ {
			sum := int64(0)
			for _, channel := range s.frame.Subframes {
				sum += int64(channel.Samples[s.at])
			}
			dst[n] = float32(float64(sum) * scale)
			s.at++
		}
	}
	return n, nil
}
