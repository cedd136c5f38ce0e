package server

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"hark/session/realtime"
)

// gate lets a number of requests in at a time, and some wait before it in the
// order they came.
type gate struct {
	running, waiting int // at most

	mu     sync.Mutex
	inside int
	queue  []chan struct{} // closed when its owner is in
}

// enter waits for room until ctx ends. The error is one for the client.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.inside < g.running {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	if len(g.queue) >= g.waiting {
		g.mu.Unlock()
		return overloaded("%d requests are answered and %d wait, more are not possible", g.running, g.waiting)
	}
	turn := make(chan struct{})
	g.queue = append(g.queue, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.queue, turn)
	if i < 0 { // it was let in meanwhile
		return nil
	}
	g.queue = slices.Delete(g.queue, i, i+1)
	return overloaded("no place came free in time: %d requests are answered, %d wait", g.running, len(g.queue))
}

// leave makes room for the next.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		g.inside--
		return
	}
	close(g.queue[0])
	g.queue = g.queue[1:]
}

// state returns how many are inside and how many wait.
func (g *gate) state() (inside, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside, len(g.queue)
}

// overloaded is the error for a client that should come back later.
func overloaded(format string, args ...any) *realtime.Error {
	return &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeOverloaded, Message: fmt.Sprintf(format, args...)}
}
