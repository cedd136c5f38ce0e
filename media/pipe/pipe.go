// Package pipe carries a session inside one process: a program that embeds hark
// holds the far end of the connection in its hands, without a network. What its
// microphone hears and its camera sees goes in as it is; events and the voice
// come out.
//
//	conn, program := pipe.New(nil)
//	go session.Run(ctx, conn, session.Options{Engine: …})
//	program.Hear(media.Audio{Rate: 48000, Samples: …})  // the microphone's callback
//	n, err := program.Read(samples)                     // the speaker's callback
//	event, err := program.Recv()
//
// Start reading at New; the voice's way is in voice.go.
package pipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"hark/audio"
	"hark/media"
)

// The limits of a connection.
const (
	// Queue is the number of packets that wait in each direction. Towards the
	// session a full queue makes the program wait.
	Queue = 256
	// SlowAfter is how long the queue of events may be full before the program
	// counts as too slow, and the session ends.
	SlowAfter = 5 * time.Second
)

// Errors that callers tell apart.
var (
	// ErrSlow: the program does not take its events.
	ErrSlow = errors.New("pipe: the program does not read its events")
	// ErrClosed: one of the ends was closed.
	ErrClosed = errors.New("pipe: closed")
)

// Options are the choices of a connection. The zero value works.
type Options struct {
	// Rate is that of the voice as Program.Read gives it, in samples a second;
	// 0 is 24000.
	Rate audio.Rate
}

// Conn is the session's end. It is a media.Player: the program plays what it
// says.
type Conn struct {
	up     chan media.Packet // holds Queue. Full: the program waits
	down   chan []byte       // holds Queue events. Full for SlowAfter: the session ends
	left   chan struct{}     // closed: the program left
	closed chan struct{}     // closed: the session closed
	voice  voice

	mu     sync.Mutex
	code   int
	reason string
}

var _ media.Player = (*Conn)(nil)

// Program is the program's end. Send, Hear and See may be called from any
// goroutine, Recv from one, Read from another.
type Program struct{ c *Conn }

// New makes a connection. nil options are the defaults. A rate outside of what
// audio/resample takes shows when something is first said.
func New(o *Options) (*Conn, *Program) {
	c := &Conn{
		up:     make(chan media.Packet, Queue),
		down:   make(chan []byte, Queue),
		left:   make(chan struct{}),
		closed: make(chan struct{}),
		voice:  voice{rate: 24000},
	}
	if o != nil && o.Rate != 0 {
		c.voice.rate = o.Rate
	}
	return c, &Program{c}
}

// Recv returns what the program sent, and io.EOF once it left.
func (c *Conn) Recv(ctx context.Context) (media.Packet, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select { // what was sent before the end comes before it
	case p := <-c.up:
		return p, nil
	default:
	}
	select {
	case p := <-c.up:
		return p, nil
	case <-c.left:
		select {
		case p := <-c.up:
			return p, nil
		default:
			return nil, io.EOF
		}
	case <-c.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Send hands an event to the program.
func (c *Conn) Send(ctx context.Context, p media.Packet) error {
	event, ok := p.(media.Event)
	if !ok {
		return fmt.Errorf("pipe: a %T, want an event", p)
	}
	if c.over() {
		return ErrClosed
	}
	select {
	case c.down <- event:
		return nil
	default:
	}
	slow := time.NewTimer(SlowAfter)
	defer slow.Stop()
	select {
	case c.down <- event:
		return nil
	case <-c.left:
		return ErrClosed
	case <-c.closed:
		return ErrClosed
	case <-slow.C:
		return ErrSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over reports whether one of the ends was closed.
func (c *Conn) over() bool {
	select {
	case <-c.left:
		return true
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Close ends the connection. The program's Recv gives what it has not read, and
// then io.EOF.
func (c *Conn) Close(code int, reason string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
	default:
		c.code, c.reason = code, reason
		close(c.closed)
	}
	return nil
}

// Play queues what the session says.
func (c *Conn) Play(a media.Audio) error { return c.voice.add(a) }

// Queued returns how much of it the program has not read.
func (c *Conn) Queued() time.Duration { return c.voice.queued() }

// Clear drops what the program has not read.
func (c *Conn) Clear() time.Duration { return c.voice.clear() }

// Send sends one event of the realtime protocol, as JSON.
func (p *Program) Send(event []byte) error { return p.send(media.Event(event)) }

// Hear sends sound of the microphone, of any rate that audio/resample takes. The
// samples are the session's from then on.
func (p *Program) Hear(a media.Audio) error { return p.send(a) }

// See sends a frame of the camera, as JPEG or PNG. The session shows the newest
// with what the user says next.
func (p *Program) See(frame media.Picture) error { return p.send(frame) }

func (p *Program) send(packet media.Packet) error {
	if p.c.over() {
		return ErrClosed
	}
	select {
	case p.c.up <- packet:
		return nil
	case <-p.c.left:
		return ErrClosed
	case <-p.c.closed:
		return ErrClosed
	}
}

// Recv waits for the next event, as JSON. io.EOF: the session has ended, see
// CloseCode; ErrClosed: Close was called.
func (p *Program) Recv() ([]byte, error) {
	select { // what was sent before the end comes before it
	case event := <-p.c.down:
		return event, nil
	default:
	}
	select {
	case event := <-p.c.down:
		return event, nil
	case <-p.c.left:
		return nil, ErrClosed
	case <-p.c.closed:
		select {
		case event := <-p.c.down:
			return event, nil
		default:
			return nil, io.EOF
		}
	}
}

// Read fills samples with what is to be heard now, mono in [-1, 1] at the rate
// of the options, and returns how many there were: 0 is silence. It never waits,
// so that a sound card's callback can call it. What was read counts as heard;
// when the user interrupts, what was not is gone.
func (p *Program) Read(samples []float32) int { return p.c.voice.read(samples) }

// Close leaves. The session ends as if a client had left in order.
func (p *Program) Close() error {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	select {
	case <-p.c.left:
	default:
		close(p.c.left)
	}
	return nil
}

// CloseCode returns the code and the reason of the session's end, once Recv
// returned io.EOF: see docs/protocol.md.
func (p *Program) CloseCode() (code int, reason string) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.code, p.c.reason
}
