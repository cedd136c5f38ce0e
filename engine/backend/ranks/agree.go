package ranks

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// hello is what both ends say first: who they are, and what they agree in. Each
// then proves that it knows the secret, which is never sent.
type hello struct {
	Magic      [8]byte
	Rank, Size uint32
	Loads      uint64   // what the model took
	Nonce      [32]byte // new each time, so that no proof counts twice
}

// magic ends with the version of the protocol, which changes with every
// operation and operand.
var magic = [8]byte{'h', 'a', 'r', 'k', 'r', 'n', 'k', '2'}

func (b *Backend) hello() hello {
	h := hello{Magic: magic, Rank: uint32(b.group.Rank()), Size: uint32(b.group.Size()), Loads: b.loads.Sum64()}
	rand.Read(h.Nonce[:]) // never fails
	return h
}

// proof is what who said mine says to who said other.
func proof(secret [32]byte, mine, other hello) []byte {
	h := hmac.New(sha256.New, secret[:])
	binary.Write(h, binary.LittleEndian, [2]hello{mine, other})
	return h.Sum(nil)
}

// Join agrees with the leader behind conn, until ctx ends; then Follow. After
// ErrStranger the leader may still come. The caller closes conn if there is an
// error.
func (b *Backend) Join(ctx context.Context, conn net.Conn, secret [32]byte) error {
	return b.agree(ctx, conn, 0, secret)
}

// agree exchanges greetings with another rank.
func (b *Backend) agree(ctx context.Context, conn net.Conn, rank int, secret [32]byte) (err error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = fmt.Errorf("ranks: %w", ctx.Err())
		}
	}()
	stranger := func(err error) error {
		return fmt.Errorf("ranks: %v: %w: %w", conn.RemoteAddr(), ErrStranger, err)
	}
	mine := b.hello()
	if err := binary.Write(conn, binary.LittleEndian, mine); err != nil {
		return stranger(err)
	}
	var other hello
	if err := binary.Read(conn, binary.LittleEndian, &other); err != nil {
		return stranger(err)
	}
	if other.Magic != magic {
		return stranger(fmt.Errorf("it greets with %q, want %q", other.Magic, magic))
	}
	if _, err := conn.Write(proof(secret, mine, other)); err != nil {
		return stranger(err)
	}
	var proven [sha256.Size]byte
	if err := binary.Read(conn, binary.LittleEndian, &proven); err != nil {
		return stranger(err)
	}
	switch {
	case other.Nonce == mine.Nonce || !hmac.Equal(proven[:], proof(secret, other, mine)): // an echo proves nothing
		return stranger(fmt.Errorf("it has another file of hosts"))
	case other.Rank != uint32(rank) || other.Size != mine.Size:
		return fmt.Errorf("ranks: %v is rank %d of %d, want rank %d of %d", conn.RemoteAddr(), other.Rank, other.Size, rank, mine.Size)
	case other.Loads != mine.Loads:
		return fmt.Errorf("ranks: rank %d loaded another model", rank)
	}
	return nil
}
