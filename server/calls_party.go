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

var errManySides = errors.New("server: as many connections as may be have joined this call")

// party is the connection of a call with those who joined it. They see what
// the client is told, and say what the client could say; sound and pictures
// are the client's. Whoever of them is too slow is closed; the call is not
// held up.
type party struct {
	*rtc.Conn
	inbox chan arrival  // without room: what waits, waits where it is bounded
	ended chan struct{} // closed: the call is over

	mu    sync.Mutex
	over  bool
	sides []*side
	last  [2]media.Event // the last session.created and session.updated
	wg    sync.WaitGroup
}

// side is a connection that joined.
type side struct {
	media.Conn
	slow chan struct{} // closed: it was left out
}

// arrival is a packet of the client, or why there are no more, or an event of
// somebody who joined.
type arrival struct {
	packet media.Packet
	err    error
}

func newParty(conn *rtc.Conn) *party {
	p := &party{Conn: conn, inbox: make(chan arrival), ended: make(chan struct{})}
	p.wg.Go(p.runClient)
	return p
}

// Recv returns the next packet of the client, or an event of who joined.
func (p *party) Recv(ctx context.Context) (media.Packet, error) {
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
	p.sides = slices.DeleteFunc(p.sides, func(s *side) bool {
		out := s.Send(now, slices.Clone(ev)) != nil
		if out {
			close(s.slow)
		}
		return out
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
func (p *party) join(conn media.Conn) error {
	s := &side{conn, make(chan struct{})}
	p.mu.Lock()
	if p.over || len(p.sides) >= maxSides {
		p.mu.Unlock()
		return errors.Join(errManySides, s.Close(1013, "the call is over, or full"))
	}
	for _, ev := range p.last {
		if ev != nil {
			_ = s.Send(context.Background(), slices.Clone(ev)) // its reader notices
		}
	}
	p.sides = append(p.sides, s)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.sides = slices.DeleteFunc(p.sides, func(other *side) bool { return other == s })
		p.mu.Unlock()
	}()
	left := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-p.ended:
			s.Close(1000, "the call is over") // makes Recv return
		case <-s.slow:
			s.Close(closePolicy, "the connection is too slow")
		case <-left:
		}
	})
	for {
		packet, err := s.Recv(context.Background())
		if err != nil {
			close(left)
			wait.Wait()
			return s.Close(1000, "")
		}
		select {
		case p.inbox <- arrival{packet: packet}:
		case <-p.ended:
		}
	}
}
