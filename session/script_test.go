package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hark/audio/pcm"
	"hark/engine"
	"hark/internal/leak"
	"hark/media"
	"hark/media/mediatest"
	"hark/session/realtime"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestScripts plays every testdata/*.script: a session each, in virtual time.
//
//	> {…}                   the client sends an event
//	< TYPE {…}              the next event of the server is of that type and
//	                        has at least these fields; "*" is anything, "$x" is
//	                        an id that is the same wherever $x stands
//	< nothing               no event comes for 2 s
//	~ speech 1.2s           the client speaks, or is silent, in frames of 20 ms
//	~~ speech 1.2s          the same in one event, at once
//	@ 500ms                 time passes
//	$ 100ms 20ms "a" "b"    the next answer: first token after 100 ms, then
//	                        one each 20 ms. "!" at the end: it fails
//	? prompt                the prompt of the last answer
//	# …                     a comment
//	% key value             a setting of the session, before all else
//	! 1000                  the server closed with this code
//	x 20 A ;; B             lines A and B, 20 times
//
// In what the client sends, PNG is a picture and LONG 1000 characters.
//
// At the end the client leaves, and nothing may be left of the engine's.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".script"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, file, string(data))
		})
	}
}

// player is a script being played.
type player struct {
	t      *testing.T
	fake   *fakeEngine
	client mediatest.Client
	where  string
	names  map[string]string
	events chan []byte
	rate   int
	phase  float64
	plays  bool // the connection plays sound itself

	shutDown func() // ends the context of Run
	broken   bool   // the session ends otherwise than by the client's leaving
	err      error  // of Run
}

func play(t *testing.T, file, script string) {
	lines := strings.Split(script, "\n")
	head := 0
	setUp := func(p *player, o *Options) {
		for ; strings.HasPrefix(lines[head], "%") || strings.HasPrefix(lines[head], "#"); head++ {
			p.where = fmt.Sprintf("%s:%d", file, head+1)
			p.set(o, lines[head])
		}
	}
	hold(t, setUp, func(p *player) {
		for i, line := range lines[head:] {
			p.where = fmt.Sprintf("%s:%d", file, head+i+1)
			p.line(strings.TrimSpace(line))
			if t.Failed() {
				break
			}
		}
	})
}

// hold runs a session in a bubble: body plays the client. At the end the
// client leaves, and neither an event nor anything of the engine may be left.
func hold(t *testing.T, setUp func(*player, *Options), body func(*player)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &player{t: t, fake: newFake(), names: map[string]string{}, rate: 24000, events: make(chan []byte, 10000)}
		var log bytes.Buffer
		o := Options{Engine: p.fake, Model: "gemma-4", NewDetector: func() Detector { return &loudness{} },
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		if setUp != nil {
			setUp(p, &o)
		}
		var conn media.Conn
		conn, p.client = mediatest.Pipe()
		if p.plays {
			conn = &track{Conn: conn}
		}
		go func() {
			defer close(p.events)
			for {
				ev, err := p.client.Recv()
				if err != nil {
					return
				}
				p.events <- ev
			}
		}()
		ctx, cancel := context.WithCancel(context.Background())
		p.shutDown = cancel
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- Run(ctx, conn, o) }()
		body(p)
		p.client.Close()
		p.err = <-done
		if p.err != nil && !p.broken {
			t.Errorf("%s: Run = %v", p.where, p.err)
		}
		for ev := range p.events {
			if !t.Failed() && !p.broken {
				t.Errorf("%s: not expected: %s", p.where, ev)
			}
		}
		if left := p.fake.left(); left != 0 {
			t.Errorf("%s: %d clips, pictures and sequences were not closed", p.where, left)
		}
		began := !errors.Is(p.err, ErrUnknownConversation)
		if began != strings.Contains(log.String(), `msg="session ended"`) || strings.Contains(log.String(), "secret") {
			t.Errorf("%s: log: %s", p.where, log.String())
		}
	})
}

func (p *player) set(o *Options, line string) {
	fields := strings.Fields(line)
	if fields[0] == "#" {
		return
	}
	n := 0
	if len(fields) > 2 {
		n, _ = strconv.Atoi(fields[2])
	}
	switch fields[1] {
	case "instructions":
		o.Instructions = strings.Join(fields[2:], " ")
	case "context":
		p.fake.info.Context = n
	case "clip":
		p.fake.info.ClipSamples = n
	case "deaf":
		p.fake.info.Hears = false
	case "blind":
		p.fake.info.Sees = false
	case "voice":
		o.Speaker = &fakeSpeaker{slow: p.duration(fields[2])}
	case "beta":
		o.Beta = true
	case "sequences":
		p.fake.maxOpen = int64(n)
	case "plays":
		p.plays = true
	case "resume":
		o.Shelf, o.Resume = NewShelf(1, time.Minute), fields[2]
	case "limit":
		o.RateLimits = func() []realtime.RateLimit {
			return []realtime.RateLimit{{Name: "requests", Limit: n, Remaining: n - 1, ResetSeconds: 0.5}}
		}
	default:
		p.t.Fatalf("%s: unknown setting", p.where)
	}
}

func (p *player) line(line string) {
	kind, rest, _ := strings.Cut(line, " ")
	switch kind {
	case "", "#":
	case ">":
		p.send(p.expand(rest))
	case "<":
		p.want(rest)
	case "x":
		times, lines, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(times)
		if err != nil {
			p.t.Fatalf("%s: %v", p.where, err)
		}
		for range n {
			for one := range strings.SplitSeq(lines, " ;; ") {
				p.line(one)
			}
		}
	case "~", "~~":
		p.speak(rest, kind == "~~")
	case "@":
		time.Sleep(p.duration(rest))
	case "$":
		p.answer(rest)
	case "?":
		synctest.Wait()
		p.fake.mu.Lock()
		defer p.fake.mu.Unlock()
		if n := len(p.fake.prompts); n == 0 || p.fake.prompts[n-1] != rest {
			p.t.Errorf("%s: prompts\n got %q\nwant the last to be\n     %q", p.where, p.fake.prompts, rest)
		}
	case "!":
		if ev, ok := <-p.events; ok {
			p.t.Errorf("%s: got %s, want a close", p.where, ev)
			return
		}
		p.broken = true
		if code, reason := p.client.CloseCode(); fmt.Sprint(code) != rest {
			p.t.Errorf("%s: closed with %d %q", p.where, code, reason)
		}
	default:
		p.t.Fatalf("%s: unknown line %q", p.where, line)
	}
}

func (p *player) duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		p.t.Fatalf("%s: %v", p.where, err)
	}
	return d
}

// expand puts in a picture for PNG and the ids that were seen for their names.
func (p *player) expand(s string) string {
	if strings.Contains(s, "PNG") {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
			p.t.Fatal(err)
		}
		s = strings.ReplaceAll(s, "PNG", "data:image/png;base64,"+base64.StdEncoding.EncodeToString(b.Bytes()))
	}
	s = strings.ReplaceAll(s, "LONG", strings.Repeat("x", 1000))
	for name, id := range p.names {
		s = strings.ReplaceAll(s, `"`+name+`"`, `"`+id+`"`)
	}
	return s
}

func (p *player) send(event string) {
	if err := p.client.Send([]byte(event)); err != nil {
		p.t.Errorf("%s: %v", p.where, err)
	}
}

// speak appends a tone or silence.
func (p *player) speak(what string, once bool) {
	kind, length, _ := strings.Cut(what, " ")
	n := int(p.duration(length).Seconds() * float64(p.rate))
	samples := make([]float32, n)
	if kind == "speech" {
		for i := range samples {
			p.phase += 2 * math.Pi * 440 / float64(p.rate)
			samples[i] = float32(0.5 * math.Sin(p.phase))
		}
	}
	data := pcm.Append(nil, pcm.PCM16, samples)
	size := len(data)
	if !once {
		size = p.rate / 50 * 2
	}
	for len(data) > 0 {
		part := data[:min(size, len(data))]
		data = data[len(part):]
		p.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(part) + `"}`)
		if !once {
			time.Sleep(20 * time.Millisecond)
		}
	}
	synctest.Wait()
}

// answer queues what Generate yields next.
func (p *player) answer(rest string) {
	a := answer{first: 10 * time.Millisecond, pause: 10 * time.Millisecond}
	times := 0
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				p.t.Fatalf("%s: %v", p.where, err)
			}
			piece, _ := strconv.Unquote(quoted)
			a.pieces = append(a.pieces, piece)
			rest = rest[len(quoted):]
			continue
		}
		word, after, _ := strings.Cut(rest, " ")
		rest = after
		switch {
		case word == "!":
			a.err = errors.New("fake: the device is lost")
		case word == "!closed":
			a.err = engine.ErrClosed
		case times == 0:
			a.first = p.duration(word)
			times++
		default:
			a.pause = p.duration(word)
		}
	}
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	p.fake.answers = append(p.fake.answers, a)
}

// want compares the next event.
func (p *player) want(rest string) {
	kind, fields, _ := strings.Cut(rest, " ")
	select {
	case data, ok := <-p.events:
		if !ok {
			p.t.Errorf("%s: the server closed, want %s", p.where, rest)
			return
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			p.t.Errorf("%s: %v in %s", p.where, err, data)
			return
		}
		if got["type"] != kind {
			p.t.Errorf("%s: got %s, want %s", p.where, data, rest)
			return
		}
		if fields == "" {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(fields), &want); err != nil {
			p.t.Fatalf("%s: %v", p.where, err)
		}
		if diff := p.differ("", got, want); diff != "" {
			p.t.Errorf("%s: %s\n got %s\nwant %s", p.where, diff, data, rest)
		}
	case <-time.After(2 * time.Second):
		if rest != "nothing" {
			p.t.Errorf("%s: nothing comes, want %s", p.where, rest)
		}
	}
}

// differ says where got lacks what is wanted, "" nowhere.
func (p *player) differ(path string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", path, got)
		}
		for k, w := range want {
			v, there := g[k]
			if !there {
				return fmt.Sprintf("%s.%s is missing", path, k)
			}
			if diff := p.differ(path+"."+k, v, w); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return fmt.Sprintf("%s is %v, want %d elements", path, got, len(want))
		}
		for i := range want {
			if diff := p.differ(fmt.Sprintf("%s[%d]", path, i), g[i], want[i]); diff != "" {
				return diff
			}
		}
		return ""
	case string:
		g, ok := got.(string)
		switch {
		case want == "*":
			return ""
		case ok && strings.HasPrefix(want, "$"):
			if known, seen := p.names[want]; seen && known != g {
				return fmt.Sprintf("%s is %q, want %s = %q", path, g, want, known)
			}
			p.names[want] = g
			return ""
		case ok && strings.HasSuffix(want, "…") && strings.HasPrefix(g, strings.TrimSuffix(want, "…")):
			return ""
		}
	}
	if got != want {
		return fmt.Sprintf("%s is %v, want %v", path, got, want)
	}
	return ""
}
