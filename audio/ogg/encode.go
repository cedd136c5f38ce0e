package ogg

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tphakala/go-opus/oggopus"
)

// OpusRate is the rate of what a Writer takes, 48 kHz.
const OpusRate = oggopus.OutputSampleRate

// speechBitrate is enough for speech, in bits a second.
const speechBitrate = 48000

// Writer writes an Ogg file with one channel of Opus. It is not safe for
// concurrent use.
type Writer struct {
	e   *oggopus.Encoder
	raw []byte
}

// NewWriter begins a file.
func NewWriter(w io.Writer) (*Writer, error) {
	e, err := oggopus.NewEncoder(w, oggopus.Config{SampleRate: OpusRate, Channels: 1, Bitrate: speechBitrate, ConstrainedVBR: true})
	if err != nil {
		return nil, fmt.Errorf("ogg: %w", err)
	}
	return &Writer{e: e}, nil
}

// Write adds samples at OpusRate.
func (w *Writer) Write(samples []int16) error {
	w.raw = w.raw[:0]
	for _, v := range samples {
		w.raw = binary.LittleEndian.AppendUint16(w.raw, uint16(v))
	}
	if _, err := w.e.Write(w.raw); err != nil {
		return fmt.Errorf("ogg: %w", err)
	}
	return nil
}

// Close ends the file.
func (w *Writer) Close() error {
	if err := w.e.Close(); err != nil {
		return fmt.Errorf("ogg: %w", err)
	}
	return nil
}
