package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hark/audio/pcm"
	"hark/engine"
	"hark/media"
	"hark/session/realtime"
)

// until reads events to the next of a type.
func (p *player) until(kind string) {
	p.t.Helper()
	for {
		select {
		case ev, ok := <-p.events:
			if !ok {
				p.t.Errorf("the server closed, want %s", kind)
				return
			}
			if strings.HasPrefix(string(ev), `{"type":"`+kind+`"`) {
				return
			}
		case <-time.After(time.Minute):
			p.t.Errorf("no %s comes", kind)
			return
		}
	}
}

// lines plays the lines of a script.
func (p *player) lines(script string) {
	p.t.Helper()
	for line := range strings.Lines(script) {
		p.line(strings.TrimSpace(line))
	}
}

func appendEvent(data []byte) string {
	return `{"type":"input_audio_buffer.append","event_id":"a","audio":"` + base64.StdEncoding.EncodeToString(data) + `"}`
}

// Long sound is sent at 16 kHz: it is shorter and needs no filter.
const (
	manual = `> {"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000},"turn_detection":null}}}}
		< session.updated`
	automatic = `> {"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}}
		< session.updated`
)

func sixteen(p *player, _ *Options) { p.rate = 16000 }

func TestTenMinutesOfSilenceAreTooMuch(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines("< session.created\n" + manual)
		minute := appendEvent(make([]byte, 60*32000))
		for range 10 {
			p.send(minute)
		}
		p.lines(`< nothing`)
		p.send(minute)
		p.lines(`< error {"error":{"code":"input_audio_buffer_too_long","param":"audio","event_id":"a"}}
			> {"type":"input_audio_buffer.commit","event_id":"c"}
			< error {"error":{"code":"input_audio_buffer_commit_empty","event_id":"c"}}`)
	})
}

func TestSpeechBeyondTheContextIsTooMuch(t *testing.T) {
	// 3/4 of 4096 positions, 40 ms each, are 122.88 s.
	hold(t, sixteen, func(p *player) {
		p.lines("< session.created\n" + manual + `
			~~ speech 60s
			~~ speech 60s
			< nothing
			~~ speech 60s
			< error {"error":{"code":"input_audio_buffer_too_long","message":"the input buffer held more than 122 s…"}}
			~~ speech 1s
			> {"type":"input_audio_buffer.commit"}
			< input_audio_buffer.committed
			< conversation.item.added
			< conversation.item.done`)
	})
}

func TestTurnThatDoesNotEndIsEnded(t *testing.T) {
	hold(t, sixteen, func(p *player) {
		p.lines("< session.created\n" + automatic + `
			$ 10m "never"
			$ "ok"
			~~ speech 100s
			< input_audio_buffer.speech_started {"item_id":"$u"}
			~~ speech 30s
			< input_audio_buffer.speech_stopped {"item_id":"$u"}
			< input_audio_buffer.committed {"item_id":"$u"}
			< conversation.item.added
			< conversation.item.done
			< response.created
			< input_audio_buffer.speech_started
			< response.done {"response":{"status":"cancelled"}}
			~~ silence 2s`)
		p.until("response.done")
	})
}

func TestALongSilenceIsFine(t *testing.T) {
	hold(t, sixteen, func(p *player) {
		p.lines("< session.created\n" + automatic)
		minute := appendEvent(make([]byte, 60*32000))
		for range 12 {
			p.send(minute)
		}
		p.lines(`< nothing`)
	})
}

func TestLargeAppendIsRefused(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created`)
		p.send(appendEvent(make([]byte, MaxAppendBytes+2)))
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"audio","event_id":"a"}}`)
	})
}

// bomb is a PNG that says it is w by h pixels.
func bomb(w, h uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	head = append(head, 8, 2, 0, 0, 0)
	b.Write(binary.BigEndian.AppendUint32(nil, 13))
	b.Write(head)
	b.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(head)))
	b.WriteString("\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e\x00\x00\x00\x00IEND\xae\x42\x60\x82")
	return b.Bytes()
}

