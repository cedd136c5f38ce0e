package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/audio/pcm"
	"hark/audio/speech"
	"hark/media/duplex"
)

// spokenBy makes a command that speaks samples, and what it prints.
func spokenBy(samples ...string) (c *talkCommand, out, log *watched) {
	out, log = &watched{}, &watched{}
	c = &talkCommand{Turns: "auto", Echo: "auto", Captions: true, in: strings.NewReader(""), out: out, err: log}
	c.Voice, c.VoiceLanguage = speech.None, "en-us"
	for _, s := range samples {
		c.In = append(c.In, filepath.Join("..", "..", "testdata", "samples", s+".wav"))
	}
	return c, out, log
}

func TestTalkAnswersFilesInTurn(t *testing.T) {
	for _, turns := range []string{"auto", "server_vad"} {
		c, out, log := spokenBy("question-3", "question-6")
		c.Turns = turns
		if err := c.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, "ninety") || !strings.Contains(got, "baa") || strings.Count(got, "you: ") != 2 {
			t.Errorf("%s: printed\n%s", turns, got)
		}
		if !strings.Contains(log.String(), "2 answers") || !strings.Contains(log.String(), "first token") {
			t.Errorf("%s: figures\n%s", turns, log)
		}
	}
}

func TestTalkShowsPicturesAndACamerasFolder(t *testing.T) {
	picture := filepath.Join("..", "..", "testdata", "samples", "picture-spoken-6.png")
	for _, camera := range []bool{false, true} {
		c, out, _ := spokenBy("picture-spoken-6")
		if c.JSON = camera; camera {
			c.Camera = picture
		} else {
			c.Image = []string{picture}
		}
		if err := c.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "I see a camera.") {
			t.Errorf("camera %v: printed\n%s", camera, out)
		}
	}
}

// Raw sound from a pipe is heard at its own pace, and answered at its end.
func TestTalkHearsTheStandardInput(t *testing.T) {
	c, out, _ := spokenBy("question-3")
	said, err := readTurns(c.In)
	if err != nil {
		t.Fatal(err)
	}
	c.In, c.in = []string{"-"}, bytes.NewReader(pcm.Append(nil, pcm.PCM16, said[0]))
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "ninety") {
		t.Errorf("printed\n%s", out)
	}
}

