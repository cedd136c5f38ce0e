package rtc

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hark/audio"
	"hark/audio/resample"
	"hark/media"
	"hark/media/opus"
)

const (
	frameTime = 20 * time.Millisecond
	// catchUp is how many frames are sent at once after the machine was too
	// busy to send them in time. What is later than that is skipped: it would
	// only fill the client's buffer.
	catchUp = 3
	// settled is how many frames of silence it takes until one is like the
	// next, bit for bit. From then on the last is sent again.
	settled = 50
)

// voice is the server's side of the sound: what is said waits here and is sent
// at the pace of the clock. Where nothing is said, silence is.
type voice struct {
	track *webrtc.TrackLocalStaticRTP

	started chan struct{}
	once    sync.Once

	mu     sync.Mutex
	queue  []media.Audio // as it came
	ready  []float32     // at 48 kHz
	stream *resample.Stream
	rate   int // of stream

	// Of the pacer alone.
	encoder *opus.Encoder
	header  rtp.Header
	silent  int // frames of silence so far
	silence []byte
}

func newVoice() (*voice, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: opus.Clock, Channels: 2}, "voice", "hark")
	if err != nil {
		return nil, fmt.Errorf("rtc: %w", err)
	}
	encoder, err := opus.NewEncoder()
	if err != nil {
		return nil, err
	}
	return &voice{track: track, encoder: encoder, started: make(chan struct{})}, nil
}

// start lets the pacer run.
func (v *voice) start() { v.once.Do(func() { close(v.started) }) }

// Play queues sound behind what is queued.
func (c *Conn) Play(a media.Audio) error {
	if a.Rate < int(resample.MinRate) || a.Rate > int(resample.MaxRate) {
		return fmt.Errorf("rtc: cannot play %d samples a second", a.Rate)
	}
	v := c.voice
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(a.Samples) > 0 {
		v.queue = append(v.queue, a)
	}
	return nil
}

// Queued returns how much of what was queued has not been sent yet.
func (c *Conn) Queued() time.Duration {
	c.voice.mu.Lock()
	defer c.voice.mu.Unlock()
	return c.voice.left()
}

// Clear drops what has not been sent yet and returns how much that was.
func (c *Conn) Clear() time.Duration {
	v := c.voice
	v.mu.Lock()
	defer v.mu.Unlock()
	left := v.left()
	v.queue, v.ready, v.stream = nil, v.ready[:0], nil
	return left
}

// left returns how much has not been sent. The caller holds mu.
func (v *voice) left() time.Duration {
	d := time.Duration(len(v.ready)) * time.Second / opus.EncodedRate
	for _, a := range v.queue {
		d += time.Duration(len(a.Samples)) * time.Second / time.Duration(a.Rate)
	}
	return d
}

// next moves the next frame to out and returns how many samples it has: all,
// or fewer where the queue ends, none in silence.
func (v *voice) next(out []float32) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.ready) < len(out) && len(v.queue) > 0 {
		a := v.queue[0]
		v.queue = v.queue[1:]
		if v.stream == nil || v.rate != a.Rate {
			v.finish()
			stream, err := resample.New(audio.Rate(a.Rate), opus.EncodedRate)
			if err != nil {
				continue // Play saw to the rate
			}
			v.stream, v.rate = stream, a.Rate
		}
		v.ready = append(v.ready, v.stream.Push(a.Samples)...)
	}
	if len(v.ready) < len(out) {
		v.finish()
	}
	n := copy(out, v.ready)
	v.ready = v.ready[:copy(v.ready, v.ready[n:])]
	return n
}

// finish takes what the resampler holds back. The caller holds mu.
func (v *voice) finish() {
	if v.stream != nil {
		v.ready = append(v.ready, v.stream.Flush()...)
		v.stream = nil
	}
}

// runVoice sends a frame every 20 ms while the call goes on.
func (c *Conn) runVoice() {
	v := c.voice
	select {
	case <-v.started:
	case <-c.closing:
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	frame := make([]float32, opus.FrameSamples)
	for due := time.Now(); ; {
		select {
		case <-timer.C:
		case <-c.closing:
			return
		}
		if late := time.Since(due); late > catchUp*frameTime {
			skip := late / frameTime
			due = due.Add(skip * frameTime)
			v.header.Timestamp += uint32(skip) * opus.FrameSamples
		}
		for ; time.Until(due) <= 0; due = due.Add(frameTime) {
			if err := v.send(frame[:v.next(frame)]); err != nil {
				c.o.Log.Debug("voice", "err", err) // the connection is about to end
			}
		}
		timer.Reset(time.Until(due))
	}
}

// send sends a frame.
func (v *voice) send(samples []float32) error {
	packet := v.silence
	v.silent++
	if len(samples) > 0 {
		v.silent, v.silence = 0, nil
	}
	if v.silence == nil {
		var err error
		if packet, err = v.encoder.Encode(samples); err != nil {
			return err
		}
		if v.silent >= settled {
			v.silence = append([]byte(nil), packet...)
		}
	}
	v.header.Version = 2
	v.header.SequenceNumber++
	v.header.Timestamp += opus.FrameSamples
	// The first packet of a talkspurt is marked (RFC 7587, 4.2, RFC 3551, 4.1).
	return v.track.WriteRTP(&rtp.Packet{Header: v.header, Payload: packet})
}