func TestPicturesThatAreTooLarge(t *testing.T) {
	for name, data := range map[string][]byte{
		"20 MB":   append(bomb(8, 8), make([]byte, 20<<20)...),
		"a bomb":  bomb(60000, 60000),
		"nothing": {},
	} {
		hold(t, nil, func(p *player) {
			p.where = name
			p.lines(`< session.created`)
			p.send(`{"type":"conversation.item.create","event_id":"p","item":{"type":"message","role":"user","content":[` +
				`{"type":"input_text","text":"secret"},{"type":"input_image","image_url":"data:image/png;base64,` + base64.StdEncoding.EncodeToString(data) + `"}]}}`)
			p.lines(`< error {"error":{"code":"invalid_value","param":"item.content[1].image_url","event_id":"p"}}
				> {"type":"response.create"}`)
			p.until("response.done")
		})
	}
}

func TestCountsAreLimited(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created`)
		part := `{"type":"input_text","text":"x"}`
		p.send(`{"type":"conversation.item.create","event_id":"p","item":{"type":"message","role":"user","content":[` +
			strings.Repeat(part+",", MaxParts) + part + `]}}`)
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"item.content","event_id":"p"}}`)
		tool := `{"type":"function","name":"f"}`
		p.send(`{"type":"session.update","event_id":"t","session":{"tools":[` + strings.Repeat(tool+",", MaxTools) + tool + `]}}`)
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"session.tools","event_id":"t"}}`)
		p.send(`{"type":"response.create","event_id":"t","response":{"tools":[` + strings.Repeat(tool+",", MaxTools) + tool + `]}}`)
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"response.tools","event_id":"t"}}`)
		for i := range MaxItems {
			p.send(fmt.Sprintf(`{"type":"conversation.item.create","item":{"id":"i%d","type":"message","role":"user","content":[]}}`, i))
			p.until("conversation.item.done")
		}
		p.lines(`> {"type":"conversation.item.create","event_id":"i","item":{"type":"message","role":"user","content":[]}}
			< error {"error":{"code":"too_many_items","event_id":"i"}}
			~ speech 320ms
			< input_audio_buffer.speech_started
			> {"type":"input_audio_buffer.commit","event_id":"c"}
			< error {"error":{"code":"too_many_items","event_id":"c"}}`)
	})
}

func TestWhatCannotBeEchoedIsRefused(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created`)
		text := strings.Repeat(`\n`, MaxEventBytes/2)
		p.send(`{"type":"conversation.item.create","event_id":"i","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"` + text + `"}]}}`)
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"item","event_id":"i"}}`)
		p.send(`{"type":"session.update","event_id":"s","session":{"instructions":"` + text + `"}}`)
		p.lines(`< error {"error":{"code":"string_above_max_length","param":"session","event_id":"s"}}`)
	})
}

func TestSoundInsideAnItemIsLimited(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines("< session.created\n" + automatic)
		p.send(`{"type":"conversation.item.create","event_id":"i","item":{"type":"message","role":"user","content":[{"type":"input_audio","audio":"` +
			base64.StdEncoding.EncodeToString(make([]byte, 200*32000)) + `"}]}}`)
		p.lines(`< error {"error":{"code":"input_audio_buffer_too_long","param":"item.content[0].audio","event_id":"i"}}`)
	})
}

func TestItemSoundIsTrimmedLikeABuffer(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created`)
		var samples []float32
		for _, x := range sound(t, "silence 2s speech 1s silence 8s") { // 16 to 24 kHz, roughly
			samples = append(samples, x, x)[:len(samples)+1+len(samples)%2]
		}
		p.send(`{"type":"conversation.item.create","event_id":"i","item":{"type":"message","role":"user","content":[{"type":"input_audio","audio":"` +
			base64.StdEncoding.EncodeToString(pcm.Append(nil, pcm.PCM16, samples)) + `"}]}}`)
		p.lines(`< conversation.item.added
			< conversation.item.done
			> {"type":"response.create"}`)
		p.until("response.done")
		if got := p.fake.asked()[0]; !strings.HasPrefix(got, "<user [sound 4") {
			t.Errorf("prompt %q, want about 1.6 s of sound", got)
		}
	})
}

func TestClientThatVanishesStopsItsAnswer(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			$ 10ms 1s "One" " two" " three" " four"
			> {"type":"response.create"}
			> {"type":"response.create","response":{"conversation":"none"}}`)
		p.until("response.output_text.delta")
		p.broken = true
		p.client.Vanish()
		synctest.Wait()
		if left := p.fake.left(); left != 0 {
			t.Errorf("%d sequences are still open", left)
		}
	})
}

func TestShutdownTellsTheClient(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			$ 10ms 1h "One" " two"
			> {"type":"response.create"}`)
		p.until("response.output_text.delta")
		p.shutDown()
		p.line("! 1001")
	})
}

