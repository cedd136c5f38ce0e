// Package sound decodes files of sound, whatever their format: WAV, MP3, FLAC,
// and Ogg with Vorbis or Opus. It looks at the bytes, not at names, and knows
// other formats well enough to name them.
//
// Start reading at Decode.
package sound

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"hark/audio"
	"hark/audio/flac"
	"hark/audio/mp3"
	"hark/audio/ogg"
	"hark/audio/resample"
	"hark/audio/wav"
)

// Errors that callers tell apart. All are the fault of who sent the file.
var (
	// ErrFormat says that a file is of a format that is not decoded here.
	ErrFormat = errors.New("sound: unknown format")
	// ErrTooLong says that there is more sound than Options allow.
	ErrTooLong = errors.New("sound: too long")
	// ErrInvalid says that a file is broken.
	ErrInvalid = errors.New("sound: broken file")
)

// Options say what to make of a file. The zero value is the default.
type Options struct {
	// Rate is that of the samples returned; 0 is audio.ModelRate.
	Rate audio.Rate
	// MaxSeconds is the longest accepted duration; 0 means 600.
	MaxSeconds int
}

const defaultMaxSeconds = 600

// block is how many samples are decoded at a time.
const block = 4096

// stream is what the decoders have in common. Read gives the mean of all
// channels.
type stream interface {
	Rate() audio.Rate
	Read(dst []float32) (int, error)
}

// Decode returns the sound of a file as one channel in [-1, 1]. It takes memory
// for what it returns and for the file, not more than MaxSeconds of it.
func Decode(file []byte, o *Options) (samples []float32, err error) {
	rate, seconds := audio.ModelRate, defaultMaxSeconds
	if o != nil && o.Rate != 0 {
		rate = o.Rate
	}
	if o != nil && o.MaxSeconds != 0 {
		seconds = o.MaxSeconds
	}
	// The decoders of others panic on some broken files. That is the file's
	// fault, and must not end the process.
	defer func() {
		if r := recover(); r != nil {
			samples, err = nil, fmt.Errorf("%w: the decoder gave up: %v", ErrInvalid, r)
		}
	}()
	in, err := open(file, seconds)
	if err != nil {
		return nil, err
	}
	if r := in.Rate(); r < resample.MinRate || r > resample.MaxRate {
		return nil, fmt.Errorf("%w: %d samples a second, want %d to %d", ErrInvalid, r, resample.MinRate, resample.MaxRate)
	}
	return read(in, rate, seconds)
}

// open begins to decode a file.
func open(file []byte, seconds int) (in stream, err error) {
	switch f := Sniff(file); f {
	case WAV:
		clip, err := wav.Decode(file, &wav.Options{MaxSeconds: float64(seconds)})
		if errors.Is(err, wav.ErrTooLong) {
			return nil, fmt.Errorf("%w: %w", ErrTooLong, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		return &whole{clip}, nil
	case MP3:
		in, err = mp3.Open(file)
	case FLAC:
		in, err = flac.Open(file)
	case Vorbis, Opus:
		in, err = ogg.Open(file)
	case "":
		return nil, ErrFormat
	default:
		return nil, fmt.Errorf("%w: %s", ErrFormat, f)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return in, nil
}

// read takes a stream to its end. One that breaks off after some sound ends
// there.
func read(in stream, rate audio.Rate, seconds int) ([]float32, error) {
	r, err := resample.New(in.Rate(), rate)
	if err != nil {
		return nil, err
	}
	var out []float32
	buf := make([]float32, block)
	idle := 0 // reads in a row without a sample
	for length := int64(0); ; {
		n, err := in.Read(buf)
		if length += int64(n); length > int64(in.Rate())*int64(seconds) {
			return nil, fmt.Errorf("%w: more than %d s", ErrTooLong, seconds)
		}
		for i, v := range buf[:n] {
			if !(math.Abs(float64(v)) <= math.MaxFloat32) {
				return nil, fmt.Errorf("%w: sample %d is %v", ErrInvalid, i, v)
			}
		}
		out = append(out, r.Push(buf[:n])...)
		if idle++; n > 0 {
			idle = 0
		}
		switch {
		case err == io.EOF, err != nil && length > 0, idle > block:
			return append(out, r.Flush()...), nil
		case err != nil:
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
}

// whole is a file that is decoded already.
type whole struct{ clip *wav.Clip }

func (w *whole) Rate() audio.Rate { return w.clip.Rate }

func (w *whole) Read(dst []float32) (int, error) {
	n := copy(dst, w.clip.Samples)
	if w.clip.Samples = w.clip.Samples[n:]; len(w.clip.Samples) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Format is the name of a file's format.
type Format string

// The formats that Sniff knows. Decode decodes the first five.
const (
	WAV    Format = "WAV"
	MP3    Format = "MP3"
	FLAC   Format = "FLAC"
	Vorbis Format = "Ogg Vorbis"
	Opus   Format = "Ogg Opus"

	AAC      Format = "AAC"
	MP4      Format = "MP4"
	Matroska Format = "WebM or Matroska"
	OtherOgg Format = "Ogg"
	AIFF     Format = "AIFF"
	AMR      Format = "AMR"
	CAF      Format = "CAF"
	AVI      Format = "AVI"
	MPEG     Format = "MPEG"
)

// Sniff returns the format of a file by its first bytes, "" if it knows none.
func Sniff(file []byte) Format {
	at := func(i int, s string) bool { return len(file) >= i+len(s) && string(file[i:i+len(s)]) == s }
	switch {
	case at(0, "RIFF") && at(8, "WAVE"):
		return WAV
	case at(0, "RIFF") && at(8, "AVI "):
		return AVI
	case at(0, "fLaC"):
		return FLAC
	case at(0, "OggS"):
		switch first := file[min(len(file), 27):min(len(file), 400)]; {
		case bytes.Contains(first, []byte("OpusHead")):
			return Opus
		case bytes.Contains(first, []byte("\x01vorbis")):
			return Vorbis
		}
		return OtherOgg
	case at(0, "ID3"):
		return MP3
	case at(4, "ftyp"):
		return MP4
	case at(0, "\x1a\x45\xdf\xa3"):
		return Matroska
	case at(0, "FORM") && at(8, "AIF"):
		return AIFF
	case at(0, "#!AMR"):
		return AMR
	case at(0, "caff"):
		return CAF
	case at(0, "ADIF"):
		return AAC
	case at(0, "\x00\x00\x01\xba"):
		return MPEG
	case len(file) >= 2 && file[0] == 0xff && file[1]&0xe0 == 0xe0:
		switch file[1] >> 1 & 3 { // the layer
		case 0:
			return AAC
		case 1:
			return MP3
		}
		return MPEG
	}
	return ""
}
