package rtc

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"hark/media/video"
)

const videoClock = 90000 // ticks a second

// How often a keyframe is asked for. Browsers send at most three a second,
// whoever asks, and what comes between keyframes is not decoded. While somebody
// speaks, the newest is at most a third of a second old when it is shown to the
// model; between utterances one a second is there for who begins to speak or
// asks in writing.
const (
	watchEvery = time.Second / 3
	idleEvery  = time.Second
)

// Watch says whether somebody is speaking, who may be asking about what the
// camera sees: then pictures come more often.
func (c *Conn) Watch(closely bool) {
	select {
	case <-c.looking:
	default:
	}
	select {
	case c.looking <- closely:
	default: // somebody else has just said so
	}
}

// runCamera reads a camera's track until it ends.
func (c *Conn) runCamera(t *webrtc.TrackRemote) {
	var frames video.Keyframes
	var decoded time.Time
	asked, every := time.Time{}, idleEvery
	buf := make([]byte, rtpMTU)
	for {
		select {
		case closely := <-c.looking:
			if every = idleEvery; closely {
				every = watchEvery
			}
		default:
		}
		now := time.Now()
		if now.Sub(asked) >= every {
			asked = now
			_ = c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}}) // asked again soon
		}
		_ = t.SetReadDeadline(now.Add(min(every-now.Sub(asked), watchEvery))) // Watch is looked at then
		n, _, err := t.Read(buf)
		if err != nil {
			if timedOut(err) {
				continue
			}
			return
		}
		var p rtp.Packet
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		frame := frames.Push(p.SequenceNumber, p.Timestamp, p.Marker, p.Payload)
		if frame == nil || time.Since(decoded) < watchEvery*3/4 {
			continue // a camera that sends more keyframes than were asked for
		}
		picture, err := video.Decode(frame, c.o.FullRange)
		if err != nil {
			c.o.Log.Debug("camera", "err", err)
			continue
		}
		decoded = time.Now()
		c.see(picture)
	}
}
