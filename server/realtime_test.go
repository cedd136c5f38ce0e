package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/audio/wav"
	"hark/engine"
)

// caller is a client of the realtime protocol on a real WebSocket. It reads all
// the time, as clients do, so that pings are answered.
type caller struct {
	t      *testing.T
	conn   *websocket.Conn
	frames chan []byte // closed with the connection
	err    error       // why; set before that
}

// newCaller takes a connection over and closes it at the end of the test.
func newCaller(t *testing.T, conn *websocket.Conn) *caller {
	c := &caller{t: t, conn: conn, frames: make(chan []byte, 1000)}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(c.frames)
		for {
			kind, data, err := conn.Read(context.Background())
			if err == nil && kind != websocket.MessageText {
				err = errors.New("a frame that is not text")
			}
			if err != nil {
				c.err = err
				return
			}
			c.frames <- data
		}
	})
	t.Cleanup(func() {
		conn.CloseNow()
		wg.Wait()
	})
	return c
}

// closed waits for the end of the connection and returns its close code.
func (c *caller) closed() websocket.StatusCode {
	for range c.frames {
	}
	return websocket.CloseStatus(c.err)
}

// received is what tests read of server events.
type received struct {
	Type     string
	Delta    string
	Text     string
	ItemID   string `json:"item_id"`
	Error    struct{ Type, Code, Param, EventID string }
	Session  struct{ Model, Instructions string }
	Response struct {
		Status string
		Usage  struct {
			Input   int `json:"input_tokens"`
			Output  int `json:"output_tokens"`
			Details struct {
				Audio  int `json:"audio_tokens"`
				Image  int `json:"image_tokens"`
				Cached int `json:"cached_tokens"`
			} `json:"input_token_details"`
		}
	}
}

func call(t *testing.T, url string, o *websocket.DialOptions) *caller {
	t.Helper()
	if o == nil {
		o = &websocket.DialOptions{}
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o.HTTPClient = &http.Client{Transport: transport}
	conn, _, err := websocket.Dial(t.Context(), url+"/v1/realtime?model=gpt-realtime", o)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20) // as strict clients have it
	c := newCaller(t, conn)
	c.until("session.created")
	return c
}

func (c *caller) send(event any) {
	c.t.Helper()
	data, ok := event.(string)
	if !ok {
		b, err := json.Marshal(event)
		if err != nil {
			c.t.Fatal(err)
		}
		data = string(b)
	}
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(data)); err != nil {
		c.t.Fatalf("send %.80s: %v", data, err)
	}
}

func (c *caller) next() received {
	c.t.Helper()
	var data []byte
	var ok bool
	select {
	case data, ok = <-c.frames:
		if !ok {
			c.t.Fatalf("the connection ended: %v", c.err)
		}
	case <-time.After(time.Minute):
		c.t.Fatal("nothing comes for a minute")
	}
	var ev received
	if err := json.Unmarshal(data, &ev); err != nil {
		c.t.Fatalf("%v in %s", err, data)
	}
	return ev
}

// until reads events to the first of a type. Errors fail the test unless they
// are wanted.
func (c *caller) until(kind string) received {
	c.t.Helper()
	for {
		ev := c.next()
		if ev.Type == kind {
			return ev
		}
		if ev.Type == "error" {
			c.t.Fatalf("error %+v, want %s", ev.Error, kind)
		}
	}
}

// answer reads a response to its end.
func (c *caller) answer() (text string, done received) {
	c.t.Helper()
	for {
		ev := c.next()
		switch ev.Type {
		case "response.output_text.delta":
			text += ev.Delta
		case "response.done":
			return strings.TrimSpace(text), ev
		case "error":
			c.t.Fatalf("error %+v", ev.Error)
		}
	}
}

// configure sets instructions and turn detection.
func (c *caller) configure(instructions string, detection any) {
	c.t.Helper()
	c.send(map[string]any{"type": "session.update", "session": map[string]any{
		"type": "realtime", "instructions": instructions,
		"audio": map[string]any{"input": map[string]any{"turn_detection": detection}},
	}})
	c.until("session.updated")
}

// speak appends a sample file and silence, in pieces of 100 ms.
func (c *caller) speak(file string, silence time.Duration) {
	c.t.Helper()
	c.append(c.decode(file))
	c.silence(silence)
}

