package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/internal/leak"
	"hark/media/ws"
	"hark/session"
)

// neighbour is a session beside one that misbehaves: it asks the same question
// again and again.
type neighbour struct {
	c     *caller
	want  sampleCase
	worst time.Duration // until the first word of an answer
}

// firstWord bounds how long the neighbour may wait for it, whatever others do.
func firstWord() time.Duration {
	if raceEnabled {
		return 20 * time.Second
	}
	return 5 * time.Second // on a machine that runs other tests too; alone it is some 20 ms
}

// ask asks once, and forgets it again.
func (n *neighbour) ask() {
	c := n.c
	c.t.Helper()
	c.send(map[string]any{"type": "response.create", "response": map[string]any{"conversation": "none", "input": []any{map[string]any{
		"type": "message", "role": "user", "content": []any{map[string]any{"type": "input_text", "text": n.want.Text}}}}}})
	begin, text := time.Now(), ""
	for {
		switch ev := c.next(); ev.Type {
		case "response.output_text.delta":
			if text == "" {
				n.worst = max(n.worst, time.Since(begin))
			}
			text += ev.Delta
		case "response.done":
			if got := strings.TrimSpace(text); ev.Response.Status != "completed" || got != n.want.Reference {
				c.t.Errorf("the neighbour: %s %q, want %q", ev.Response.Status, got, n.want.Reference)
			}
			return
		case "error":
			c.t.Fatalf("the neighbour: error %+v", ev.Error)
		}
	}
}

// beside runs misbehave while the neighbour asks, at least once in the middle of
// it and once behind it.
func beside(t *testing.T, url string, misbehave func(t *testing.T)) {
	t.Helper()
	var question sampleCase
	for _, c := range sampleCases(t) {
		if c.Audio == "" && c.Image == "" {
			question = c
			break
		}
	}
	n := &neighbour{c: call(t, url, nil), want: question}
	n.c.configure(question.System, nil)
	n.ask()
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for {
			n.ask()
			select {
			case <-over:
				return
			default:
			}
		}
	})
	misbehave(t)
	close(over)
	wg.Wait()
	n.ask()
	if n.worst > firstWord() {
		t.Errorf("the neighbour waited %v for a first word, want at most %v", n.worst, firstWord())
	}
	n.c.conn.Close(websocket.StatusNormalClosure, "")
}

// fault reads up to an error, which must have a code and be about an event.
func (c *caller) fault(code, param string) {
	c.t.Helper()
	for {
		var frame []byte
		var ok bool
		select {
		case frame, ok = <-c.frames:
		case <-time.After(20 * time.Second):
		}
		if !ok {
			c.t.Fatalf("no error %s, the connection: %v", code, c.err)
		}
		var ev struct {
			Type  string
			Error struct {
				Code, Param, Message string
				EventID              string `json:"event_id"`
			}
		}
		if err := json.Unmarshal(frame, &ev); err != nil {
			c.t.Fatalf("%v in %.200s", err, frame)
		}
		if ev.Type != "error" {
			continue
		}
		if e := ev.Error; e.Code != code || e.Param != param || e.Message == "" || code != "invalid_event" && e.EventID != "it" {
			c.t.Errorf("error %+v, want %s about %q", e, code, param)
		}
		return
	}
}

