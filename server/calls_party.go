package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"hark/media"
	"hark/media/rtc"
)

// maxSides is how many connections may join one call.
const maxSides = 8

// sideInbox is how many events of those who joined wait for the session. Full:
// their readers wait.
const sideInbox = 16

var errManySides = errors.New("server: as many connections as may be have joined this call")

// party is the connection of a call with those who joined it. They see what
// the client is told, and say what the client could say; sound and pictures
// are the client's. Whoever of them is too slow is left out; the call is not
// held up.
type party struct {
	*rtc.Conn
	inbox chan arrival
	ended chan struct{} // closed: the call is over

	mu    sync.Mutex
	over  bool
	sides []media.Conn
	last  [2]media.Event // the last session.created and session.updated
	main  sync.Once
	wg    sync.WaitGroup
}

// arrival is a packet of the client, or why there are no more, or an event of
// somebody who joined.
type arrival struct {
	packet media.Packet
	err    error
}

func newParty(conn *rtc.Conn) *party {
	return &party{Conn: conn, inbox: make(chan arrival, sideInbox), ended: make(chan struct{})}
}

// Recv returns the next packet of the client, or an event of who joined.
func (p *party) Recv(ctx context.Context) (media.Packet, error) {
	p.main.Do(func() { p.wg.Go(p.runClient) })
	select {
	case in := <-p.inbox:
		return in.packet, in.err
	case <-p.ended:
		return nil, rtc.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// runClient hands on what the client sends.
func (p *party) runClient() {
	for {
		packet, err := p.Conn.Recv(context.Background())
		select {
		case p.inbox <- arrival{packet, err}:
		case <-p.ended:
			return
		}
		if err != nil {
			return
		}
	}
}

// Send sends an event to the client, and to those who joined.
func (p *party) Send(ctx context.Context, packet media.Packet) error {
	if ev, ok := packet.(media.Event); ok {
		p.tell(ev)
	}
	return p.Conn.Send(ctx, packet)
}

// tell sends an event to those who joined.
func (p *party) tell(ev media.Event) {
	now, cancel := context.WithCancel(context.Background())
	cancel() // nobody is waited for
	p.mu.Lock()
	defer p.mu.Unlock()
	head := string(ev[:min(len(ev), 40)])
	switch {
	case strings.HasPrefix(head, `{"type":"session.created"`):
		p.last[0] = slices.Clone(ev)
	case strings.HasPrefix(head, `{"type":"session.updated"`):
		p.last[1] = slices.Clone(ev)
	}
	p.sides = slices.DeleteFunc(p.sides, func(side media.Conn) bool {
		return side.Send(now, slices.Clone(ev)) != nil
	})
}

// Close ends the call, and the connections of those who joined with it.
func (p *party) Close(code int, reason string) error {
	err := p.Conn.Close(code, reason)
	p.mu.Lock()
	if !p.over {
		p.over = true
		close(p.ended)
	}
	p.mu.Unlock()
	p.wg.Wait()
	return err
}

// join lets a connection take part until it or the call ends. It closes the
// connection.
func (p *party) join(side media.Conn) error {
	p.mu.Lock()
	if p.over || len(p.sides) >= maxSides {
		p.mu.Unlock()
		return errors.Join(errManySides, side.Close(1013, "the call is over, or full"))
	}
	for _, ev := range p.last {
		if ev != nil {
			_ = side.Send(context.Background(), slices.Clone(ev)) // its reader notices
		}
	}
	p.sides = append(p.sides, side)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.sides = slices.DeleteFunc(p.sides, func(other media.Conn) bool { return other == side })
		p.mu.Unlock()
	}()
	left := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-p.ended:
			side.Close(1000, "the call is over") // makes Recv return
		case <-left:
		}
	})
	for {
		packet, err := side.Recv(context.Background())
		if err != nil {
			close(left)
			wait.Wait()
			return side.Close(1000, "")
		}
		select {
		case p.inbox <- arrival{packet: packet}:
		case <-p.ended:
		}
	}
}
