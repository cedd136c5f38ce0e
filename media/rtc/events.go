package rtc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"hark/media"
)

// The limits of events to the client.
const (
	// Queue is the number of events that wait for the writer.
	Queue = 256
	// SlowAfter is how long the queue may be full before the client counts as
	// too slow.
	SlowAfter = 5 * time.Second
	// unsent is how much may wait in the data channel, which has no bound of
	// its own, and lowWater when it takes more again.
	unsent   = 512 << 10
	lowWater = 128 << 10
	// plainEvent is the longest event for clients that name no limit (RFC
	// 8841, 6.1).
	plainEvent = 64 << 10
)

// outgoing is the data channel, as far as the writer needs to know.
type outgoing struct {
	mu      sync.Mutex
	channel *webrtc.DataChannel // nil before it is open
	limit   int                 // bytes of a message
	none    bool                // the offer has no data channel

	opened chan struct{} // closed: channel is set
	low    chan struct{} // holds a token when the channel has room again
	done   chan struct{} // closed: the writer has written all, or never will
}

func newOutgoing() *outgoing {
	return &outgoing{limit: plainEvent, opened: make(chan struct{}), low: make(chan struct{}, 1), done: make(chan struct{})}
}

// want notes what an offer says of the data channel.
func (o *outgoing) want(offer string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.none = o.channel == nil && !strings.Contains(offer, "\nm=application ")
	o.limit = plainEvent
	for line := range strings.Lines(offer) {
		if v, ok := strings.CutPrefix(line, "a=max-message-size:"); ok {
			n := 0
			if _, err := fmt.Sscan(v, &n); err == nil {
				o.limit = n
				if n <= 0 || n > MaxEvent { // 0 is: any
					o.limit = MaxEvent
				}
			}
		}
	}
}

// wanted reports whether the client has a data channel.
func (o *outgoing) wanted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.none
}

// has reports whether the client has opened its data channel.
func (o *outgoing) has() bool {
	select {
	case <-o.opened:
		return true
	default:
		return false
	}
}

// most returns how long a message may be.
func (o *outgoing) most() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.limit
}

// drained waits until the client has all that was written, or dead is closed.
func (o *outgoing) drained(dead <-chan struct{}) {
	select {
	case <-o.done:
	case <-dead:
	}
}

// channel takes the data channel that the client has made. The first one
// counts, whatever it is called; others are closed, since each has a buffer
// that may grow to MaxEvent.
func (c *Conn) channel(d *webrtc.DataChannel) {
	c.outgoing.mu.Lock()
	first := c.outgoing.channel == nil
	if first {
		c.outgoing.channel = d
	}
	c.outgoing.mu.Unlock()
	if !first {
		d.OnOpen(func() { _ = d.Close() }) // or the call is over
		return
	}
	d.SetBufferedAmountLowThreshold(lowWater)
	d.OnBufferedAmountLow(func() {
		select {
		case c.outgoing.low <- struct{}{}:
		default:
		}
	})
	d.OnMessage(func(m webrtc.DataChannelMessage) {
		// While nobody takes it nothing more is read, and SCTP tells the
		// client to wait.
		if len(m.Data) > large {
			select {
			case c.large <- struct{}{}:
			case <-c.closing:
			}
		}
		select {
		case c.events <- m.Data:
		case <-c.closing:
		}
	})
	d.OnOpen(func() {
		close(c.outgoing.opened)
		c.arrived()
	})
	d.OnClose(func() { c.fail(io.EOF) })
}

// Send queues an event, which belongs to the connection from then on. If the
// queue is full it waits; ErrSlow after SlowAfter.
func (c *Conn) Send(ctx context.Context, p media.Packet) error {
	ev, ok := p.(media.Event)
	if !ok {
		return fmt.Errorf("rtc: cannot send %T", p)
	}
	if err := c.ended(); err != nil {
		return err
	}
	if !c.outgoing.wanted() {
		return nil // a call of sound alone
	}
	select {
	case c.out <- ev:
		return nil
	default:
	}
	timer := time.NewTimer(c.o.SlowAfter)
	defer timer.Stop()
	select {
	case c.out <- ev:
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

// runWriter writes what is queued, once the channel is open, until the call
// ends. Then it writes what is left and waits until the client has it.
func (c *Conn) runWriter() {
	o := c.outgoing
	defer close(o.done)
	select {
	case <-o.opened:
	case <-c.closing:
		// A client that is just coming is told what there is to tell.
		if len(c.out) == 0 || c.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			return
		}
		select {
		case <-o.opened:
		case <-c.dead:
			return
		}
	}
	for {
		select {
		case ev := <-c.out:
			if !c.write(ev) {
				return
			}
			continue
		default:
		}
		select {
		case ev := <-c.out:
			if !c.write(ev) {
				return
			}
		case <-c.closing:
			select {
			case <-c.dead:
				return
			default:
			}
			if len(c.out) == 0 {
				c.settle(0)
				return
			}
		}
	}
}

// write writes an event when the channel has room. It reports whether more can
// be written.
func (c *Conn) write(ev media.Event) bool {
	o := c.outgoing
	if limit := o.most(); len(ev) > limit {
		ev = tooLarge(ev, limit)
	}
	if !c.settle(unsent) {
		return false
	}
	if err := o.channel.SendText(string(ev)); err != nil {
		c.fail(fmt.Errorf("%w: %v", ErrGone, err))
		return false
	}
	return true
}

// settle waits until at most so many bytes are unsent. It reports false if the
// call ended first.
func (c *Conn) settle(most uint64) bool {
	o := c.outgoing
	var tick <-chan time.Time
	for o.channel.BufferedAmount() > most {
		if tick == nil {
			// What is below the threshold makes no event.
			t := time.NewTicker(5 * time.Millisecond)
			defer t.Stop()
			tick = t.C
		}
		select {
		case <-o.low:
		case <-tick:
		case <-c.dead:
			return false
		}
	}
	return true
}

// errorEvent is an event of the protocol that says what went wrong.
type errorEvent struct {
	Type    string    `json:"type"`
	EventID string    `json:"event_id"`
	Error   errorBody `json:"error"`
}

type errorBody struct {
	Type    string  `json:"type"`
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
	EventID *string `json:"event_id"`
	Close   int     `json:"close_code,omitempty"`
}

// goodbye is the last event of a call that the server ends: a data channel has
// no close code.
func goodbye(code int, reason string) media.Event {
	data, _ := json.Marshal(errorEvent{"error", "event_goodbye", errorBody{Type: "server_error", Code: "session_closed", Message: reason, Close: code}}) // strings
	return data
}

// tooLarge takes the place of an event that is longer than the client takes:
// it says which it was.
func tooLarge(ev media.Event, limit int) media.Event {
	var head struct {
		Type string
		ID   string `json:"event_id"`
	}
	_ = json.Unmarshal(ev, &head) // our own JSON
	data, _ := json.Marshal(errorEvent{"error", head.ID, errorBody{Type: "server_error", Code: "event_too_large",
		Message: fmt.Sprintf("%s has %d bytes, and this client takes messages of at most %d", head.Type, len(ev), limit)}})
	return data
}
