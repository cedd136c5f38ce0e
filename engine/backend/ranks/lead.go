package ranks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Lead makes b tell what it does to the followers behind conns, those of ranks
// 1, 2, … in this order. The model must have been loaded on b; it waits until
// ctx ends for followers that still load theirs. b closes the connections, or
// the caller if there is an error.
//
// gone is called once a follower is gone, from any goroutine, at most once. The
// step in progress may wait for that follower's part for ever then, and Close
// with it: who is told should end the process.
func (b *Backend) Lead(ctx context.Context, conns []net.Conn, secret [32]byte, gone func(error)) error {
	if b.follows() || len(conns) != b.group.Size()-1 {
		return fmt.Errorf("ranks: rank %d cannot lead %d others of %d", b.group.Rank(), len(conns), b.group.Size())
	}
	for i, c := range conns {
		if err := b.agree(ctx, c, i+1, secret); err != nil {
			return err
		}
	}
	b.conns, b.gone = conns, gone
	b.quit, b.done = make(chan struct{}), make(chan struct{}, 2*len(conns))
	for _, c := range conns {
		go b.watch(c)
		go func() {
			beat(c, b.pulse, b.quit)
			b.done <- struct{}{}
		}()
	}
	return nil
}

// watch notes when a follower hangs up or falls silent: all it says is that it
// is there.
func (b *Backend) watch(c net.Conn) {
	var err error
	for beats := make([]byte, 64); err == nil; {
		if _, err = c.Read(beats); err == nil {
			err = c.SetReadDeadline(time.Now().Add(b.quiet))
		}
	}
	if !errors.Is(err, net.ErrClosed) {
		b.lose(fmt.Errorf("%v: %w", c.RemoteAddr(), err))
	}
	b.done <- struct{}{}
}

// hangUp says that nothing more comes, waits until the followers have hung up,
// not for long, and closes the connections. Closing at once would reset them
// where a pulse was not read yet, and take away what a follower has not read.
func (b *Backend) hangUp() {
	close(b.quit)
	for _, c := range b.conns {
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			half.CloseWrite() // an error is one that the watch sees too
		}
		c.SetReadDeadline(time.Now().Add(min(b.quiet, goodbye)))
	}
	for range 2 * len(b.conns) {
		<-b.done
	}
	for _, c := range b.conns {
		c.Close()
	}
	b.conns = nil
}

// goodbye is how long followers have to hang up.
const goodbye = 2 * time.Second

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
