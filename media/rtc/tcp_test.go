package rtc

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// binding is a STUN request of somebody who calls, with its length in front.
func binding(user string) []byte {
	attribute := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, 0x0006), uint16(len(user)))
	attribute = append(attribute, user...)
	attribute = append(attribute, make([]byte, -len(user)&3)...)
	message := append([]byte{0, 1, 0, byte(len(attribute)), 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	message = append(message, attribute...)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// Connections over TCP that belong to no call end at once, and a call has no
// more than it needs.
func TestStrangersOverTCPAreSentAway(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, Options{TCP: ln})
	offer, err := os.ReadFile("testdata/offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	c, answer, err := h.Answer(t.Context(), string(offer))
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			c.Close(closeNormal, "")
		}
	}()
	_, rest, _ := strings.Cut(answer, "a=ice-ufrag:")
	ufrag, _, _ := strings.Cut(rest, "\r\n")
	// ends reports whether a connection that said that is ended by the host,
	// and leaves it open otherwise.
	dial := func(first []byte) (conn net.Conn, ends func(within time.Duration) bool) {
		t.Helper()
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err == nil {
			_, err = conn.Write(first)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn, func(within time.Duration) bool {
			conn.SetReadDeadline(time.Now().Add(within))
			_, err := io.Copy(io.Discard, conn)
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	for name, first := range map[string][]byte{
		"of no call": binding("nobody:x"), "without a name": binding(""), "too long": {2, 1}, "no STUN": {0, 3, 'G', 'E', 'T'},
	} {
		if _, ends := dial(first); !ends(2 * time.Second) {
			t.Errorf("a connection %s stays", name)
		}
	}
	var some []net.Conn
	for range maxStreams {
		conn, _ := dial(binding(ufrag + ":x"))
		some = append(some, conn)
	}
	waitFor(t, "all are there", func() bool { return h.tcp.(*callsOverTCP).open(ufrag) == maxStreams })
	if _, ends := dial(binding(ufrag + ":x")); !ends(2 * time.Second) {
		t.Error("one connection too many stays")
	}
	some[0].Close()
	waitFor(t, "one has left", func() bool { return h.tcp.(*callsOverTCP).open(ufrag) == maxStreams-1 })
	conn, ends := dial(binding(ufrag + ":x"))
	waitFor(t, "another is there", func() bool { return h.tcp.(*callsOverTCP).open(ufrag) == maxStreams })
	closed = true
	if err := c.Close(closeNormal, ""); err != nil {
		t.Error(err)
	}
	if !ends(2 * time.Second) {
		t.Errorf("%v stays when its call is over", conn.LocalAddr())
	}
	if _, ends := dial(binding(ufrag + ":x")); !ends(2 * time.Second) {
		t.Error("a connection of a call that is over stays")
	}
}

// open returns how many connections a call has.
func (c *callsOverTCP) open(ufrag string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.calls[ufrag]; s != nil {
		return s.open
	}
	return 0
}

// waitFor looks again and again, since nothing tells.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func FuzzCallee(f *testing.F) {
	f.Add(binding("a:b")[2:])
	f.Add(binding("abcd")[2:])
	f.Fuzz(func(t *testing.T, message []byte) {
		if callee := calleeOf(message); len(callee) > len(message) || strings.Contains(callee, ":") {
			t.Errorf("callee %q of %x", callee, message)
		}
	})
}