func TestTalkRefusesWhatMakesNoSense(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.wav")
	if err := os.WriteFile(broken, []byte("RIFF no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c *talkCommand){
		"no such file":      func(c *talkCommand) { c.In = []string{filepath.Join(dir, "none.wav")} },
		"broken file":       func(c *talkCommand) { c.In = []string{broken} },
		"two inputs":        func(c *talkCommand) { c.In = append(c.In, "-"); slices.Reverse(c.In) },
		"stereo of nothing": func(c *talkCommand) { c.Stereo = true },
		"interrupt nothing": func(c *talkCommand) { c.Interrupt = 1 },
		"device and file":   func(c *talkCommand) { c.Device = "1" },
		"push and file":     func(c *talkCommand) { c.PushToTalk = true },
		"no picture":        func(c *talkCommand) { c.Image = []string{filepath.Join(dir, "none.png")} },
		"no camera":         func(c *talkCommand) { c.Camera = filepath.Join(dir, "none") },
		"both to stdout":    func(c *talkCommand) { c.Out, c.JSON = "-", true },
		"no folder":         func(c *talkCommand) { c.Out = filepath.Join(dir, "none", "out.wav") },
		"no address":        func(c *talkCommand) { c.URL = "ftp://example.com" },
	} {
		c, _, _ := spokenBy("question-3")
		spoil(c)
		var wrong usageError
		if err := c.Run(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want an error of the user", name, err)
		}
	}
}

func TestTalkWithoutAMicrophoneSaysHowToGetOne(t *testing.T) {
	if duplex.Supported {
		return // this build has one
	}
	c, _, _ := spokenBy()
	if err := c.Run(t.Context()); !errors.Is(err, duplex.ErrUnsupported) || !strings.Contains(err.Error(), "--in FILE.wav") {
		t.Errorf("%v", err)
	}
}

func TestTalkEndsWithItsContext(t *testing.T) {
	c, _, log := spokenBy("question-3")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := c.Run(ctx); err != nil || !strings.Contains(log.String(), "0 answers") {
		t.Errorf("%v, %s", err, log)
	}
}

// A server that is not there, one that refuses, one that is none, and one that
// goes away while somebody speaks.
func TestTalkSaysWhatIsWrongWithAServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	ln.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/locked", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":{"message":"no such key"}}`)
	})
	mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(`{"type":"session.updated","session":{}}`))
		for range 20 {
			if _, _, err := conn.Read(r.Context()); err != nil {
				break
			}
		}
		conn.CloseNow()
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	at := strings.TrimPrefix(s.URL, "http://")
	for url, want := range map[string]struct {
		text string
		user bool
	}{
		nobody:                 {"cannot be reached", false},
		"ws://" + at:           {"/v1/realtime", true},
		at + "/locked":         {"no such key", true},
		"ws://" + at + "/gone": {"connection to the server is lost", false},
	} {
		c, _, _ := spokenBy("question-3")
		c.URL = url
		err := c.Run(t.Context())
		var wrong usageError
		if err == nil || !strings.Contains(err.Error(), want.text) || errors.As(err, &wrong) != want.user {
			t.Errorf("%s: %v, want %q, an error of the user: %v", url, err, want.text, want.user)
		}
	}
}

func TestRecorderWritesBothSides(t *testing.T) {
	for _, stereo := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "out.wav")
		r, err := newRecorder(path, stereo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.add([]float32{0.5, 0.5}, []float32{-0.5, -0.5}), r.close()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := pcm.Append(nil, pcm.PCM16, []float32{-0.5, -0.5})
		if stereo {
			want = pcm.Append(nil, pcm.PCM16, []float32{0.5, -0.5, 0.5, -0.5})
		}
		if !bytes.Equal(data[44:], want) || int(binary.LittleEndian.Uint32(data[40:])) != len(want) {
			t.Errorf("stereo %v: %v, want %v", stereo, data[40:], want)
		}
	}
}

func TestKeysAreTakenApart(t *testing.T) {
	keys, rest := splitKeys([]byte("a\x1b[A\x1bOP\x1b[3~\u00fc\n\xe2\x82"))
	if want := []key{'a', '\u00fc', keyEnter}; !slices.Equal(keys, want) || string(rest) != "\xe2\x82" {
		t.Errorf("%v and %q, want %v", keys, rest, want)
	}
	if keys, _ := splitKeys([]byte("\x1b")); !slices.Equal(keys, []key{keyEscape}) {
		t.Errorf("escape alone is %v", keys)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b["))
	f.Fuzz(func(t *testing.T, b []byte) {
		if keys, rest := splitKeys(b); len(keys)+len(rest) > len(b) {
			t.Errorf("%d bytes are %d keys and %d more", len(b), len(keys), len(rest))
		}
	})
}

func TestScreenKeepsWithinItsWidth(t *testing.T) {
	for _, width := range []int{20, 40, 80, 200} {
		s := newScreen(io.Discard, func() int { return width }, false)
		s.began = time.Now()
		typing := []rune(strings.Repeat("日本語 text ", 40))
		x := &exchange{}
		x.user.WriteString(strings.Repeat("word ", 100))
		x.answer.WriteString(strings.Repeat("字", 300))
		s.s = state{what: "press Space and speak", push: true, typing: &typing, open: x}
		for i, line := range s.bottom() {
			if n := wide(line); n >= width && width >= 40 {
				t.Errorf("width %d: line %d takes %d columns: %q", width, i, n, line)
			}
		}
		for _, line := range wrap(strings.Repeat("字", 90)+" and \x1b[2J words "+strings.Repeat("x", 99), width) {
			if wide(line) > width || strings.Contains(line, "\x1b") {
				t.Errorf("width %d: %q", width, line)
			}
		}
	}
}

func TestEventsAreJSON(t *testing.T) {
	var out bytes.Buffer
	e := newEvents(&out)
	e.tell(happening{Type: "notice", Text: "a\nb"})
	e.end(talkStats{Answers: 2})
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q is no JSON", line)
		}
	}
}
