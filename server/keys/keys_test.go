package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// add adds a key to a file and returns it.
func add(t *testing.T, path, name string, change func(*Key)) string {
	t.Helper()
	k, secret := Make(name)
	if change != nil {
		change(&k)
	}
	if err := Change(path, func(list []Key) ([]Key, error) { return append(list, k), nil }); err != nil {
		t.Fatal(err)
	}
	return secret
}

// has reports whether a ring knows a key.
func has(t *testing.T, r *Ring, secret string) bool {
	t.Helper()
	h, err := r.Find(secret)
	if err != nil {
		t.Error(err)
	}
	return h != nil
}

func TestKeysOpenUntilTheyAreRevoked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "below", "keys.json")
	first := add(t, path, "first", nil)
	r, err := Open(path, []string{"fixed"})
	if err != nil {
		t.Fatal(err)
	}
	second := add(t, path, "second", nil)
	for secret, want := range map[string]bool{first: true, second: true, "fixed": true, first[1:]: false, first + "x": false, "": false} {
		if has(t, r, secret) != want {
			t.Errorf("key %q: known %v", secret, !want)
		}
	}
	err = Change(path, func(list []Key) ([]Key, error) { return list[1:], nil })
	if err != nil || has(t, r, first) || !has(t, r, second) || !has(t, r, "fixed") {
		t.Errorf("after revoking the first: %v, %v, %v", err, has(t, r, first), has(t, r, second))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h, err := r.Find(second)
	if h != nil || err == nil || !r.Required() || !has(t, r, "fixed") {
		t.Errorf("after removing the file: %v, %v", h, err)
	}
	third := add(t, path, "third", nil)
	if !has(t, r, third) {
		t.Error("a file that came back is not read")
	}
}

func TestOnlyHashesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret := add(t, path, "x", nil)
	data, err := os.ReadFile(path)
	if err != nil || bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(strings.TrimPrefix(secret, prefix))) {
		t.Errorf("the file holds the key, or %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again, _ := Make("x"); len(secret) < 26 || string(again.Salt) == string(keep("", secret).Salt) {
		t.Error("salts or keys repeat")
	}
}

func TestBrokenFileKeepsItsOldKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret := add(t, path, "x", nil)
	r, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"version":1,"keys":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := r.Find(secret); h == nil || err == nil {
		t.Errorf("at first: %v, %v", h, err)
	}
	if h, err := r.Find(secret); h == nil || err != nil {
		t.Errorf("then: %v, %v, want the error only once", h, err)
	}
	for _, text := range []string{``, `{}`, `{"version":2}`, `{"version":1,"keys":[{}]}`, `{"version":1,"keys":[{"id":"a"}]}`} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("parse(%s): no error", text)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for _, bad := range []string{"", " k"} {
		if _, err := Open("", []string{bad}); err == nil {
			t.Errorf("key %q: no error", bad)
		}
	}
}

func TestOneChangeAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	err := Change(path, func(list []Key) ([]Key, error) {
		if err := Change(path, func(list []Key) ([]Key, error) { return list, nil }); err == nil || !strings.Contains(err.Error(), ".new") {
			t.Errorf("a change within a change: %v", err)
		}
		return nil, errors.New("no")
	})
	if err == nil {
		t.Error("a change that fails: no error")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it left %v", err)
	}
	add(t, path, "x", nil)
}

func TestLimitsCountAndComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	secret := add(t, path, "x", func(k *Key) { k.RequestsPerMinute, k.Sessions = 3, 2 })
	r, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.Find(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 3 {
		if wait, left := h.Request(now); wait != 0 || left != 2-i {
			t.Errorf("request %d: wait %v, %d left", i, wait, left)
		}
	}
	if wait, _ := h.Request(now); wait != 20*time.Second {
		t.Errorf("the fourth waits %v, want 20 s", wait)
	}
	add(t, path, "other", nil) // the file is read again, the count stays
	if h, _ = r.Find(secret); h == nil {
		t.Fatal("lost")
	}
	if wait, _ := h.Request(now.Add(10 * time.Second)); wait != 10*time.Second {
		t.Errorf("after 10 s it waits %v", wait)
	}
	if wait, _ := h.Request(now.Add(21 * time.Second)); wait != 0 {
		t.Errorf("after 21 s it waits %v", wait)
	}
	if !h.Enter() || !h.Enter() || h.Enter() {
		t.Error("want two sessions")
	}
	if h.Leave(); !h.Enter() {
		t.Error("no session after one left")
	}
}

func TestSecretsExpireAndAreBounded(t *testing.T) {
	var l Secrets
	now := time.Now()
	text, err := l.Make(Secret{Expires: now.Add(time.Minute), Value: 7}, now)
	if err != nil || !strings.HasPrefix(text, SecretPrefix) {
		t.Fatal(text, err)
	}
	if s, known := l.Find(text); !known || s.Value != 7 {
		t.Errorf("found %v, %v", s, known)
	}
	if _, known := l.Find(text + "x"); known {
		t.Error("a wrong secret is known")
	}
	for range maxSecrets - 1 {
		if _, err := l.Make(Secret{Expires: now.Add(time.Hour)}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Make(Secret{}, now); !errors.Is(err, ErrTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := l.Make(Secret{}, now.Add(2*time.Minute)); err != nil {
		t.Errorf("after the first expired: %v", err)
	}
	l = Secrets{}
	for range 2 {
		if _, err := l.Make(Secret{Expires: now, Bytes: maxSecretBytes / 2}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Make(Secret{Bytes: 1}, now); !errors.Is(err, ErrTooMany) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := l.Make(Secret{Bytes: maxSecretBytes}, now.Add(time.Second)); err != nil {
		t.Errorf("after those expired: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	k, _ := Make("x")
	data, _ := json.Marshal(file{1, []Key{k}})
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parse(data); err == nil && len(list) > maxKeys {
			t.Errorf("%d keys", len(list))
		}
	})
}