// mute is a connection whose client takes nothing.
type mute struct {
	once   sync.Once
	closed chan struct{}
	code   int
}

var errMute = errors.New("mute")

func (m *mute) Recv(context.Context) (media.Packet, error) {
	<-m.closed
	return nil, io.ErrClosedPipe
}
func (m *mute) Send(context.Context, media.Packet) error { return errMute }
func (m *mute) Close(code int, _ string) error {
	m.once.Do(func() {
		m.code = code
		close(m.closed)
	})
	return nil
}

func TestClientThatTakesNothingEndsTheSession(t *testing.T) {
	conn := &mute{closed: make(chan struct{})}
	err := Run(context.Background(), conn, Options{Engine: newFake()})
	if !errors.Is(err, errMute) || conn.code != closePolicy {
		t.Errorf("Run = %v, close code %d", err, conn.code)
	}
}

func TestSpeechIsReadInWhileItIsSpoken(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			~ speech 2s
			< input_audio_buffer.speech_started`)
		if n := len(p.fake.read()); n != 1 || !strings.HasSuffix(p.fake.read()[0], "…]") {
			t.Errorf("sets while speaking: %q, want one that ends in growing sound", p.fake.read())
		}
		p.lines(`~ silence 1s`)
		p.until("response.done")
		synctest.Wait()
		want := []string{"<user [sound 62] user> <assistant", "<user [sound 62] user> <assistant ok assistant>"}
		got := p.fake.read()[1:]
		if len(got) != 2 || !strings.HasSuffix(got[0], "<assistant") || !strings.HasSuffix(got[1], "ok assistant>") {
			t.Errorf("sets after it: %q, want like %q", got, want)
		}
	})
}

func TestInstructionsAreReadInAtOnce(t *testing.T) {
	hold(t, func(_ *player, o *Options) { o.Instructions = "Be kind." }, func(p *player) {
		p.lines(`< session.created`)
		synctest.Wait()
		if len(p.fake.read()) != 1 || p.fake.read()[0] != "<system Be kind. system>" {
			t.Errorf("sets: %q", p.fake.read())
		}
	})
}

func TestBulkReplayIsFast(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created`)
		go func() {
			for i := range 500 {
				p.send(fmt.Sprintf(`{"type":"conversation.item.create","item":{"id":"i%d","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}`, i))
			}
		}()
		for range 500 {
			p.until("conversation.item.done")
		}
	})
}

func TestExplainTellsFaultsApart(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code string
		ours bool
	}{
		{realtime.Invalid(realtime.CodeInvalidValue, "x", "no"), realtime.CodeInvalidValue, false},
		{fmt.Errorf("a: %w", engine.ErrTooLong), realtime.CodeContextLength, false},
		{engine.ErrBusy, realtime.CodeOverloaded, false},
		{engine.ErrDeaf, realtime.CodeUnsupported, false},
		{engine.ErrBlind, realtime.CodeUnsupported, false},
		{errors.New("secret"), realtime.CodeServerError, true},
	} {
		e, ours := Explain(tt.err)
		if e.Code != tt.code || ours != tt.ours || ours && strings.Contains(e.Message, "secret") {
			t.Errorf("Explain(%v) = %+v, %v", tt.err, e, ours)
		}
	}
}

// The switch over client events has a case for each.
func TestEveryClientEventIsHandled(t *testing.T) {
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "realtime/client.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		fields, ok := spec.Type.(*ast.StructType)
		if !ok || len(fields.Fields.List) == 0 || fmt.Sprint(fields.Fields.List[0].Type) != "event" {
			return true
		}
		events++
		if !strings.Contains(string(source), "case realtime."+spec.Name.Name+":") {
			t.Errorf("events.go has no case for realtime.%s", spec.Name.Name)
		}
		return true
	})
	if want := len(realtime.ClientTypes()); events != want {
		t.Errorf("%d types of client events, %d are decoded", events, want)
	}
}
