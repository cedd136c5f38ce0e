package rtc

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/pion/ice/v4"
)

// maxStreams is how many connections over TCP one call may have: browsers try
// each of the server's addresses from each of their own.
const maxStreams = 32

// firstPacket is the longest first packet of a connection, as pion has it.
const firstPacket = 512

var errStranger = errors.New("rtc: this connection belongs to no call")

// callsOverTCP lets ICE have the connections over TCP that belong to a call,
// which the first packet says. pion itself would keep others for half a minute.
type callsOverTCP struct {
	*ice.TCPMuxDefault

	mu    sync.Mutex
	calls map[string]*streams // by the user name fragment of the server
}

// streams are the connections of a call.
type streams struct{ open int }

func newCallsOverTCP(p ice.TCPMuxParams) *callsOverTCP {
	c := &callsOverTCP{calls: map[string]*streams{}}
	p.Listener = knowing{p.Listener, c}
	c.TCPMuxDefault = ice.NewTCPMuxDefault(p)
	return c
}

// GetConnByUfrag is what pion begins a call with, or restarts one.
func (c *callsOverTCP) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	c.mu.Lock()
	if c.calls[ufrag] == nil {
		c.calls[ufrag] = &streams{}
	}
	c.mu.Unlock()
	return c.TCPMuxDefault.GetConnByUfrag(ufrag, isIPv6, local)
}

// RemoveConnByUfrag ends it.
func (c *callsOverTCP) RemoveConnByUfrag(ufrag string) {
	c.mu.Lock()
	delete(c.calls, ufrag)
	c.mu.Unlock()
	c.TCPMuxDefault.RemoveConnByUfrag(ufrag)
}

// enter counts a connection in, nil if it may not come.
func (c *callsOverTCP) enter(ufrag string) *streams {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.calls[ufrag]
	if s == nil || s.open >= maxStreams {
		return nil
	}
	s.open++
	return s
}

func (c *callsOverTCP) leave(s *streams) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.open--
}

// knowing is a listener whose connections end at once if they are no call's.
type knowing struct {
	net.Listener
	of *callsOverTCP
}

// Accept returns the next connection, of which nothing is known yet.
func (l knowing) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err // the listener's own
	}
	return &stream{Conn: conn, of: l.of}, nil
}

// stream is a connection. Its first packet is looked at before pion reads it.
// Reads are not concurrent.
type stream struct {
	net.Conn
	of    *callsOverTCP
	known bool
	first []byte // of the first packet, what has not been read

	closing sync.Mutex
	counts  *streams // where it counts, nil once it is closed
}

// Read reads the first packet if it names a call, and then what follows.
func (s *stream) Read(p []byte) (int, error) {
	if !s.known {
		packet, err := readFirst(s.Conn)
		if err != nil {
			return 0, err
		}
		in := s.of.enter(calleeOf(packet[2:]))
		if in == nil {
			return 0, errStranger
		}
		s.closing.Lock()
		s.counts = in
		s.closing.Unlock()
		s.known, s.first = true, packet
	}
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// Close ends it.
func (s *stream) Close() error {
	s.closing.Lock()
	if s.counts != nil {
		s.of.leave(s.counts)
		s.counts = nil
	}
	s.closing.Unlock()
	return s.Conn.Close()
}

// readFirst reads a packet with its length in front (RFC 4571).
func readFirst(r io.Reader) ([]byte, error) {
	packet := make([]byte, 2, 2+firstPacket)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(packet))
	if n > firstPacket {
		return nil, errStranger
	}
	packet = packet[:2+n]
	_, err := io.ReadFull(r, packet[2:])
	return packet, err
}

// calleeOf returns the user name fragment of who is called by a STUN message,
// "" if it has none: what stands before the colon of its USERNAME (RFC 8489,
// sections 5 and 14; RFC 8445, section 7.2.2).
func calleeOf(message []byte) string {
	const header, username = 20, 0x0006
	if len(message) < header {
		return ""
	}
	for rest := message[header:]; len(rest) >= 4; {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; size > len(rest) {
			return ""
		}
		if kind == username {
			callee, _, _ := strings.Cut(string(rest[:size]), ":")
			return callee
		}
		rest = rest[min((size+3)/4*4, len(rest)):]
	}
	return ""
}
