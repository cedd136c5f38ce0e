package rtc

import (
	"github.com/pion/webrtc/v4"
)

const videoClock = 90000 // ticks a second

// runCamera reads a camera's track until it ends.
func (c *Conn) runCamera(t *webrtc.TrackRemote) {
	buf := make([]byte, rtpMTU)
	for {
		if _, _, err := t.Read(buf); err != nil {
			return
		}
	}
}
