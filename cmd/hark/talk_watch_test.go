package main

import (
	"bytes"
	"sync"
	"testing"
	"time"
)

// watched is an output that a test can wait for.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed at the next write
	seen int           // where await left off
}

// Write keeps what is written.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.more != nil {
		close(w.more)
		w.more = nil
	}
	return w.text.Write(p)
}

// String returns all that was written.
func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// await waits until a text is written, behind the one awaited before.
func (w *watched) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		at := bytes.Index(w.text.Bytes()[w.seen:], []byte(text))
		if at >= 0 {
			w.seen += at + len(text)
			w.mu.Unlock()
			return
		}
		if w.more == nil {
			w.more = make(chan struct{})
		}
		more := w.more
		w.mu.Unlock()
		select {
		case <-more:
		case <-late:
			t.Fatalf("%q was not written within 30 s:\n%s", text, w)
		}
	}
}
