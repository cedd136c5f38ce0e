package ranks

import (
	"fmt"
	"io"
	"net"
	"time"
)

// feed reads what the leader tells ahead of the operations, so that its end is
// seen while one of them waits for an exchange.
type feed struct {
	conn   net.Conn
	quiet  time.Duration // how long nothing may come once something did
	pieces chan []byte   // feedPieces that were read; full: the leader waits
	free   chan []byte   // feedPieces to read into
	quit   chan struct{} // closed by stop
	err    error         // set before pieces is closed
	now    []byte        // the piece being taken
	left   []byte        // of it
}

// The size of a feed: how far a follower may fall behind before the leader
// waits.
const (
	feedPieces = 16
	feedBytes  = 32 << 10
)

// newFeed begins to read. gone is told why it ended.
func newFeed(conn net.Conn, quiet time.Duration, gone func(error)) *feed {
	f := &feed{conn: conn, quiet: quiet, pieces: make(chan []byte, feedPieces), free: make(chan []byte, feedPieces), quit: make(chan struct{})}
	for range feedPieces {
		f.free <- make([]byte, feedBytes)
	}
	go f.run(gone)
	return f
}

func (f *feed) run(gone func(error)) {
	defer close(f.pieces)
	for {
		var buf []byte
		select {
		case buf = <-f.free:
		case <-f.quit:
			return
		}
		n, err := f.conn.Read(buf[:feedBytes])
		if n > 0 {
			f.pieces <- buf[:n] // there is room: no more are free
		} else {
			f.free <- buf
		}
		if err == nil {
			err = f.conn.SetReadDeadline(time.Now().Add(f.quiet))
		}
		if err == nil {
			continue
		}
		f.err = err
		select {
		case <-f.quit: // nobody waits for more
		default:
			gone(fmt.Errorf("ranks: the leader is gone: %w", err))
		}
		return
	}
}

// Read takes what was read.
func (f *feed) Read(p []byte) (int, error) {
	if len(f.left) == 0 {
		if f.now != nil {
			f.free <- f.now
			f.now = nil
		}
		piece, more := <-f.pieces
		if !more {
			if f.err == nil {
				f.err = io.EOF
			}
			return 0, f.err
		}
		f.now, f.left = piece, piece
	}
	n := copy(p, f.left)
	f.left = f.left[n:]
	return n, nil
}

// stop closes the connection and returns when nothing is read any more.
func (f *feed) stop() {
	close(f.quit)
	f.conn.Close()
	for range f.pieces { // its end is the goroutine's
	}
}
