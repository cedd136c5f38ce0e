// Package keys says who may use a server: API keys, of which only hashes are
// kept, their limits, and secrets that live for minutes.
//
// Start reading at Ring.Find.
package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Key is an API key as it is kept. The key itself is not in it.
type Key struct {
	ID      string    `json:"id"`      // what people call it by, of 8 characters
	Name    string    `json:"name"`    // whose it is
	Created time.Time `json:"created"` // when it was made
	Salt    []byte    `json:"salt"`    // 16 random bytes
	Hash    []byte    `json:"hash"`    // SHA-256 of the salt and the key
	// RequestsPerMinute bounds requests; 0 is no bound. As many may come at
	// once.
	RequestsPerMinute int `json:"requests_per_minute,omitempty"`
	// Sessions bounds the realtime sessions at a time; 0 is no bound.
	Sessions int `json:"sessions,omitempty"`
}

// The limits of a file of keys.
const (
	maxKeys      = 1000
	maxName      = 100
	maxFileBytes = 1 << 20
)

// prefix begins every key that is made here.
const prefix = "sk-hark-"

// Make makes a key with 130 random bits and returns it beside what is to be
// kept of it.
func Make(name string) (k Key, secret string) {
	secret = prefix + rand.Text()
	return keep(name, secret), secret
}

// keep returns what is to be kept of a key. A fast hash will do: keys are
// random, there is nothing to guess.
func keep(name, secret string) Key {
	k := Key{ID: strings.ToLower(rand.Text()[:8]), Name: name, Created: time.Now().UTC().Truncate(time.Second), Salt: make([]byte, 16)}
	rand.Read(k.Salt) // never fails
	k.Hash = k.hash(secret)
	return k
}

func (k *Key) hash(secret string) []byte {
	sum := sha256.Sum256(append(bytes.Clone(k.Salt), secret...))
	return sum[:]
}

// matches takes the same time whatever the secret is.
func (k *Key) matches(secret string) bool {
	return subtle.ConstantTimeCompare(k.hash(secret), k.Hash) == 1
}

// file is what a file of keys holds.
type file struct {
	Version int   `json:"version"`
	Keys    []Key `json:"keys"`
}

// Read reads a file of keys. A file that is not there is an error that wraps
// fs.ErrNotExist.
func Read(path string) ([]Key, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("keys: %s has more than %d bytes", path, maxFileBytes)
	}
	return parse(data)
}

// parse reads and checks the content of a file.
func parse(data []byte) ([]Key, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("keys: a file of version %d, want 1", f.Version)
	}
	if len(f.Keys) > maxKeys {
		return nil, fmt.Errorf("keys: %d keys, want at most %d", len(f.Keys), maxKeys)
	}
	seen := map[string]bool{}
	for i, k := range f.Keys {
		switch {
		case k.ID == "" || seen[k.ID]:
			return nil, fmt.Errorf("keys: key %d has the id %q, want one of its own", i, k.ID)
		case len(k.Salt) < 16 || len(k.Hash) != sha256.Size:
			return nil, fmt.Errorf("keys: key %s has a salt of %d and a hash of %d bytes, want 16 and %d", k.ID, len(k.Salt), len(k.Hash), sha256.Size)
		case k.RequestsPerMinute < 0 || k.Sessions < 0 || len(k.Name) > maxName:
			return nil, fmt.Errorf("keys: key %s has a limit below 0 or a name beyond %d bytes", k.ID, maxName)
		}
		seen[k.ID] = true
	}
	return f.Keys, nil
}

// Change rewrites a file of keys, which is made if it is not there. Readers see
// the old file or the new one. Only one change at a time is possible: others
// are refused.
func Change(path string, change func([]Key) ([]Key, error)) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	lock, err := os.OpenFile(path+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keys: somebody else changes %s; if not, remove %s.new", path, path)
	}
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	err = rewrite(lock, path, change)
	if err == nil {
		err = os.Rename(lock.Name(), path)
	}
	if err != nil {
		os.Remove(lock.Name())
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// rewrite writes the changed keys of the file at path to out, and closes it.
func rewrite(out *os.File, path string, change func([]Key) ([]Key, error)) error {
	defer out.Close()
	list, err := Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if list, err = change(list); err != nil {
		return err
	}
	data, err := json.MarshalIndent(file{1, list}, "", "  ")
	if err != nil {
		return err
	}
	if _, err := parse(data); err != nil {
		return err
	}
	if _, err := out.Write(append(data, '\n')); err != nil {
		return err
	}
	return errors.Join(out.Sync(), out.Close())
}
