package session

import (
	"context"
	"sync"
	"time"

	"hark/session/conversation"
	"hark/session/realtime"
)

// thread is what a conversation is without its connection: it goes on where a
// lost connection is taken up again.
type thread struct {
	config realtime.Session
	items  conversation.List
	id     idSource
	began  time.Time
	said   map[string]*message // by item, what was said aloud
	sounds sounds              // of items, to be retrieved
	camera camera
	thrift thrift

	seq   Sequence             // of the conversation, nil until it is needed
	stale bool                 // seq does not hold all that is known
	gap   bool                 // something was taken out of the middle of what seq holds
	trash []*conversation.Item // not in the conversation any more, media not freed

	// For the log line at the end.
	responses, errors int
	tokens            int
}

// free frees what a thread holds of the engine. Its sequence is closed.
func (t *thread) free() {
	for _, it := range t.trash {
		it.Close()
	}
	t.trash = nil
	t.items.Close()
}

// Shelf keeps conversations whose connection was lost, so that their clients
// can go on with them: see Options.Resume. What the model has read of them
// stays in the engine's own store of caches. A Shelf is shared by all sessions
// of a server.
type Shelf struct {
	most int
	keep time.Duration

	mu     sync.Mutex
	closed bool
	kept   map[string]*shelved
	order  []string            // of kept, the oldest first
	open   map[string]*present // conversations that have a connection
}

// shelved is a conversation without a connection.
type shelved struct {
	owner  string
	thread *thread
	timer  *time.Timer // drops it
}

// present is a conversation with a connection.
type present struct {
	owner string
	leave chan struct{} // closed: somebody wants to take it over
	asked bool          // leave is closed
	gone  chan struct{} // closed: its session has ended
}

// takeOver is how long a session may take to let go of its conversation.
const takeOver = 10 * time.Second

// NewShelf makes a shelf that keeps at most so many conversations, each for so
// long. Beyond that the oldest go.
func NewShelf(most int, keep time.Duration) *Shelf {
	return &Shelf{most: most, keep: keep, kept: map[string]*shelved{}, open: map[string]*present{}}
}

// Close drops all conversations. What is put there later is dropped at once.
func (k *Shelf) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for len(k.order) > 0 {
		k.drop(k.order[0])
	}
}

// Len returns the number of conversations that wait.
func (k *Shelf) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.order)
}

// Has reports whether a conversation of an owner can go on now: it waits, or
// has a connection that somebody may take over.
func (k *Shelf) Has(id, owner string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.open[id]; p != nil {
		return p.owner == owner
	}
	s := k.kept[id]
	return s != nil && s.owner == owner
}

// drop frees a conversation; k.mu is held.
func (k *Shelf) drop(id string) {
	if t := k.remove(id); t != nil {
		t.free()
	}
}

// remove takes a conversation off the shelf; k.mu is held.
func (k *Shelf) remove(id string) *thread {
	s := k.kept[id]
	if s == nil {
		return nil
	}
	s.timer.Stop()
	delete(k.kept, id)
	for i, other := range k.order {
		if other == id {
			k.order = append(k.order[:i:i], k.order[i+1:]...)
			break
		}
	}
	return s.thread
}

// enter notes that a conversation of an owner has a connection. leave is closed
// when another connection of that owner wants it. A nil shelf takes note of
// nothing.
func (k *Shelf) enter(id, owner string) (leave <-chan struct{}) {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &present{owner: owner, leave: make(chan struct{}), gone: make(chan struct{})}
	k.open[id] = p
	return p.leave
}

// exit notes that the connection of a conversation has ended, and keeps t if it
// is not nil.
func (k *Shelf) exit(id string, t *thread) {
	if k == nil {
		if t != nil {
			t.free()
		}
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.open[id]
	delete(k.open, id)
	defer close(p.gone)
	switch {
	case t == nil:
		return
	case k.closed || k.most < 1:
		t.free()
		return
	case len(k.order) >= k.most:
		k.drop(k.order[0])
	}
	k.order = append(k.order, id)
	s := &shelved{owner: p.owner, thread: t}
	s.timer = time.AfterFunc(k.keep, func() { k.expire(id, s) })
	k.kept[id] = s
}

// expire drops a conversation that nobody came back to.
func (k *Shelf) expire(id string, s *shelved) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept[id] == s {
		k.drop(id)
	}
}

// take takes a conversation of an owner off the shelf, nil if there is none. A
// session that still believes in its connection is told to let go: clients notice
// earlier than servers that a line is dead.
func (k *Shelf) take(ctx context.Context, id, owner string) *thread {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.open[id]; p != nil {
		if p.owner != owner {
			return nil
		}
		if !p.asked {
			p.asked = true
			close(p.leave)
		}
		k.mu.Unlock()
		patient, cancel := context.WithTimeout(ctx, takeOver)
		select {
		case <-p.gone:
		case <-patient.Done():
		}
		cancel()
		k.mu.Lock()
	}
	if s := k.kept[id]; s != nil && s.owner == owner {
		return k.remove(id)
	}
	return nil
}
