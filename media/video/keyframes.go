// Package video takes the pictures of a camera out of a WebRTC track: VP8, of
// which only keyframes are read. A keyframe is a whole picture; a conversation
// needs one now and then, and can ask for it.
//
// Start reading at Keyframes.Push, then Decode.
package video

// The limits of a keyframe.
const (
	maxBytes   = 2 << 20
	maxPackets = 2048
	// together is how many frames may arrive at the same time, because of
	// reordering and packets that are sent again. Full: the oldest is given
	// up.
	together = 4
)

// Keyframes puts keyframes together of the RTP packets of a track (RFC 7741).
// It is not safe for concurrent use.
type Keyframes struct {
	frames []*frame // the oldest first
}

// frame is a frame of which packets have arrived.
type frame struct {
	time        uint32
	first, last uint16 // packet numbers, once known
	begun, over bool   // first, last are known
	plain       bool   // it is no keyframe: nothing of it is kept
	parts       map[uint16][]byte
	bytes       int
}

// Push takes the payload of a packet and returns the keyframe that it
// completes, nil for none. The payload is the caller's again.
func (k *Keyframes) Push(number uint16, time uint32, marker bool, payload []byte) []byte {
	data, start, ok := descriptor(payload)
	if !ok || len(data) == 0 {
		return nil
	}
	f := k.frame(time)
	if f == nil || f.plain {
		return nil
	}
	if start {
		f.first, f.begun = number, true
		if data[0]&1 != 0 { // RFC 6386, 9.1: 0 is a keyframe
			f.plain, f.parts = true, nil
			return nil
		}
	}
	if marker {
		f.last, f.over = number, true
	}
	if _, twice := f.parts[number]; !twice {
		f.parts[number] = append([]byte(nil), data...)
		f.bytes += len(data)
	}
	if f.bytes > maxBytes || len(f.parts) > maxPackets {
		f.plain, f.parts = true, nil
		return nil
	}
	return f.whole()
}

// frame returns the frame of a timestamp, nil for one that was given up.
func (k *Keyframes) frame(time uint32) *frame {
	for _, f := range k.frames {
		if f.time == time {
			return f
		}
	}
	if n := len(k.frames); n > 0 && int32(time-k.frames[n-1].time) < 0 && n == together {
		return nil
	}
	f := &frame{time: time, parts: map[uint16][]byte{}}
	k.frames = append(k.frames, f)
	if len(k.frames) > together {
		k.frames = append(k.frames[:0], k.frames[1:]...)
	}
	return f
}

// whole returns the frame if all its packets are there, and forgets them.
func (f *frame) whole() []byte {
	if !f.begun || !f.over {
		return nil
	}
	n := int(f.last-f.first) + 1
	if n > len(f.parts) {
		return nil
	}
	out := make([]byte, 0, f.bytes)
	for i := range n {
		part, ok := f.parts[f.first+uint16(i)]
		if !ok {
			return nil
		}
		out = append(out, part...)
	}
	f.plain, f.parts = true, nil
	return out
}

// descriptor cuts the payload descriptor off (RFC 7741, 4.2). start: what
// follows is the beginning of a frame.
func descriptor(p []byte) (data []byte, start, ok bool) {
	at := 1
	if len(p) < at {
		return nil, false, false
	}
	start = p[0]&0x10 != 0 && p[0]&0x0f == 0 // S, and the first partition
	if p[0]&0x80 != 0 {                      // X
		if len(p) < 2 {
			return nil, false, false
		}
		extension := p[1]
		at++
		if extension&0x80 != 0 { // I, a picture id of 7 or 15 bits
			if len(p) <= at {
				return nil, false, false
			}
			if p[at]&0x80 != 0 {
				at++
			}
			at++
		}
		if extension&0x40 != 0 { // L
			at++
		}
		if extension&0x30 != 0 { // T or K
			at++
		}
	}
	if len(p) < at {
		return nil, false, false
	}
	return p[at:], start, true
}