// TestFaultsAreToldAndHurtNobody: what docs/protocol.md says about each fault,
// with a session beside it that notices nothing.
func TestFaultsAreToldAndHurtNobody(t *testing.T) {
	real(t)
	leak.Check(t)
	_, url := serve(t, Options{Engine: real(t)})
	beside(t, url, func(t *testing.T) {
		c := call(t, url, nil)
		c.configure("", nil)
		sound := base64.StdEncoding.EncodeToString(make([]byte, 9600))
		for _, f := range []struct{ event, code, param string }{
			{`{"type":"session.update","event_id":"it"`, "invalid_event", ""},
			{`[{"type":"session.update"}]`, "invalid_event", ""},
			{`null`, "invalid_event", ""},
			{"\x00\xff", "invalid_event", ""},
			{strings.Repeat("[", 100000), "invalid_event", ""},
			{`{"type":7,"event_id":"it"}`, "invalid_type", "type"},
			{`{"event_id":"it"}`, "missing_required_parameter", "type"},
			{`{"type":"response.create","event_id":"it","response":7}`, "invalid_type", "response"},
			{`{"type":"session.update","event_id":"it","session":{"instructions":{}}}`, "invalid_type", "session.instructions"},
			{`{"type":"conversation.item.truncate","event_id":"it","item_id":"x","content_index":"0","audio_end_ms":1}`, "invalid_type", "content_index"},
			{`{"type":"session.explode","event_id":"it"}`, "unknown_event", "type"},
			{`{"type":"input_audio_buffer.append","event_id":"it","audio":"*!*"}`, "invalid_value", "audio"},
			{`{"type":"input_audio_buffer.append","event_id":"it"}`, "missing_required_parameter", "audio"},
			{`{"type":"input_audio_buffer.append","event_id":"it","audio":"` + strings.Repeat("A", 4*((session.MaxAppendBytes+3)/3)) + `"}`, "string_above_max_length", "audio"},
			{`{"type":"input_audio_buffer.commit","event_id":"it"}`, "input_audio_buffer_commit_empty", ""},
			{`{"type":"input_audio_buffer.append","audio":"` + sound + `"}`, "", ""},
			{`{"type":"input_audio_buffer.clear"}`, "", ""},
			{`{"type":"input_audio_buffer.commit","event_id":"it"}`, "input_audio_buffer_commit_empty", ""},
			{`{"type":"conversation.item.create","event_id":"it","previous_item_id":"nobody","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}}`, "invalid_value", "previous_item_id"},
			{`{"type":"conversation.item.create","event_id":"it","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]}}`, "invalid_value", "item.content[0].image_url"},
			{`{"type":"conversation.item.delete","event_id":"it","item_id":"nobody"}`, "item_delete_invalid_item_id", "item_id"},
			{`{"type":"conversation.item.retrieve","event_id":"it","item_id":"nobody"}`, "item_retrieve_invalid_item_id", "item_id"},
			{`{"type":"conversation.item.truncate","event_id":"it","item_id":"nobody","content_index":0,"audio_end_ms":0}`, "item_truncate_invalid_item_id", "item_id"},
			{`{"type":"response.cancel","event_id":"it"}`, "response_cancel_not_active", "response_id"},
			{`{"type":"response.create","event_id":"it","response":{"input":[{"type":"item_reference","id":"nobody"}]}}`, "invalid_value", "response.input[0].id"},
		} {
			c.send(f.event)
			if f.code != "" {
				c.fault(f.code, f.param)
			}
		}
		c.send(`{"type":"session.update","session":{"type":"realtime"}}`) // it goes on
		c.until("session.updated")

		huge := call(t, url, nil)
		huge.send(`{"type":"` + strings.Repeat("x", ws.ReadLimit) + `"}`)
		if code := huge.closed(); code != websocket.StatusMessageTooBig {
			t.Errorf("a frame of more than 32 MiB: %v, want close code 1009", huge.err)
		}
	})
}

