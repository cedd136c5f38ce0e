// Package opus turns the packets of a WebRTC sound track into samples for the
// model, and samples of a voice into packets. Opus is RFC 6716; as a codec of
// RTP it is RFC 7587, whose clock runs at 48 kHz whatever is coded.
//
// Sound is decoded straight to 16 kHz mono: the decoder makes no more than the
// model hears.
//
// Start reading at Decoder.
package opus

import (
	"errors"
	"fmt"

	"github.com/tphakala/go-opus/opus"

	"hark/media/jitter"
)

// Clock is the rate of RTP timestamps, in ticks a second.
const Clock = 48000

// The sound of a Decoder and of an Encoder.
const (
	DecodedRate = 16000 // samples a second, mono
	EncodedRate = 48000 // samples a second, mono
	// FrameSamples is what an Encoder takes at a time: 20 ms.
	FrameSamples = EncodedRate / 50
	// Bitrate is what an Encoder makes, in bits a second. It is constant, so
	// that the lengths of packets tell nobody what is said.
	Bitrate = 48000
)

const (
	ticksPerSample = Clock / DecodedRate
	maxTicks       = Clock * 120 / 1000 // of a packet (RFC 6716, 3.2.5)
	concealTicks   = Clock / 50         // concealed at a time
	stepTicks      = Clock / 400        // 2.5 ms, what concealment is a multiple of
)

// ErrPacket is a packet that is not Opus.
var ErrPacket = errors.New("opus: not a packet")

// Ticks returns how long the sound of a packet lasts: 120 to 5760 ticks of the
// RTP clock.
func Ticks(packet []byte) (int, error) {
	n, err := opus.PacketDuration(packet)
	if err != nil || n <= 0 || n > maxTicks {
		return 0, ErrPacket
	}
	return n, nil
}

// Decoder decodes the packets of one stream, in order. It is not safe for
// concurrent use. What its methods return is valid until the next call.
type Decoder struct {
	codec   *opus.Decoder
	pcm     []int16
	samples []float32
}

// NewDecoder returns a decoder at the beginning of a stream.
func NewDecoder() (*Decoder, error) {
	codec, err := opus.NewDecoder(DecodedRate, 1)
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &Decoder{codec: codec, pcm: make([]int16, maxTicks/ticksPerSample)}, nil
}

// Decode returns the sound of a packet. ErrPacket: it is none.
func (d *Decoder) Decode(packet []byte) ([]float32, error) {
	if len(packet) == 0 { // the codec would take it for a loss
		return nil, ErrPacket
	}
	n, err := d.codec.Decode(packet, d.pcm)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPacket, err)
	}
	return d.floats(d.pcm[:n]), nil
}

// Recover returns the sound of so many ticks that were lost right before next:
// the last packet's worth of them from the copy that next may carry (in-band
// forward error correction), the rest as by Conceal.
func (d *Decoder) Recover(ticks int, next []byte) []float32 {
	own, err := Ticks(next)
	if err != nil || own > ticks {
		return d.Conceal(ticks)
	}
	out := append([]float32(nil), d.Conceal(ticks-own)...)
	pcm := d.pcm[:own/ticksPerSample]
	if n, err := d.codec.DecodeFEC(next, pcm); err != nil || n != len(pcm) {
		return append(out, d.Conceal(own)...)
	}
	d.samples = append(out, d.floats(pcm)...)
	return d.samples
}

// Conceal returns sound for so many lost ticks: what was heard goes on and
// fades.
func (d *Decoder) Conceal(ticks int) []float32 {
	d.samples = d.samples[:0]
	for ticks > 0 {
		n := min(ticks, concealTicks)
		ticks -= n
		// The codec conceals whole steps; what is more is dropped.
		whole := (n + stepTicks - 1) / stepTicks * stepTicks
		pcm := d.pcm[:whole/ticksPerSample]
		if got, err := d.codec.Decode(nil, pcm); err != nil || got != len(pcm) {
			clear(pcm)
		}
		d.samples = appendFloats(d.samples, pcm[:n/ticksPerSample])
	}
	return d.samples
}

// Piece returns the sound of a piece of a jitter buffer: as many samples as it
// lasts.
func (d *Decoder) Piece(p jitter.Piece) []float32 {
	switch p.Kind {
	case jitter.Frame:
		if s, err := d.Decode(p.Payload); err == nil {
			return s
		}
	case jitter.Lost:
		if p.Payload != nil {
			return d.Recover(p.Ticks, p.Payload)
		}
	case jitter.Silence:
		return make([]float32, p.Ticks/ticksPerSample)
	}
	return d.Conceal(p.Ticks)
}

func (d *Decoder) floats(pcm []int16) []float32 {
	d.samples = appendFloats(d.samples[:0], pcm)
	return d.samples
}

func appendFloats(out []float32, pcm []int16) []float32 {
	for _, v := range pcm {
		out = append(out, float32(v)/32768)
	}
	return out
}

// Encoder encodes one stream. It is not safe for concurrent use.
type Encoder struct {
	codec  *opus.Encoder
	pcm    [FrameSamples]int16
	packet [1276]byte
}

// NewEncoder returns an encoder at the beginning of a stream.
func NewEncoder() (*Encoder, error) {
	codec, err := opus.NewEncoder(opus.EncoderConfig{SampleRate: EncodedRate, Channels: 1, Bitrate: Bitrate, CBR: true, Complexity: 5})
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &Encoder{codec: codec}, nil
}

// Encode returns the packet of FrameSamples samples; fewer end in silence. It
// is valid until the next call.
func (e *Encoder) Encode(samples []float32) ([]byte, error) {
	for i := range e.pcm {
		v := float32(0)
		if i < len(samples) {
			v = samples[i]
		}
		e.pcm[i] = int16(max(-32768, min(32767, v*32768)))
	}
	n, err := e.codec.Encode(e.pcm[:], e.packet[:])
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return e.packet[:n], nil
}
