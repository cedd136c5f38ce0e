// Package mp3 decodes MPEG audio of layer III.
//
// Start reading at Open.
package mp3

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	decoder "github.com/hajimehoshi/go-mp3"

	"hark/audio"
)

// Stream is the sound of one file. It is not safe for concurrent use.
type Stream struct {
	d   *decoder.Decoder
	raw []byte // samples of the last read: left, right, of 16 bits
}

// Open reads a file up to its first frame. Files of MPEG 1 and 2 are known,
// with tags before the sound or not. The delay of the encoder stays in the
// sound: 50 ms, or 100 at 24 kHz and below. The decoder is not ours and may panic on broken files.
func Open(file []byte) (*Stream, error) {
	file, err := skipTags(file)
	if err != nil {
		return nil, err
	}
	// Without Seek: the decoder would look through the whole file first.
	d, err := decoder.NewDecoder(io.MultiReader(bytes.NewReader(file)))
	if err != nil {
		return nil, fmt.Errorf("mp3: %w", err)
	}
	return &Stream{d: d}, nil
}

// skipTags returns what follows the ID3 tags. The decoder would make room for
// as much as a tag says it has.
//
// Source: ID3v2.4, 3.1.
func skipTags(file []byte) ([]byte, error) {
	for len(file) >= 10 && string(file[:3]) == "ID3" {
		size := 10 + int(file[6]&127)<<21 + int(file[7]&127)<<14 + int(file[8]&127)<<7 + int(file[9]&127)
		if size > len(file) {
			return nil, fmt.Errorf("mp3: a tag of %d bytes in a file of %d", size, len(file))
		}
		file = file[size:]
	}
	return file, nil
}

// Rate returns the samples a second, that of the first frame.
func (s *Stream) Rate() audio.Rate { return audio.Rate(s.d.SampleRate()) }

// Read fills dst with samples, the mean of both channels, and returns how
// many there were. The error at the end is io.EOF.
func (s *Stream) Read(dst []float32) (int, error) {
	if cap(s.raw) < 4*len(dst) {
		s.raw = make([]byte, 4*len(dst))
	}
	n, err := io.ReadFull(s.d, s.raw[:4*len(dst)])
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	for i := range n / 4 {
		left := int16(binary.LittleEndian.Uint16(s.raw[4*i:]))
		right := int16(binary.LittleEndian.Uint16(s.raw[4*i+2:]))
		dst[i] = (float32(left) + float32(right)) / 65536
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("mp3: %w", err)
	}
	return n / 4, err
}
