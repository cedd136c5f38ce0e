package ranks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// hello is what both ends say first: who they are, and what they agree in.
type hello struct {
	Magic      [8]byte
	Rank, Size uint32
	Loads      uint64 // what the model took
	Secret     [32]byte
}

var magic = [8]byte{'h', 'a', 'r', 'k', 'r', 'n', 'k', '1'}

func (b *Backend) hello(secret [32]byte) hello {
	return hello{Magic: magic, Rank: uint32(b.group.Rank()), Size: uint32(b.group.Size()), Loads: b.loads.Sum64(), Secret: secret}
}

// greetings bounds the time that two ranks take to agree.
const greetings = 10 * time.Second

// agree exchanges greetings.
func (b *Backend) agree(conn net.Conn, rank int, secret [32]byte) error {
	mine := b.hello(secret)
	conn.SetDeadline(time.Now().Add(greetings))
	defer conn.SetDeadline(time.Time{})
	if err := binary.Write(conn, binary.LittleEndian, mine); err != nil {
		return fmt.Errorf("ranks: %w", err)
	}
	var other hello
	if err := binary.Read(conn, binary.LittleEndian, &other); err != nil {
		return fmt.Errorf("ranks: rank %d said nothing: %w", rank, err)
	}
	switch {
	case other.Magic != magic || other.Secret != secret:
		return fmt.Errorf("ranks: %v is not rank %d of the same file of hosts", conn.RemoteAddr(), rank)
	case other.Rank != uint32(rank) || other.Size != mine.Size:
		return fmt.Errorf("ranks: %v is rank %d of %d, want rank %d of %d", conn.RemoteAddr(), other.Rank, other.Size, rank, mine.Size)
	case other.Loads != mine.Loads:
		return fmt.Errorf("ranks: rank %d loaded another model", rank)
	}
	return nil
}

// Lead makes b tell what it does to the followers behind conns, those of ranks
// 1, 2, … in this order. The model must have been loaded on all. b closes the
// connections.
func (b *Backend) Lead(conns []net.Conn, secret [32]byte) error {
	if b.follows() || len(conns) != b.group.Size()-1 {
		return fmt.Errorf("ranks: rank %d cannot lead %d others of %d", b.group.Rank(), len(conns), b.group.Size())
	}
	for i, c := range conns {
		if err := b.agree(c, i+1, secret); err != nil {
			return err
		}
	}
	b.conns, b.done = conns, make(chan struct{}, len(conns))
	for _, c := range conns {
		go b.watch(c)
	}
	return nil
}

// Join agrees with the leader behind conn; then Follow.
func (b *Backend) Join(conn net.Conn, secret [32]byte) error { return b.agree(conn, 0, secret) }

// watch notes when a follower hangs up: it never says anything.
func (b *Backend) watch(c net.Conn) {
	if _, err := c.Read(make([]byte, 1)); err == nil || !errors.Is(err, net.ErrClosed) {
		if err == nil {
			err = errors.New("it spoke")
		}
		b.lose(fmt.Errorf("%v: %w", c.RemoteAddr(), err))
	}
	b.done <- struct{}{}
}

// hangUp closes the connections and waits for their watchers.
func (b *Backend) hangUp() {
	for _, c := range b.conns {
		c.Close()
	}
	for range b.conns {
		<-b.done
	}
	b.conns = nil
}

// Dial connects to a follower that may still be starting, until ctx ends.
func Dial(ctx context.Context, address string) (net.Conn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("ranks: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
