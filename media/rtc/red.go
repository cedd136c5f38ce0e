package rtc

import (
	"encoding/binary"
	"errors"

	"github.com/pion/webrtc/v4"
)

// RED is sound with earlier packets repeated in each (RFC 2198). Browsers that
// have it send the packet before along, at the full rate, which is heard where
// that was lost.
const (
	mimeRED = "audio/red"
	// redFormat names the payload types of what is repeated, and of what is
	// sent: Opus, as browsers number it. Where it has another number there is
	// no RED.
	redFormat = "111/111"
	redType   = 63
)

// maxBlocks is how many packets are read of one.
const maxBlocks = 8

var errRED = errors.New("rtc: broken RED")

// block is one of the packets in a packet.
type block struct {
	before  uint32 // ticks that it is older than the packet
	payload []byte
}

// redBlocks returns the packets of a payload, the oldest first and the packet
// itself last. They share its memory.
func redBlocks(payload []byte) ([]block, error) {
	var list [maxBlocks]block
	var sizes [maxBlocks]int
	for n := 0; n < maxBlocks; n++ {
		if len(payload) == 0 {
			return nil, errRED
		}
		if payload[0]&0x80 == 0 { // the last has no length
			payload = payload[1:]
			for i := range n {
				if sizes[i] > len(payload) {
					return nil, errRED
				}
				list[i].payload, payload = payload[:sizes[i]], payload[sizes[i]:]
			}
			list[n].payload = payload
			return list[:n+1], nil
		}
		if len(payload) < 4 {
			return nil, errRED
		}
		head := binary.BigEndian.Uint32(payload)
		list[n].before, sizes[n] = head>>10&0x3fff, int(head&0x3ff)
		payload = payload[4:]
	}
	return nil, errRED
}

// preferRED makes a client that can send RED do so: it takes the first codec of
// the answer.
func preferRED(t *webrtc.RTPTransceiver) error {
	var list []webrtc.RTPCodecParameters
	for _, c := range []webrtc.RTPCodecCapability{redCodec(), opusCodec()} {
		list = append(list, webrtc.RTPCodecParameters{RTPCodecCapability: c}) // under the numbers of the offer
	}
	return t.SetCodecPreferences(list)
}
