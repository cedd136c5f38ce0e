package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"
)

// SecretPrefix begins every client secret: browsers send no other key.
const SecretPrefix = "ek_"

// The bounds of the secrets that are alive at a time: their number, and what they
// carry together.
const (
	maxSecrets     = 10000
	maxSecretBytes = 64 << 20
)

// ErrTooMany says that there are as many secrets as may be.
var ErrTooMany = errors.New("keys: too many client secrets are alive")

// Secret is what a client secret stands for.
type Secret struct {
	Owner   *Holder // who made it, nil where no keys are needed
	Expires time.Time
	Value   any // what it carries
	Bytes   int // of Value, about
}

// Secrets are the client secrets of a server. The zero value has none. It is
// safe for concurrent use.
type Secrets struct {
	mu   sync.Mutex
	live map[[sha256.Size]byte]Secret // by hash: a search in the map tells nothing of a secret
	held int                          // bytes that those in live carry
}

// Make makes a secret. After s.Expires it opens nothing, and is forgotten a
// while later.
func (l *Secrets) Make(s Secret, now time.Time) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = map[[sha256.Size]byte]Secret{}
	}
	full := func() bool { return len(l.live) >= maxSecrets || l.held+s.Bytes > maxSecretBytes }
	if full() {
		for hash, old := range l.live {
			if now.After(old.Expires) {
				delete(l.live, hash)
				l.held -= old.Bytes
			}
		}
		if full() {
			return "", ErrTooMany
		}
	}
	text := SecretPrefix + rand.Text()
	l.live[sha256.Sum256([]byte(text))] = s
	l.held += s.Bytes
	return text, nil
}

// Find returns what a text stands for. known is false if it was never made or
// is forgotten; of one that is known, Expires says whether it still counts.
func (l *Secrets) Find(text string) (s Secret, known bool) {
	if !strings.HasPrefix(text, SecretPrefix) {
		return s, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, known = l.live[sha256.Sum256([]byte(text))]
	return s, known
}