// decode returns a sample file at 24 kHz.
func (c *caller) decode(file string) []float32 {
	c.t.Helper()
	clip, err := wav.Decode(sampleFile(c.t, file), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := resample.New(clip.Rate, 24000)
	if err != nil {
		c.t.Fatal(err)
	}
	return append(slices.Clone(r.Push(clip.Samples)), r.Flush()...)
}

// silence appends silence.
func (c *caller) silence(d time.Duration) {
	c.t.Helper()
	c.append(make([]float32, int(d.Seconds()*24000)))
}

// append appends samples in pieces of 100 ms.
func (c *caller) append(samples []float32) {
	c.t.Helper()
	for part := range slices.Chunk(pcm.Append(nil, pcm.PCM16, samples), 4800) {
		c.send(map[string]any{"type": "input_audio_buffer.append", "audio": base64.StdEncoding.EncodeToString(part)})
	}
}

func (c *caller) show(file string) {
	c.t.Helper()
	c.send(map[string]any{"type": "conversation.item.create", "item": map[string]any{"type": "message", "role": "user",
		"content": []any{map[string]any{"type": "input_image", "image_url": dataURI(sampleFile(c.t, file))}}}})
}

// The main path on real input: spoken questions, some with a picture, over a
// WebSocket; with the turn ended by the client, the same with 8 s of silence
// behind the words, and with the turn found by the server.
func TestSpokenQuestionsAreAnswered(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	asked, right := 0, 0
	for _, s := range someCases(t) {
		if s.Audio == "" {
			continue
		}
		ask := func(silence time.Duration, detection any) (string, received) {
			c := call(t, url, nil)
			defer c.conn.CloseNow()
			c.configure(s.System, detection)
			if s.Image != "" {
				c.show(s.Image)
			}
			c.speak(s.Audio, silence)
			if detection == nil {
				c.send(`{"type":"input_audio_buffer.commit"}`)
				c.send(`{"type":"response.create"}`)
			}
			return c.answer()
		}
		text, done := ask(0, nil)
		asked++
		if text == s.Reference {
			right++
		} else {
			t.Logf("%s: %q, the reference says %q", s.Name, text, s.Reference)
		}
		u := done.Response.Usage
		if done.Response.Status != "completed" || u.Details.Audio == 0 || (u.Details.Image > 0) != (s.Image != "") || u.Output == 0 {
			t.Errorf("%s: %+v", s.Name, done.Response)
		}
		for _, detection := range []any{nil, map[string]any{"type": "server_vad"}} {
			same, late := ask(8*time.Second, detection)
			if same != text || late.Response.Usage.Input != u.Input {
				t.Errorf("%s with 8 s of silence, %v: %q of %d tokens, want %q of %d",
					s.Name, detection, same, late.Response.Usage.Input, text, u.Input)
			}
		}
	}
	if right < asked-1 {
		t.Errorf("%d of %d answers as the reference, want all but one", right, asked)
	}
}

func TestSecondTurnGoesOnFromTheCache(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	s := sampleCases(t)[11]
	c := call(t, url, nil)
	c.configure(s.System, nil)
	for turn := range 3 {
		c.speak(s.Audio, 0)
		c.send(`{"type":"input_audio_buffer.commit"}`)
		c.send(`{"type":"response.create"}`)
		_, done := c.answer()
		u := done.Response.Usage
		if cached := u.Details.Cached; turn > 0 && cached < u.Input/3 {
			t.Errorf("turn %d: %d of %d tokens cached", turn, cached, u.Input)
		}
	}
}

func TestTwoClientsAtOnce(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	all := sampleCases(t)
	var wg sync.WaitGroup
	for _, i := range []int{0, 11} {
		s := all[i]
		c := call(t, url, nil)
		wg.Go(func() {
			c.configure(s.System, map[string]any{"type": "server_vad"})
			c.speak(s.Audio, time.Second)
			if text, _ := c.answer(); text != s.Reference {
				t.Errorf("%s: %q, want %q", s.Name, text, s.Reference)
			}
		})
	}
	wg.Wait()
}

func TestClientsThatMisbehaveHurtNobodyElse(t *testing.T) {
	s, url := serve(t, Options{Engine: real(t)})
	good := sampleCases(t)[0]
	other := call(t, url, nil)
	other.configure(good.System, map[string]any{"type": "server_vad"})
	other.speak(good.Audio, 0) // not answered yet

	bad := call(t, url, nil)
	for _, event := range []string{
		`{"type":"session.update","event_id":"e"`,
		`{"type":"nonsense","event_id":"e"}`,
		`{"type":"session.update","event_id":"e","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":11025}}}}}`,
		`{"type":"input_audio_buffer.append","event_id":"e","audio":"?"}`,
		`{"type":"input_audio_buffer.commit","event_id":"e"}`,
		`{"type":"conversation.item.create","event_id":"e","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"` +
			dataURI(append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 20<<20)...)) + `"}]}}`,
		"\x00\xff",
	} {
		bad.send(event)
		if ev := bad.next(); ev.Type != "error" || ev.Error.Code == "" {
			t.Errorf("%.80s: %+v, want an error", event, ev)
		}
	}
	gone := call(t, url, nil)
	gone.configure(good.System, nil)
	gone.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"How much is five plus five?"}]}}`)
	gone.send(`{"type":"response.create"}`)
	gone.until("response.output_text.delta")
	gone.conn.CloseNow() // in mid-answer

	huge := call(t, url, nil)
	huge.send(`{"type":"` + strings.Repeat("x", 33<<20) + `"}`)
	if code := huge.closed(); code != websocket.StatusMessageTooBig {
		t.Errorf("a frame of 33 MiB: %v, want close code 1009", huge.err)
	}

	other.speak(good.Audio, time.Second) // a second question right behind
	for {
		text, done := other.answer()
		if done.Response.Status == "completed" {
			if text != good.Reference {
				t.Errorf("the other client: %q, want %q", text, good.Reference)
			}
			break
		}
	}
	if err := s.Close(); err != nil { // waits for all sessions
		t.Error(err)
	}
}

func TestTooManySessionsAreToldToWait(t *testing.T) {
	s, url := serve(t, Options{Engine: newPuppet(), Limits: Limits{Sessions: 1}})
	first := call(t, url, nil)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	_, resp, err := websocket.Dial(t.Context(), url+"/v1/realtime", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err == nil || resp == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("a second session: %v, %v", resp, err)
	}
	first.conn.Close(websocket.StatusNormalClosure, "")
	s.running.Wait() // the server has seen it
	conn, _, err := websocket.Dial(t.Context(), url+"/v1/realtime", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatalf("there is still no room after the first has left: %v", err)
	}
	conn.CloseNow()
}

func TestBrowserKeyAndModelName(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), Keys: []string{"ek_secret"}, Instructions: "Be kind."})
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	conn, _, err := websocket.Dial(t.Context(), url+"/v1/realtime?model=my-model", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, Subprotocols: []string{"realtime", "openai-insecure-api-key.ek_secret"}})
	if err != nil {
		t.Fatal(err)
	}
	c := newCaller(t, conn)
	if ev := c.next(); ev.Session.Model != "my-model" || ev.Session.Instructions != "Be kind." || conn.Subprotocol() != "realtime" {
		t.Errorf("session %+v, subprotocol %q", ev.Session, conn.Subprotocol())
	}
}

func TestRealtimeRefusals(t *testing.T) {
	s, err := New(Options{Engine: silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"intent=transcription": 426, "call_id=rtc_1": 404, "model=x": 426} {
		w := status(s, func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/v1/realtime", query })
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if w := status(s, func(r *http.Request) {
		r.URL.Path = "/v1/realtime"
		r.Header.Set("Connection", "keep-alive, Upgrade")
		r.Header.Set("Upgrade", "websocket")
	}); w.Code != 503 {
		t.Errorf("a closed server: %d, want 503", w.Code)
	}
}

func TestCloseTellsSessions(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p})
	c := call(t, url, nil)
	c.send(`{"type":"response.create"}`)
	p.tokens <- engine.Token{Text: "One"}
	c.until("response.output_text.delta")
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if code := c.closed(); code != websocket.StatusGoingAway {
		t.Errorf("the connection ended with %v, want close code 1001", c.err)
	}
	wg.Wait()
	if n := p.open.Load(); n != 0 {
		t.Errorf("%d sequences are open", n)
	}
}
