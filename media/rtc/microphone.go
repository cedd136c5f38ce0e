package rtc

import (
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
	case webrtc.MimeTypeOpus:
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
			if p, ok := soundPacket(buf[:n]); ok {
				buffer.Push(p, time.Since(began))
			}
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

// soundPacket reads an RTP packet of Opus. Some have no sound and only probe the
// network; what is broken counts as one of them.
func soundPacket(data []byte) (jitter.Packet, bool) {
	var p rtp.Packet
	if p.Unmarshal(data) != nil {
		return jitter.Packet{}, false
	}
	ticks, err := opus.Ticks(p.Payload)
	if err != nil {
		ticks = 0
	}
	return jitter.Packet{Number: p.SequenceNumber, Time: p.Timestamp, Ticks: ticks, Payload: append([]byte(nil), p.Payload...)}, true
}
