package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"hark/engine/inspect"
)

// meter shows on the terminal how far something is. Where the standard error
// is no terminal it shows nothing but notes. One goroutine at a time may use
// it.
type meter struct {
	what  string
	bar   bool
	shown bool // there is a bar on the line
	start time.Time
	first int64 // where it stood at the first call
	last  time.Time
	now   func() time.Time
	out   *os.File
}

// meterPause is the time between two pictures.
const meterPause = 100 * time.Millisecond

func newMeter(what string) *meter {
	st, err := os.Stderr.Stat()
	return &meter{what: what, bar: err == nil && st.Mode()&os.ModeCharDevice != 0, now: time.Now, out: os.Stderr}
}

// set shows that done of total bytes are done.
func (m *meter) set(done, total int64) {
	now := m.now()
	if m.start.IsZero() {
		m.start, m.first = now, done
	}
	if !m.bar || now.Sub(m.last) < meterPause {
		return
	}
	m.last, m.shown = now, true
	fmt.Fprintf(m.out, "\r\x1b[K%s", bar(m.what, done, total, done-m.first, now.Sub(m.start)))
}

// note writes a line of its own.
func (m *meter) note(text string) {
	m.close()
	fmt.Fprintln(m.out, text)
}

// close takes the bar away.
func (m *meter) close() {
	if m.shown {
		fmt.Fprint(m.out, "\r\x1b[K")
	}
	m.shown = false
}

// bar draws one line: what, how much, how fast, how long still. moved is what
// came in the time that has passed.
func bar(what string, done, total, moved int64, passed time.Duration) string {
	const width = 24
	share := 0.0
	if total > 0 {
		share = min(1, max(0, float64(done)/float64(total)))
	}
	full := int(share * width)
	line := fmt.Sprintf("%s [%s%s] %3.0f%% of %s", what, strings.Repeat("#", full), strings.Repeat(".", width-full), share*100, inspect.Size(total))
	if seconds := passed.Seconds(); seconds >= 1 && moved > 0 {
		speed := float64(moved) / seconds
		left := time.Duration(float64(total-done) / speed * float64(time.Second)).Round(time.Second)
		line += fmt.Sprintf(", %s/s, %v left", inspect.Size(int64(speed)), max(0, left))
	}
	return line
}
