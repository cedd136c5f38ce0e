// Package ws carries a session over a WebSocket: one event a text frame.
//
// Three goroutines serve a connection: whoever calls Recv reads, a writer
// empties the queue that Send fills, and a pinger asks quiet clients whether
// they are still there. Compression is off: sound in base64 gains nothing by
// it.
//
// Start reading at Accept.
package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"hark/media"
)

// Subprotocol is what the server selects if a client offers it. Clients that
// send their key in a header offer none.
const Subprotocol = "realtime"

// The limits of a connection.
const (
	// ReadLimit is the largest frame that a client may send. A picture of 20
	// MiB takes 27 in base64. A larger frame closes the connection with 1009.
	ReadLimit = 32 << 20
	// Queue is the number of events that wait for the writer.
	Queue = 256
	// SlowAfter is how long the queue may be full before the client counts
	// as too slow.
	SlowAfter = 5 * time.Second
	// PingEvery is the pause between pings, and how long an answer may take.
	PingEvery = 20 * time.Second
)

const (
	writeTimeout = 10 * time.Second // for one frame
	drainTimeout = 2 * time.Second  // for what is queued when Close is called
	maxReason    = 123              // bytes of a close reason (RFC 6455, 5.5.1)
)

// Errors that callers tell apart.
var (
	// ErrSlow: the client does not take its events.
	ErrSlow = errors.New("ws: the client is too slow")
	// ErrGone: the client does not answer any more.
	ErrGone = errors.New("ws: the client is gone")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("ws: closed")
)

// Options are the choices of a connection. The zero value works.
type Options struct {
	// Origins are the foreign origins that may connect, patterns as in
	// path.Match on "host" or "scheme://host". Pages of the same host and
	// clients that are no browsers always may.
	Origins []string
	// ReadLimit, SlowAfter and PingEvery replace the constants of the same
	// name where they are not 0.
	ReadLimit int64
	SlowAfter time.Duration
	PingEvery time.Duration
}

// Conn is one WebSocket of a client. It is a media.Conn.
type Conn struct {
	ws        *websocket.Conn
	slowAfter time.Duration
	pingEvery time.Duration

	// queue holds Queue events. Full for slowAfter: the client is closed.
	queue chan []byte

	reading atomic.Bool  // Recv waits for a frame, or for the rest of one
	arrived atomic.Int64 // bytes read

	failOnce sync.Once
	abort    context.CancelFunc // ends the context of writer and pinger
	dead     <-chan struct{}    // that context's end
	err      error              // why; set before dead is closed

	closeOnce sync.Once
	shut      context.CancelFunc // Close was called; ends the pinger
	closing   <-chan struct{}    // that context's end
	closed    chan struct{}      // closed when Close is done
	wg        sync.WaitGroup
}

var _ media.Conn = (*Conn)(nil)

