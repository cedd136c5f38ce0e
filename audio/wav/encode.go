package wav

import (
	"encoding/binary"
	"math"

	"hark/audio"
)

// HeaderBytes is the length of what AppendHeader writes.
const HeaderBytes = 44

// Streaming is the number of samples that AppendHeader takes for "until the
// file ends": readers, Decode among them, then ignore the sizes.
const Streaming = -1

// AppendHeader writes the header of a file of samples in PCM16, one channel,
// to the end of dst and returns the longer slice. The samples follow it as
// pcm.Append writes them. A number of samples that no WAV file can hold (2^31
// or more) counts as Streaming.
func AppendHeader(dst []byte, rate audio.Rate, samples int) []byte {
	dataBytes, riffBytes := uint32(math.MaxUint32), uint32(math.MaxUint32)
	if samples >= 0 && int64(samples) <= (math.MaxUint32-HeaderBytes)/2 {
		dataBytes = uint32(samples) * 2
		riffBytes = dataBytes + HeaderBytes - 8
	}
	le := binary.LittleEndian
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, riffBytes)
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, 16)
	dst = le.AppendUint16(dst, formatPCM)
	dst = le.AppendUint16(dst, 1) // channels
	dst = le.AppendUint32(dst, uint32(rate))
	dst = le.AppendUint32(dst, uint32(rate)*2) // bytes a second
	dst = le.AppendUint16(dst, 2)              // bytes a frame
	dst = le.AppendUint16(dst, 16)             // bits a sample
	dst = append(dst, "data"...)
	return le.AppendUint32(dst, dataBytes)
}

// Encode returns a WAV file of samples in PCM16, one channel. Samples are
// rounded to the nearest step, halves away from zero; values outside [-1, 1)
// are clipped and NaN counts as 0.
func Encode(rate audio.Rate, samples []float32) []byte {
	dst := make([]byte, 0, HeaderBytes+2*len(samples))
	dst = AppendHeader(dst, rate, len(samples))
	for _, v := range samples {
		step := math.Round(float64(v) * 32768)
		if step != step { // NaN
			step = 0
		}
		step = min(max(step, math.MinInt16), math.MaxInt16)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(int16(step)))
	}
	return dst
}
