// Package media is the contract between a session and whatever carries it: a
// connection that receives and sends packets. It knows nothing of models.
//
// Start reading at Conn.
package media

import (
	"context"
	"time"
)

// Event is one JSON event of the realtime protocol, a whole text frame.
type Event []byte

// Audio is mono sound in [-1, 1] that a transport carries outside the events
// (a WebRTC track). Gaps are filled already, so that samples are continuous.
type Audio struct {
	Rate    int // samples per second
	Samples []float32
}

// Picture is one encoded camera frame (JPEG or PNG) carried outside the
// events.
type Picture []byte

// Packet is what a connection carries: an Event, Audio or a Picture.
type Packet interface{ isPacket() }

func (Event) isPacket()   {}
func (Audio) isPacket()   {}
func (Picture) isPacket() {}

// Conn carries one session. Recv and Send may run at the same time, each from
// one goroutine; Close may be called from any, more than once.
type Conn interface {
	// Recv returns the next packet. io.EOF: the client left in order. Other
	// errors end the connection.
	Recv(ctx context.Context) (Packet, error)
	// Send queues or writes a packet. It returns an error once the client is
	// gone or too slow; after that the connection is unusable.
	Send(ctx context.Context, p Packet) error
	// Close ends the connection, telling the client why where the transport
	// can, and returns when the transport's goroutines have ended.
	Close(code int, reason string) error
}

// Player is a Conn that plays what the session says itself, at the pace of the
// clock and outside the events, as on a WebRTC track. The session calls it from
// the goroutine that sends.
type Player interface {
	Conn
	// Play queues sound behind what is queued. It does not wait; the samples
	// are the player's from then on.
	Play(a Audio) error
	// Queued returns how much of what was queued has not been played yet.
	Queued() time.Duration
	// Clear drops what has not been played yet and returns how much that was.
	Clear() time.Duration
}

// Watcher is a Conn with a camera that sends pictures outside the events, as
// often as it is watched. The session calls it from the goroutine that sends.
type Watcher interface {
	Conn
	// Watch says whether somebody is speaking now, who may be asking about
	// what is seen: then pictures should come often.
	Watch(closely bool)
}