// Accept makes the connection of a request. On an error it has answered the
// request. nil options are the defaults.
func Accept(w http.ResponseWriter, r *http.Request, o *Options) (*Conn, error) {
	if o == nil {
		o = &Options{}
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    []string{Subprotocol},
		OriginPatterns:  o.Origins,
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	conn.SetReadLimit(or(o.ReadLimit, ReadLimit))
	life, abort := context.WithCancel(context.Background())
	open, shut := context.WithCancel(life)
	c := &Conn{
		ws:        conn,
		slowAfter: or(o.SlowAfter, SlowAfter),
		pingEvery: or(o.PingEvery, PingEvery),
		queue:     make(chan []byte, Queue),
		abort:     abort,
		dead:      life.Done(),
		shut:      shut,
		closing:   open.Done(),
		closed:    make(chan struct{}),
	}
	c.wg.Go(func() { c.runWriter(life) })
	c.wg.Go(func() { c.runPinger(open) })
	return c, nil
}

func or[T int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Recv returns the next event. A frame marked as binary counts as an event
// too: what is in it decides. When ctx ends, so does the connection.
func (c *Conn) Recv(ctx context.Context) (media.Packet, error) {
	data, err := c.read(ctx)
	if err == nil {
		return media.Event(data), nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := c.ended(); err != nil {
		return nil, err
	}
	switch websocket.CloseStatus(err) {
	case websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd:
		return nil, io.EOF
	}
	if errors.Is(err, io.EOF) { // the peer hung up without saying so
		return nil, fmt.Errorf("%w: %v", ErrGone, err)
	}
	return nil, fmt.Errorf("ws: %w", err)
}

// read reads one frame and counts its bytes as they come: a client that sends
// a long frame over a slow line cannot answer pings meanwhile.
func (c *Conn) read(ctx context.Context) ([]byte, error) {
	c.reading.Store(true)
	defer c.reading.Store(false)
	_, r, err := c.ws.Reader(ctx)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(counter{r, &c.arrived})
}

// counter adds what is read to n.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

// Read reads from r.
func (c counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Send queues an event, which belongs to the connection from then on. If the
// queue is full it waits; ErrSlow after SlowAfter.
func (c *Conn) Send(ctx context.Context, p media.Packet) error {
	ev, ok := p.(media.Event)
	if !ok {
		return fmt.Errorf("ws: cannot send %T", p)
	}
	if err := c.ended(); err != nil {
		return err
	}
	select {
	case c.queue <- ev:
		return nil
	default:
	}
	timer := time.NewTimer(c.slowAfter)
	defer timer.Stop()
	select {
	case c.queue <- ev:
		return nil
	case <-timer.C:
		c.fail(ErrSlow)
		return ErrSlow
	case <-c.closing:
		return c.ended()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended returns why the connection takes nothing more, or nil. The context of
// closing is below that of dead, so it ends with it.
func (c *Conn) ended() error {
	select {
	case <-c.closing:
	default:
		return nil
	}
	select {
	case <-c.dead:
		return c.err
	default:
		return ErrClosed
	}
}

// Close sends what is queued, tells the client why, and returns when the
// goroutines have ended. A client that is gone or too slow is not told. The
// first call decides code and reason, the others wait for it.
func (c *Conn) Close(code int, reason string) error {
	c.closeOnce.Do(func() {
		c.shut()
		stuck := time.AfterFunc(drainTimeout, func() { c.fail(ErrSlow) })
		c.wg.Wait()
		stuck.Stop()
		if len(reason) > maxReason {
			reason = strings.ToValidUTF8(reason[:maxReason], "")
		}
		select {
		case <-c.dead:
			c.ws.CloseNow() // there is nobody to tell of an error
		default:
			// The error says that the client closed at the same time, or did
			// not answer: either way it is over.
			c.ws.Close(websocket.StatusCode(code), reason)
		}
		c.fail(ErrClosed)
		close(c.closed)
	})
	<-c.closed
	return nil
}

// fail ends the connection at once, without a word to the client.
func (c *Conn) fail(err error) {
	c.failOnce.Do(func() {
		c.err = err
		c.abort()
	})
}

// runWriter writes what is queued until the connection fails or is closed.
func (c *Conn) runWriter(ctx context.Context) {
	for {
		select {
		case ev := <-c.queue:
			if !c.write(ctx, ev) {
				return
			}
		case <-c.closing: // or dead
			if ctx.Err() != nil {
				c.ws.CloseNow() // unblocks Recv, which returns c.err
				return
			}
			c.drain(ctx)
			return
		}
	}
}

// drain writes what is still queued.
func (c *Conn) drain(ctx context.Context) {
	for {
		select {
		case ev := <-c.queue:
			if !c.write(ctx, ev) {
				return
			}
		default:
			return
		}
	}
}

// write writes one frame. A write that does not end in time, or is stuck when
// the connection fails, closes it.
func (c *Conn) write(ctx context.Context, ev []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, ev); err != nil {
		c.fail(fmt.Errorf("%w: %v", ErrGone, err))
		c.ws.CloseNow() // unblocks Recv, which returns c.err
		return false
	}
	return true
}

// runPinger asks a quiet client whether it is still there. A client that sends
// is; and while the session is too busy to read, answers could not be seen.
func (c *Conn) runPinger(ctx context.Context) {
	ticker := time.NewTicker(c.pingEvery)
	defer ticker.Stop()
	for seen := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := seen
		if seen = c.arrived.Load(); seen != before || !c.reading.Load() {
			continue
		}
		if !c.answers(ctx) && seen == c.arrived.Load() {
			c.fail(ErrGone)
			return
		}
	}
}

// answers sends a ping and reports whether the pong came, or is of no interest
// any more.
func (c *Conn) answers(ctx context.Context) bool {
	pingCtx, cancel := context.WithTimeout(ctx, c.pingEvery)
	defer cancel()
	return c.ws.Ping(pingCtx) == nil || ctx.Err() != nil
}
