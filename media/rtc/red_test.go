package rtc

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hark/media/jitter"
	"hark/media/opus"
)

// What a packet repeats is heard where it was lost, once, in its place.
func TestLostPacketsComeOfThoseBehindThem(t *testing.T) {
	encoder, err := opus.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	var sent [][]byte
	for range 10 {
		packet, err := encoder.Encode(make([]float32, opus.FrameSamples))
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, slices.Clone(packet))
	}
	buffer := jitter.New(opus.Clock)
	heard := 0
	for i := range sent {
		payload := append([]byte{111}, sent[i]...)
		if i > 0 {
			head := binary.BigEndian.AppendUint32(nil, (0x80|111)<<24|opus.FrameSamples<<10|uint32(len(sent[i-1])))
			payload = slices.Concat(head, []byte{111}, sent[i-1], sent[i])
		}
		if i == 3 || i == 7 {
			continue
		}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: redType, SequenceNumber: uint16(65533 + i), Timestamp: uint32(i * opus.FrameSamples)}, Payload: payload}
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		now := time.Duration(i) * 20 * time.Millisecond
		pushSound(buffer, data, true, now)
		for {
			piece, ok := buffer.Pop(now)
			if !ok {
				break
			}
			if piece.Kind != jitter.Frame || !slices.Equal(piece.Payload, sent[heard]) {
				t.Errorf("piece %d: %+v", heard, piece)
			}
			heard++
		}
	}
	if c := buffer.Counts(); heard != len(sent) || c.Lost != 0 || c.Late != 0 {
		t.Errorf("%d of %d packets were heard, %+v", heard, len(sent), c)
	}
}

func TestBrokenREDIsRefused(t *testing.T) {
	for _, payload := range [][]byte{nil, {0x80}, {0x80 | 111, 0, 0, 9, 111, 1}, {0x80 | 111, 0, 0, 0}, slices.Repeat([]byte{0xff}, 40)} {
		if blocks, err := redBlocks(payload); err == nil {
			t.Errorf("%x is %v", payload, blocks)
		}
	}
}
