package server

import (
	"io"
	"net"
	"sync"
	"time"
)

// sharedPort lets HTTP and ICE over TCP have one port. What a client says first
// tells them apart: ICE begins with the length of a STUN message, in two bytes
// of which the first is 0 to 3 (RFC 4571), HTTP with a letter and TLS with 22.
type sharedPort struct {
	net.Listener
	ice *iceListener
}

func sharePort(ln net.Listener) *sharedPort {
	return &sharedPort{ln, &iceListener{addr: ln.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}}
}

// Accept returns a connection whose first bytes may take it away from HTTP.
func (s *sharedPort) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err // the listener's own
	}
	return &undecided{Conn: conn, ice: s.ice}, nil
}

// iceListener hands connections to ICE.
type iceListener struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept returns the next connection that turned out to be ICE's.
func (l *iceListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept return. The port stays open, for HTTP.
func (l *iceListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the address of the port.
func (l *iceListener) Addr() net.Addr { return l.addr }

// undecided is a connection of which nothing has been read yet. If it is
// ICE's, HTTP sees it end, and touches it no more.
type undecided struct {
	net.Conn
	ice *iceListener

	mu    sync.Mutex
	known bool // something was read
	taken bool // it is ICE's
}

// maxICE is the largest first byte of ICE.
const maxICE = 3

// Read reads. The first bytes decide.
func (c *undecided) Read(p []byte) (int, error) {
	c.mu.Lock()
	known, taken := c.known, c.taken
	c.mu.Unlock()
	if taken {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if known || n == 0 {
		return n, err
	}
	c.mu.Lock()
	c.known, c.taken = true, p[0] <= maxICE
	taken = c.taken
	c.mu.Unlock()
	if !taken {
		return n, err
	}
	_ = c.Conn.SetDeadline(time.Time{}) // HTTP's
	select {
	case c.ice.conns <- &begun{Conn: c.Conn, first: append([]byte(nil), p[:n]...)}:
	case <-c.ice.closed:
		c.Conn.Close() // nobody takes it
	}
	return 0, io.EOF
}

func (c *undecided) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken
}

// Close closes the connection, unless it is ICE's.
func (c *undecided) Close() error {
	if c.gone() {
		return nil
	}
	return c.Conn.Close()
}

// SetDeadline sets both deadlines, unless the connection is ICE's.
func (c *undecided) SetDeadline(t time.Time) error {
	if c.gone() {
		return nil
	}
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline sets the deadline of reading, unless the connection is ICE's.
func (c *undecided) SetReadDeadline(t time.Time) error {
	if c.gone() {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of writing, unless the connection is
// ICE's.
func (c *undecided) SetWriteDeadline(t time.Time) error {
	if c.gone() {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// begun is a connection of which the first bytes have been read.
type begun struct {
	net.Conn
	first []byte
}

// Read reads the first bytes again, then goes on.
func (c *begun) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
