// Package ogg decodes Ogg files with Vorbis or Opus in them, and writes those
// with Opus.
//
// The decoders are those of others. The one of Vorbis believes what a file
// says of itself; setup.go looks first whether that is sane.
//
// Start reading at Open.
package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jfreymuth/vorbis"
	"github.com/tphakala/go-opus/oggopus"

	"hark/audio"
)

// ErrCodec says that what is in the file is neither Vorbis nor Opus.
var ErrCodec = errors.New("ogg: neither Vorbis nor Opus")

// maxChannels bounds what is mixed to one.
const maxChannels = 8

// Stream is the sound of one file. It is not safe for concurrent use.
type Stream struct {
	rate     audio.Rate
	channels int
	next     func() ([]float32, error) // interleaved samples; valid until the next call
	rest     []float32                 // of them, not read yet
}

// Open reads a file up to its first sound. The decoders may panic on broken
// files.
func Open(file []byte) (*Stream, error) {
	p := &packets{rest: file}
	first, err := p.next()
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(first, []byte("OpusHead")):
		return openOpus(file)
	case bytes.HasPrefix(first, []byte("\x01vorbis")):
		return openVorbis(first, p)
	}
	return nil, ErrCodec
}

// noComments are the comments that the decoder gets: an empty list.
var noComments = []byte("\x03vorbis\x00\x00\x00\x00\x00\x00\x00\x00\x01")

func openVorbis(first []byte, p *packets) (*Stream, error) {
	if _, err := p.next(); err != nil { // the comments
		return nil, err
	}
	setup, err := p.next()
	if err == nil {
		err = errors.Join(checkFirst(first), checkSetup(setup))
	}
	if err != nil {
		return nil, err
	}
	var d vorbis.Decoder
	for _, header := range [][]byte{first, noComments, setup} {
		if err := d.ReadHeader(header); err != nil {
			return nil, fmt.Errorf("ogg: %w", err)
		}
	}
	s := &Stream{rate: audio.Rate(d.SampleRate()), channels: d.Channels()}
	buffer, length := make([]float32, d.BufferSize()), int64(0)
	s.next = func() ([]float32, error) {
		packet, err := p.next()
		if err != nil {
			return nil, err
		}
		out, err := d.DecodeInto(packet, buffer)
		if err != nil {
			return nil, err
		}
		length += int64(len(out) / s.channels)
		if over := length - p.end; p.last && over > 0 { // the file ends in a packet
			out = out[:max(0, len(out)-int(min(over, length))*s.channels)]
		}
		return out, nil
	}
	return s, nil
}

func openOpus(file []byte) (*Stream, error) {
	d, err := oggopus.NewDecoder(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("ogg: %w", err)
	}
	s := &Stream{rate: oggopus.OutputSampleRate, channels: d.Info().Channels}
	if s.channels < 1 || s.channels > maxChannels {
		return nil, fmt.Errorf("ogg: %d channels, want 1 to %d", s.channels, maxChannels)
	}
	raw, samples := make([]byte, 2*960*s.channels), make([]float32, 960*s.channels)
	s.next = func() ([]float32, error) {
		n, err := io.ReadFull(d, raw)
		for i := range n / 2 {
			samples[i] = float32(int16(binary.LittleEndian.Uint16(raw[2*i:]))) / 32768
		}
		return samples[:n/2], err
	}
	return s, nil
}

// Rate returns the samples a second.
func (s *Stream) Rate() audio.Rate { return s.rate }

// Read fills dst with samples, the mean of all channels, and returns how many
// there were. The error at the end is io.EOF; a file that breaks off ends
// there.
func (s *Stream) Read(dst []float32) (n int, err error) {
	for n < len(dst) {
		if len(s.rest) < s.channels {
			if err != nil {
				break
			}
			s.rest, err = s.next()
			continue
		}
		sum := float32(0)
		for _, v := range s.rest[:s.channels] {
			sum += v
		}
		dst[n] = sum / float32(s.channels)
		n++
		s.rest = s.rest[s.channels:]
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = io.EOF
	case err != nil:
		err = fmt.Errorf("ogg: %w", err)
	}
	return n, err
}
