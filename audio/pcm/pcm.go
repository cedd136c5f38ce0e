// Package pcm turns the bytes of raw audio into samples and back: 16-bit
// little-endian PCM, and the two telephone codes of ITU-T G.711.
//
// Start reading at Decoder.Push.
package pcm

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Format is a way to write one sample.
type Format int

// The formats. The zero value is PCM16.
const (
	PCM16 Format = iota // 16-bit two's complement, little-endian; 32768 is 1.0
	MuLaw               // G.711 mu-law, one byte a sample
	ALaw                // G.711 A-law, one byte a sample
)

// String returns the lower-case name of f.
func (f Format) String() string {
	switch f {
	case PCM16:
		return "pcm16"
	case MuLaw:
		return "mu-law"
	case ALaw:
		return "a-law"
	}
	return fmt.Sprintf("format %d", int(f))
}

// Bytes returns the size of one sample in bytes, and 0 for a format that does
// not exist.
func (f Format) Bytes() int {
	switch f {
	case PCM16:
		return 2
	case MuLaw, ALaw:
		return 1
	}
	return 0
}

// Decoder turns one stream of bytes into samples. The zero value decodes
// PCM16. It is not safe for concurrent use.
type Decoder struct {
	format  Format
	odd     bool // low holds the first byte of a sample
	low     byte
	samples []float32 // what the last call returned
}

// NewDecoder returns a decoder at the beginning of a stream. It returns an
// error if the format does not exist.
func NewDecoder(format Format) (*Decoder, error) {
	if format.Bytes() == 0 {
		return nil, fmt.Errorf("pcm: %v, want pcm16, mu-law or a-law", format)
	}
	return &Decoder{format: format}, nil
}

// Push returns the samples that data completes, in [-1, 1). The first half of
// a sample at the end of data is kept for the next call, so pieces of any size
// give the samples of the whole.
//
// The samples are valid until the next call. Push does not allocate once warm.
func (d *Decoder) Push(data []byte) []float32 {
	d.samples = d.samples[:0]
	switch d.format {
	case PCM16:
		d.pushPCM16(data)
	case MuLaw:
		for _, b := range data {
			d.samples = append(d.samples, muLaw[b])
		}
	case ALaw:
		for _, b := range data {
			d.samples = append(d.samples, aLaw[b])
		}
	}
	return d.samples
}

func (d *Decoder) pushPCM16(data []byte) {
	if d.odd && len(data) > 0 {
		d.samples = append(d.samples, sample16(uint16(d.low)|uint16(data[0])<<8))
		data, d.odd = data[1:], false
	}
	for ; len(data) >= 2; data = data[2:] {
		d.samples = append(d.samples, sample16(binary.LittleEndian.Uint16(data)))
	}
	if len(data) == 1 {
		d.low, d.odd = data[0], true
	}
}

func sample16(bits uint16) float32 { return float32(int16(bits)) / 32768 }

// Flush ends the stream and returns the number of bytes, 0 or 1, of a sample
// whose second half never came. The decoder is then at the beginning of the
// next stream.
func (d *Decoder) Flush() (leftover int) {
	if d.odd {
		leftover = 1
	}
	d.odd = false
	return leftover
}

// Append writes samples in the given format to the end of dst and returns the
// longer slice. Samples are rounded to the nearest step, halves away from
// zero; values outside [-1, 1) are clipped and NaN counts as 0. What Decoder
// made of PCM16 bytes becomes the same bytes again. A format that does not
// exist writes nothing.
func Append(dst []byte, format Format, samples []float32) []byte {
	switch format {
	case PCM16:
		for _, v := range samples {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(step(v)))
		}
	case MuLaw:
		for _, v := range samples {
			dst = append(dst, encodeMuLaw(step(v)))
		}
	case ALaw:
		for _, v := range samples {
			dst = append(dst, encodeALaw(step(v)))
		}
	}
	return dst
}

// step returns the 16-bit step next to v.
func step(v float32) int16 {
	scaled := math.Round(float64(v) * 32768)
	switch {
	case scaled >= math.MaxInt16:
		return math.MaxInt16
	case scaled <= math.MinInt16:
		return math.MinInt16
	case scaled != scaled: // NaN
		return 0
	}
	return int16(scaled)
}