// TestFramesOfEveryForm: binary frames are events, fragments are put together,
// and pings alone keep a session.
func TestFramesOfEveryForm(t *testing.T) {
	real(t)
	leak.Check(t)
	_, url := serve(t, Options{Engine: real(t)})
	beside(t, url, func(t *testing.T) {
		c := call(t, url, nil)
		update := `{"type":"session.update","session":{"type":"realtime"}}`
		if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte(update)); err != nil {
			t.Fatal(err)
		}
		c.until("session.updated")
		if err := c.conn.Write(t.Context(), websocket.MessageBinary, []byte{0, 1, 2}); err != nil {
			t.Fatal(err)
		}
		c.fault("invalid_event", "")
		w, err := c.conn.Writer(t.Context(), websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(update) { // a fragment a byte
			if _, err := w.Write([]byte{update[i]}); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 { // between fragments, as RFC 6455 allows
				if err := c.conn.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c.until("session.updated")
		for range 500 {
			if err := c.conn.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c.send(update)
		c.until("session.updated")
	})
}

// TestFloods: more than anybody needs, as fast as the socket takes it.
func TestFloods(t *testing.T) {
	real(t)
	leak.Check(t)
	_, url := serve(t, Options{Engine: real(t)})
	spoken := sampleCases(t)[0]
	t.Run("sound at 50 times its speed", func(t *testing.T) {
		beside(t, url, func(t *testing.T) {
			c := call(t, url, nil)
			c.configure(spoken.System, map[string]any{"type": "server_vad", "interrupt_response": true})
			question := append(c.decode(spoken.Audio), make([]float32, 24000)...)
			second := 20 * time.Millisecond // of sound
			seconds := 60
			if raceEnabled {
				seconds = 10
			}
			begin := time.Now()
			for sent := 0; sent < seconds*24000; sent += len(question) {
				for at := 0; at < len(question); at += 24000 {
					<-time.After(time.Until(begin.Add(time.Duration(sent+at) * second / 24000)))
					c.append(question[at:min(at+24000, len(question))])
				}
			}
			c.silence(time.Second)
			turns := 0
			for turns < seconds*24000/len(question) {
				switch ev := c.next(); ev.Type {
				case "input_audio_buffer.speech_stopped":
					turns++
				case "error":
					t.Fatalf("error %+v", ev.Error)
				}
			}
			if _, done := c.answer(); done.Response.Status == "" {
				t.Error("no answer")
			}
		})
	})
	t.Run("4096 items", func(t *testing.T) {
		beside(t, url, func(t *testing.T) {
			c := call(t, url, nil)
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := range session.MaxItems + 1 {
					c.send(fmt.Sprintf(`{"type":"conversation.item.create","event_id":"it","item":{"id":"i%d","type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}}`, i))
				}
			})
			for range session.MaxItems {
				c.until("conversation.item.done")
			}
			wg.Wait()
			c.fault("too_many_items", "")
			c.send(`{"type":"conversation.item.retrieve","item_id":"i4095"}`)
			c.until("conversation.item.retrieved")
		})
	})
	t.Run("20 interruptions", func(t *testing.T) {
		beside(t, url, func(t *testing.T) {
			c := call(t, url, nil)
			c.configure(spoken.System, map[string]any{"type": "server_vad", "interrupt_response": true})
			question := c.decode(spoken.Audio)
			cut, times := 0, 20
			if raceEnabled {
				times = 5
			}
			for range times {
				c.send(`{"type":"response.create"}`)
				c.append(question)
				c.silence(time.Second)
				begun, ended, turns := 0, 0, 0
				for turns == 0 || begun < 2 || ended < begun {
					switch ev := c.next(); ev.Type {
					case "input_audio_buffer.committed":
						turns++
					case "response.created":
						begun++
					case "response.done":
						if ended++; ev.Response.Status == "cancelled" {
							cut++
						}
					case "error":
						t.Fatalf("error %+v", ev.Error)
					}
				}
			}
			t.Logf("%d of %d answers were cut off", cut, times)
			c.send(`{"type":"response.create"}`)
			if _, done := c.answer(); done.Response.Status != "completed" {
				t.Errorf("the last answer: %+v", done.Response)
			}
		})
	})
}

// TestClientsThatDoNotListen: one that never reads is cut off, one that leaves in
// mid-answer is forgotten, and what they held is free again.
func TestClientsThatDoNotListen(t *testing.T) {
	real(t)
	leak.Check(t)
	s, url := serve(t, Options{Engine: real(t)})
	beside(t, url, func(t *testing.T) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		deaf, _, err := websocket.Dial(t.Context(), url+"/v1/realtime", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.CloseNow()
		// What is stored and echoed without effect: the model has no work with it.
		update := []byte(`{"type":"session.update","session":{"prompt":{"id":"` + strings.Repeat("x", 800<<10) + `"}}}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for err == nil {
			err = deaf.Write(ctx, websocket.MessageText, update)
		}
		if ctx.Err() != nil {
			t.Error("a client that never reads was not cut off within a minute")
		}

		gone := call(t, url, nil)
		gone.configure("", nil)
		gone.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"Tell me all you know."}]}}`)
		gone.send(`{"type":"response.create"}`)
		gone.until("response.output_text.delta")
		gone.conn.CloseNow()
	})
	s.running.Wait() // all sessions have ended
}

// TestSessionsStreamArguments: the arguments of a call that must come, with a text
// that the model finds no end of, come while it is written; what is cut off is
// not said to be done.
func TestSessionsStreamArguments(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := call(t, url, nil)
	c.configure("", nil)
	c.send(`{"type":"response.create","response":{"max_output_tokens":60,"tool_choice":"required","tools":[{"type":"function","name":"note",
		"parameters":{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}}]}}`)
	arguments, deltas, done := "", 0, false
	for {
		ev := c.next()
		switch ev.Type {
		case "response.function_call_arguments.delta":
			arguments += ev.Delta
			deltas++
		case "response.function_call_arguments.done":
			done = true
		case "error":
			t.Fatalf("error %+v", ev.Error)
		}
		if ev.Type == "response.done" {
			if whole := json.Valid([]byte(arguments)); done != whole || !strings.HasPrefix(arguments, `{"text":"`) || deltas < 5 || done != (ev.Response.Status == "completed") {
				t.Errorf("%s, %d deltas, done %v: %s", ev.Response.Status, deltas, done, arguments)
			}
			return
		}
	}
}

// TestSessionTimingsAreMeasured: from the end of speech to the first token and
// the first sound, and tokens a second, stand in /metrics.
func TestSessionTimingsAreMeasured(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Speaker: hummer{}})
	spoken := sampleCases(t)[0]
	c := call(t, url, nil)
	c.configure(spoken.System, map[string]any{"type": "server_vad"})
	c.speak(spoken.Audio, time.Second)
	c.until("response.output_audio.delta")
	c.until("response.done")
	page := string(newClient(t, url, "").read("GET", "/metrics", nil, http.StatusOK))
	for _, want := range []string{
		`hark_response_delay_seconds_count{after_speech="true",until="first_token"} 1`,
		`hark_response_delay_seconds_count{after_speech="true",until="first_audio"} 1`,
		`hark_response_tokens_per_second_count 1`,
		`hark_responses_total{output="audio",status="completed"} 1`,
		`hark_sessions_total 1`,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
