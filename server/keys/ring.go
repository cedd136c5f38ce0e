package keys

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Ring is the keys that a server knows: those of a file, which is read again
// when it changes, and those that it was started with. It is safe for
// concurrent use.
type Ring struct {
	path  string
	fixed []*Holder

	mu      sync.Mutex
	holders []*Holder
	seen    fs.FileInfo // of the file as it was read
	broken  error       // why the file as it is now was not read
}

// Holder is somebody with a key. The limits count what all with the same key
// do.
type Holder struct {
	mu       sync.Mutex
	key      Key
	room     float64   // requests that may come now
	at       time.Time // when that was so
	sessions int
}

// Open makes a ring of the keys in a file, "" for none, and of plain ones.
// Without any key the ring is empty.
func Open(path string, plain []string) (*Ring, error) {
	r := &Ring{path: path}
	for i, secret := range plain {
		if strings.TrimSpace(secret) != secret || secret == "" {
			return nil, fmt.Errorf("keys: key %d of %d is empty or has spaces around it", i+1, len(plain))
		}
		r.fixed = append(r.fixed, &Holder{key: keep("", secret)})
	}
	r.holders = r.fixed
	if path == "" {
		return r, nil
	}
	r.reload()
	if r.broken == nil && len(r.holders) == 0 {
		r.broken = fmt.Errorf("keys: %s has no keys", path)
	}
	return r, r.broken
}

// Len returns the number of keys.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.holders)
}

// Required reports whether a key is needed: a ring that has lost all its keys
// lets nobody in.
func (r *Ring) Required() bool { return r.path != "" || len(r.fixed) > 0 }

// Find returns who has a key, nil for nobody. It takes the same time for every
// key. The error says why the file could not be read again; until it can be,
// its old keys hold. It is returned once for each change of the file.
func (r *Ring) Find(secret string) (*Holder, error) {
	r.mu.Lock()
	err := r.refresh()
	holders := r.holders
	r.mu.Unlock()
	var found *Holder
	for _, h := range holders {
		if h.key.matches(secret) { // salt and hash do not change
			found = h
		}
	}
	return found, err
}

// refresh reads the file again if it changed.
func (r *Ring) refresh() error {
	if r.path == "" {
		return nil
	}
	now, err := os.Stat(r.path)
	if err != nil {
		if r.seen == nil {
			return nil
		}
		r.seen, r.holders = nil, r.fixed // taken away: nobody's any more
		return fmt.Errorf("keys: %w", err)
	}
	if r.seen != nil && os.SameFile(now, r.seen) && now.ModTime().Equal(r.seen.ModTime()) && now.Size() == r.seen.Size() {
		return nil
	}
	r.reload()
	return r.broken
}

// reload reads the file. Those who stay keep what was counted of them.
func (r *Ring) reload() {
	r.seen, _ = os.Stat(r.path) // Read says what is wrong
	list, err := Read(r.path)
	if r.broken = err; err != nil {
		return
	}
	old := map[string]*Holder{}
	for _, h := range r.holders[len(r.fixed):] {
		old[h.key.ID] = h
	}
	r.holders = append([]*Holder(nil), r.fixed...)
	for _, k := range list {
		h := old[k.ID]
		if h == nil || string(h.key.Hash) != string(k.Hash) {
			h = &Holder{key: k}
		}
		h.mu.Lock() // Find reads salt and hash without the lock
		h.key.RequestsPerMinute, h.key.Sessions = k.RequestsPerMinute, k.Sessions
		h.mu.Unlock()
		r.holders = append(r.holders, h)
	}
}

// ID returns the id of the key.
func (h *Holder) ID() string { return h.key.ID }

// Request counts a request at a time. It returns how long to wait if there
// were too many, and how many may follow at once, -1 without a limit.
func (h *Holder) Request(now time.Time) (wait time.Duration, left int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	limit := float64(h.key.RequestsPerMinute)
	if limit == 0 {
		return 0, -1
	}
	h.refill(now)
	if h.room < 1 {
		return time.Duration(math.Ceil((1 - h.room) / limit * float64(time.Minute))), 0
	}
	h.room--
	return 0, int(h.room)
}

// Left returns how many requests may come at once.
func (h *Holder) Left(now time.Time) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refill(now)
	return int(h.room)
}

// refill makes the room that has come since the last time.
func (h *Holder) refill(now time.Time) {
	limit := float64(h.key.RequestsPerMinute)
	if h.room += now.Sub(h.at).Minutes() * limit; h.at.IsZero() || h.room > limit {
		h.room = limit
	}
	h.at = now
}

// Enter counts a session in. It reports false if there are too many.
func (h *Holder) Enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.key.Sessions > 0 && h.sessions >= h.key.Sessions {
		return false
	}
	h.sessions++
	return true
}

// Leave counts a session out.
func (h *Holder) Leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions--
}

// Has reports whether a holder's key still counts.
func (r *Ring) Has(h *Holder) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.refresh() // Find says what is wrong
	return slices.Contains(r.holders, h)
}

// Limits returns the limits of the key; 0 is no limit.
func (h *Holder) Limits() (requestsPerMinute, sessions int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.key.RequestsPerMinute, h.key.Sessions
}
