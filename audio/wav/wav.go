// Package wav reads and writes WAV files.
//
// Start reading at Decode.
package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"hark/audio"
	"hark/audio/pcm"
)

// ErrTooLong says that a file holds more sound than Options allow.
var ErrTooLong = errors.New("wav: too long")

// Clip is the sound of one file, mixed to one channel.
type Clip struct {
	Rate     audio.Rate
	Channels int       // of the file; Samples is their mean
	Samples  []float32 // in [-1, 1), except that floating-point files may exceed it
}

// Options limit what Decode accepts. The zero value is the default.
type Options struct {
	// MaxSeconds is the longest accepted duration; 0 means 600, and a negative
	// number means no limit.
	MaxSeconds float64
}

const (
	defaultMaxSeconds = 600
	maxChannels       = 64
	maxRate           = 768000
)

// The format tags of mmreg.h, in words.
const (
	formatPCM        = 0x0001
	formatFloat      = 0x0003
	formatALaw       = 0x0006
	formatMuLaw      = 0x0007
	formatExtensible = 0xfffe
)

// layout is what the chunk "fmt " says.
type layout struct {
	format   int // one of the constants above, but extensible
	channels int
	rate     int
	bytes    int // of one sample of one channel
}

// Decode reads a WAV file: PCM of 8, 16, 24 or 32 bits, floating point of 32
// or 64 bits, or the telephone codes of G.711, plain or WAVE_FORMAT_EXTENSIBLE, up to 64 channels. Chunks other
// than "fmt " and "data" are skipped. A data chunk of size 0 at the end of a
// file, of size 0xFFFFFFFF, or longer than the file ends with the file, as
// programs that write to a pipe leave it; an incomplete last sample is dropped.
//
// Samples are steps divided by 128, 32768, 2^23 or 2^31; channels are averaged
// in float64. Memory is four bytes a sample of the file at most. A nil o means
// the defaults. The error is ErrTooLong or says what is wrong with the file.
//
// Source: Multimedia Programming Interface and Data Specifications 1.0 and
// Multiple Channel Audio Data and WAVE Files, Microsoft.
func Decode(data []byte, o *Options) (*Clip, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, fmt.Errorf("wav: %d bytes do not begin with RIFF and WAVE", len(data))
	}
	var format *layout
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		switch id {
		case "fmt ":
			if size > int64(len(body)) {
				return nil, fmt.Errorf("wav: chunk fmt of %d bytes, %d are left", size, len(body))
			}
			l, err := parseFormat(body[:size])
			if err != nil {
				return nil, err
			}
			format = l
		case "data":
			if format == nil {
				return nil, errors.New("wav: chunk data before chunk fmt")
			}
			if size > int64(len(body)) || size == 0 && !followed(body) {
				size = int64(len(body))
			}
			return decodeData(body[:size], format, o)
		}
		size += size & 1 // chunks begin at even places
		if size >= int64(len(body)) {
			break
		}
		rest = body[size:]
	}
	if format == nil {
		return nil, errors.New("wav: no chunk fmt")
	}
	return nil, errors.New("wav: no chunk data")
}

// followed reports whether rest, after a data chunk of size 0, is a chunk that
// fits, or nothing: then the size is meant.
func followed(rest []byte) bool {
	if len(rest) < 8 {
		return len(rest) == 0
	}
	for _, c := range rest[:4] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return int64(binary.LittleEndian.Uint32(rest[4:])) <= int64(len(rest)-8)
}

// parseFormat reads the chunk "fmt ".
func parseFormat(body []byte) (*layout, error) {
	if len(body) < 16 {
		return nil, fmt.Errorf("wav: chunk fmt of %d bytes, want at least 16", len(body))
	}
	l := &layout{
		format:   int(binary.LittleEndian.Uint16(body)),
		channels: int(binary.LittleEndian.Uint16(body[2:])),
	}
	rate := binary.LittleEndian.Uint32(body[4:])
	align := int(binary.LittleEndian.Uint16(body[12:]))
	bits := int(binary.LittleEndian.Uint16(body[14:]))
	if l.format == formatExtensible {
		if len(body) < 40 {
			return nil, fmt.Errorf("wav: extensible chunk fmt of %d bytes, want 40", len(body))
		}
		l.format = int(binary.LittleEndian.Uint16(body[24:])) // begins the GUID
	}
	if l.channels < 1 || l.channels > maxChannels {
		return nil, fmt.Errorf("wav: %d channels, want 1 to %d", l.channels, maxChannels)
	}
	if rate < 1 || rate > maxRate {
		return nil, fmt.Errorf("wav: rate %d, want 1 to %d", rate, maxRate)
	}
	l.rate = int(rate)
	switch {
	case l.format == formatPCM && bits >= 1 && bits <= 32:
	case l.format == formatFloat && (bits == 32 || bits == 64):
	case (l.format == formatALaw || l.format == formatMuLaw) && bits == 8:
	default:
		return nil, fmt.Errorf("wav: format %#04x of %d bits, want PCM of at most 32, floating point of 32 or 64, or G.711", l.format, bits)
	}
	l.bytes = (bits + 7) / 8
	if align != l.bytes*l.channels {
		return nil, fmt.Errorf("wav: %d bytes a frame, want %d channels of %d", align, l.channels, l.bytes)
	}
	return l, nil
}

// decodeData mixes the chunk "data" to one channel.
func decodeData(body []byte, l *layout, o *Options) (*Clip, error) {
	limit := float64(defaultMaxSeconds)
	if o != nil && o.MaxSeconds != 0 {
		limit = o.MaxSeconds
	}
	width := l.bytes * l.channels
	n := len(body) / width
	if seconds := float64(n) / float64(l.rate); limit > 0 && seconds > limit {
		return nil, fmt.Errorf("%w: %.1f s, want at most %.1f s", ErrTooLong, seconds, limit)
	}
	sample := l.reader()
	clip := &Clip{Rate: audio.Rate(l.rate), Channels: l.channels, Samples: make([]float32, n)}
	for i := range clip.Samples {
		frame, sum := body[i*width:][:width], 0.0
		for ; len(frame) > 0; frame = frame[l.bytes:] {
			sum += sample(frame)
		}
		mean := sum / float64(l.channels)
		if math.Abs(mean) <= math.MaxFloat32 {
			clip.Samples[i] = float32(mean)
			continue
		}
		return nil, fmt.Errorf("wav: sample %d is %g", i, mean)
	}
	return clip, nil
}

// reader returns the function that reads one sample of one channel. PCM of a
// width between whole bytes fills the bytes from the top, so that the scale is
// that of whole bytes.
func (l *layout) reader() func([]byte) float64 {
	switch {
	case l.format == formatFloat && l.bytes == 4:
		return func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }
	case l.format == formatFloat:
		return func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }
	case l.format == formatALaw:
		return telephone(pcm.ALaw)
	case l.format == formatMuLaw:
		return telephone(pcm.MuLaw)
	case l.bytes == 1: // the only unsigned width
		return func(b []byte) float64 { return (float64(b[0]) - 128) / 128 }
	case l.bytes == 2:
		return func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) / (1 << 15) }
	case l.bytes == 3:
		return func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31)
		}
	}
	return func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) / (1 << 31) }
}

// telephone reads a code of G.711.
func telephone(f pcm.Format) func([]byte) float64 {
	d, _ := pcm.NewDecoder(f) // it exists
	return func(b []byte) float64 { return float64(d.Push(b[:1])[0]) }
}
