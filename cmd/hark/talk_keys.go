package main

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// key is a key that was pressed: a rune, or one of the names below.
type key rune

// Keys that are no runes of a text.
const (
	keyEnter     key = '\r'
	keyEscape    key = 0x1b
	keyBackspace key = 0x7f
	keyInterrupt key = 0x03 // Ctrl-C
	keyEnd       key = 0x04 // Ctrl-D
	keyErase     key = 0x15 // Ctrl-U
)

// keysAhead is how many keys wait. Full: what is typed next waits in the
// terminal.
const keysAhead = 64

// keyboard reads keys from the terminal, one at a time instead of lines.
type keyboard struct {
	pressed chan key
	tty     *os.File
	before  *term.State
	done    chan struct{}
	reader  sync.WaitGroup
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// openKeyboard takes the terminal of the process.
func openKeyboard() (*keyboard, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	k := &keyboard{pressed: make(chan key, keysAhead), tty: tty, done: make(chan struct{})}
	conn, err := tty.SyscallConn() // Fd would make reads that cannot be ended
	if err == nil {
		controlErr := conn.Control(func(fd uintptr) { k.before, err = term.MakeRaw(int(fd)) })
		if controlErr != nil {
			err = controlErr
		}
	}
	if err != nil {
		tty.Close()
		return nil, err
	}
	k.reader.Go(func() { runKeys(tty, k.pressed, k.done) })
	return k, nil
}

// width returns the columns of the terminal.
func (k *keyboard) width() int {
	columns := 80
	if conn, err := k.tty.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			if w, _, err := term.GetSize(int(fd)); err == nil && w > 0 {
				columns = w
			}
		})
	}
	return columns
}

// readerPatience is how long a read of the terminal may take to end: where the
// system has no way to end it, it ends with the process.
const readerPatience = 100 * time.Millisecond

// close gives the terminal back as it was.
func (k *keyboard) close() {
	if conn, err := k.tty.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = term.Restore(int(fd), k.before) }) // the last word to it
	}
	close(k.done)
	k.tty.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.reader.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(readerPatience):
	}
}

// runKeys reads keys until the terminal is closed.
func runKeys(r io.Reader, pressed chan<- key, done <-chan struct{}) {
	var rest []byte
	buf := make([]byte, 256)
	for {
		n, err := r.Read(buf)
		var keys []key
		keys, rest = splitKeys(append(rest, buf[:n]...))
		for _, k := range keys {
			select {
			case pressed <- k:
			case <-done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// splitKeys takes apart what a terminal sends: runes of UTF-8, and sequences
// of arrows and the like, which mean nothing here. Half a rune is left over.
func splitKeys(b []byte) (keys []key, rest []byte) {
	for len(b) > 0 {
		if b[0] == 0x1b && len(b) > 1 && (b[1] == '[' || b[1] == 'O') {
			n := 2
			for n < len(b) && (b[n] < 0x40 || b[n] > 0x7e) {
				n++
			}
			b = b[min(n+1, len(b)):]
			continue
		}
		if !utf8.FullRune(b) {
			return keys, append([]byte(nil), b...)
		}
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch {
		case r == '\n':
			r = '\r'
		case r == 0x08:
			r = rune(keyBackspace)
		case r == utf8.RuneError && n == 1:
			continue
		}
		keys = append(keys, key(r))
	}
	return keys, nil
}

// maxTyped is the longest text that can be typed, in runes.
const maxTyped = 4000

// press does what a key stands for. While something is being written, keys are
// its text.
func (t *talk) press(k key) {
	switch k {
	case keyInterrupt, keyEnd:
		t.end(nil)
		return
	case keyEscape:
		if t.typing != nil {
			t.typing = nil
			return
		}
		t.stopAnswer()
		return
	}
	if t.typing != nil {
		t.write(k)
		return
	}
	switch {
	case k == 'q':
		t.end(nil)
	case k == ' ':
		t.mute()
	case k == keyEnter, k == '/':
		t.typing = &[]rune{}
	case k > ' ' && k != keyBackspace:
		t.typing = &[]rune{rune(k)}
	}
}

// write adds a key to the text being written, or sends it.
func (t *talk) write(k key) {
	text := *t.typing
	switch {
	case k == keyEnter:
		t.typing = nil
		t.ask(strings.TrimSpace(string(text)))
		return
	case k == keyBackspace && len(text) > 0:
		text = text[:len(text)-1]
	case k == keyBackspace:
		t.typing = nil
		return
	case k == keyErase:
		text = text[:0]
	case k >= ' ' && len(text) < maxTyped:
		text = append(text, rune(k))
	}
	t.typing = &text
}

// ask says something in writing.
func (t *talk) ask(text string) {
	if text == "" {
		return
	}
	t.stopAnswer()
	x := &exchange{heard: true, asked: true, speechEnd: time.Now(), turnEnd: time.Now()}
	x.user.WriteString(text)
	t.exchanges = append(t.exchanges, x)
	t.send(userItem(map[string]any{"type": "input_text", "text": text}))
	t.send(map[string]any{"type": "response.create"})
}

// stopAnswer interrupts the answer: its sound, and what is still being
// written of it.
func (t *talk) stopAnswer() {
	if t.answering != "" {
		t.send(map[string]any{"type": "response.cancel"})
	}
	t.interrupt(time.Now())
}

// mute switches the microphone. With push-to-talk a press begins a turn, and
// the next one ends it.
func (t *talk) mute() {
	t.muted = !t.muted
	if !t.c.PushToTalk {
		return
	}
	if !t.muted {
		t.stopAnswer()
		t.send(map[string]any{"type": "input_audio_buffer.clear"})
		t.hearing = true
		return
	}
	t.hearing = false
	t.commit(time.Now())
}

// state says what goes on.
func (t *talk) state() state {
	s := state{mic: t.micLevel, voice: -100, push: t.c.PushToTalk, typing: t.typing, open: t.newest()}
	switch {
	case t.voice.line.Queued() > 0:
		s.what, s.speaking = "speaking", true
	case t.hearing:
		s.what = "hearing you"
	case t.answering != "" || s.open != nil && s.open.response == "":
		s.what = "thinking"
	case t.muted && t.c.PushToTalk:
		s.what = "press Space and speak"
	case t.muted:
		s.what = "muted"
	case time.Now().Before(t.rests):
		s.what = "microphone rests"
	default:
		s.what = "listening"
	}
	return s
}

// tellReady says what the conversation is held with.
func (t *talk) tellReady(s *driver) {
	text := t.caller.String()
	if s.card != nil {
		input, output := s.card.Names()
		text += "; microphone " + input
		if output != "" {
			text += ", loudspeaker " + output
		}
		switch {
		case t.canceller != nil && t.aloud:
			text += ", echo cancelled"
		case t.halfDuplex && t.aloud && len(t.warnings) == 0:
			text += ", half-duplex"
		}
	}
	if t.frames != nil {
		text += "; camera " + t.frames.Name()
	}
	t.show.tell(happening{Type: "ready", At: t.since(time.Now()), Text: text})
	for _, w := range t.warnings {
		t.notice(w)
	}
	if t.c.aloud() && !t.aloud {
		t.notice("answers are text: there is no voice (hark doctor says why)")
	}
}
