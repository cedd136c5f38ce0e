package rtc

import (
	"bytes"
	"errors"
	"net"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hark/media/jitter"
	"hark/media/opus"
)

// track takes a track of the client.
func (c *Conn) track(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	c.wg.Go(func() { drainReports(r) })
	switch t.Codec().MimeType {
	case webrtc.MimeTypeOpus, mimeRED:
		c.wg.Go(func() { c.runMicrophone(t) })
	case webrtc.MimeTypeVP8:
		c.wg.Go(func() { c.runCamera(t) })
	}
}

// drainReports reads what the client says of its own track, for the
// interceptors.
func drainReports(r *webrtc.RTPReceiver) {
	buf := make([]byte, rtpMTU)
	for {
		if _, _, err := r.Read(buf); err != nil {
			return
		}
	}
}

// runMicrophone makes a stream of samples of a track until it ends. Streams of
// several tracks would be heard as pieces of one, so a newer one takes over.
func (c *Conn) runMicrophone(t *webrtc.TrackRemote) {
	decoder, err := opus.NewDecoder()
	if err != nil {
		c.fail(err)
		return
	}
	own := c.microphones.Add(1)
	began := time.Now()
	buffer := jitter.New(opus.Clock)
	buf := make([]byte, rtpMTU)
	for {
		if at, ok := buffer.Next(); ok {
			_ = t.SetReadDeadline(began.Add(at))
		}
		n, _, err := t.Read(buf)
		switch {
		case err == nil:
			pushSound(buffer, buf[:n], t.Codec().MimeType == mimeRED, time.Since(began))
		case !timedOut(err):
			return
		}
		for {
			p, ok := buffer.Pop(time.Since(began))
			if !ok {
				break
			}
			if samples := decoder.Piece(p); c.microphones.Load() == own {
				c.hear(samples)
			}
		}
	}
}

// timedOut reports whether reading ended because something is due.
func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// pushSound hands an RTP packet of Opus to a buffer, and of what it repeats
// (RED) what has not come. Some packets have no sound and only probe the
// network; what is broken counts as one of them.
func pushSound(buffer *jitter.Buffer, data []byte, red bool, now time.Duration) {
	var p rtp.Packet
	if p.Unmarshal(data) != nil {
		return
	}
	blocks := []block{{payload: p.Payload}}
	if red {
		if repeated, err := redBlocks(p.Payload); err == nil {
			blocks = repeated
		} else {
			blocks[0].payload = nil
		}
	}
	for i, b := range blocks {
		older := len(blocks) - 1 - i
		number := p.SequenceNumber - uint16(older)
		if older > 0 && !buffer.Awaits(number) {
			continue
		}
		ticks, err := opus.Ticks(b.payload)
		if err != nil {
			ticks = 0
			if older > 0 {
				continue
			}
		}
		buffer.Push(jitter.Packet{Number: number, Time: p.Timestamp - b.before, Ticks: ticks, Payload: bytes.Clone(b.payload)}, now)
	}
}
