// Package mediatest helps to test what speaks media.Conn: a connection in
// memory, and a suite that every transport has to pass.
//
// Start reading at Pipe and TestConn.
package mediatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"hark/media"
)

// ErrClosed is what a connection in memory says after its end.
var ErrClosed = errors.New("mediatest: closed")

// queue is the number of packets that wait in each direction. A full queue
// makes the sender wait.
const queue = 256

// Client is the far side of a connection: what a program that talks to hark
// does.
type Client interface {
	// Send sends one event.
	Send(event []byte) error
	// Recv waits for the next event. io.EOF: the server closed.
	Recv() ([]byte, error)
	// Close leaves in order.
	Close() error
	// Vanish breaks the connection, as a cable that is pulled.
	Vanish()
	// CloseCode returns the code and the reason of the server's close, once
	// Recv returned io.EOF.
	CloseCode() (int, string)
}

// pipe is a connection in memory. conn and client are its two ends.
type pipe struct {
	up, down chan []byte
	gone     chan struct{} // closed: the client vanished
	left     chan struct{} // closed: the client left in order
	closed   chan struct{} // closed: the server closed

	mu     sync.Mutex
	code   int
	reason string
}

// Pipe returns a connection in memory and its client. It works in a bubble of
// testing/synctest.
func Pipe() (media.Conn, Client) {
	p := &pipe{
		up:     make(chan []byte, queue),
		down:   make(chan []byte, queue),
		gone:   make(chan struct{}),
		left:   make(chan struct{}),
		closed: make(chan struct{}),
	}
	return (*conn)(p), (*client)(p)
}

type conn pipe

// Recv returns what the client sent.
func (c *conn) Recv(ctx context.Context) (media.Packet, error) {
	// What was sent before the end comes before it.
	select {
	case data := <-c.up:
		return media.Event(data), nil
	default:
	}
	select {
	case data := <-c.up:
		return media.Event(data), nil
	case <-c.left:
		select {
		case data := <-c.up:
			return media.Event(data), nil
		default:
			return nil, io.EOF
		}
	case <-c.gone:
		return nil, fmt.Errorf("%w: the client is gone", ErrClosed)
	case <-c.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Send hands an event to the client.
func (c *conn) Send(ctx context.Context, p media.Packet) error {
	ev, ok := p.(media.Event)
	if !ok {
		return fmt.Errorf("mediatest: %T, want an event", p)
	}
	select {
	case <-c.gone:
		return ErrClosed
	case <-c.left:
		return ErrClosed
	case <-c.closed:
		return ErrClosed
	default:
	}
	select {
	case c.down <- append([]byte(nil), ev...):
		return nil
	case <-c.gone:
		return ErrClosed
	case <-c.left:
		return ErrClosed
	case <-c.closed:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the connection.
func (c *conn) Close(code int, reason string) error {
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

type client pipe

func (c *client) Send(event []byte) error {
	select {
	case <-c.closed:
		return ErrClosed
	case <-c.gone:
		return ErrClosed
	case c.up <- append([]byte(nil), event...):
		return nil
	}
}

func (c *client) Recv() ([]byte, error) {
	select {
	case data := <-c.down:
		return data, nil
	default:
	}
	select {
	case data := <-c.down:
		return data, nil
	case <-c.gone:
		return nil, ErrClosed
	case <-c.closed:
		select {
		case data := <-c.down:
			return data, nil
		default:
			return nil, io.EOF
		}
	}
}

func (c *client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.left:
	default:
		close(c.left)
	}
	return nil
}

func (c *client) Vanish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
}

func (c *client) CloseCode() (int, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.reason
}
