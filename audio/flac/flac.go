// Package flac decodes and encodes FLAC files.
//
// Start reading at Open.
package flac

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	decoder "github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"

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

// block is the number of samples in a frame that Encode writes.
const block = 4096

// Encode returns a FLAC file of one channel of 16 bits.
func Encode(rate audio.Rate, samples []int16) ([]byte, error) {
	var out bytes.Buffer
	info := &meta.StreamInfo{BlockSizeMin: block, BlockSizeMax: block, SampleRate: uint32(rate), NChannels: 1,
		BitsPerSample: 16, NSamples: uint64(len(samples))}
	e, err := decoder.NewEncoder(&out, info)
	if err != nil {
		return nil, fmt.Errorf("flac: %w", err)
	}
	for part := range slices.Chunk(samples, block) {
		wide := make([]int32, len(part))
		for i, v := range part {
			wide[i] = int32(v)
		}
		f := &frame.Frame{
			Header: frame.Header{HasFixedBlockSize: true, BlockSize: uint16(len(part)), SampleRate: uint32(rate),
				Channels: frame.ChannelsMono, BitsPerSample: 16},
			// Verbatim is what the encoder may replace by a prediction.
			Subframes: []*frame.Subframe{{SubHeader: frame.SubHeader{Pred: frame.PredVerbatim}, Samples: wide, NSamples: len(part)}},
		}
		if err := e.WriteFrame(f); err != nil {
			return nil, fmt.Errorf("flac: %w", err)
		}
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("flac: %w", err)
	}
	return out.Bytes(), nil
}
