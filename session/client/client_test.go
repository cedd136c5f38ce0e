package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/internal/leak"
	"hark/media"
	"hark/media/pipe"
)

func TestMain(m *testing.M) { leak.Main(m) }

// patience bounds what never takes long.
const patience = 10 * time.Second

// server is the session's end of a wire, played by a test.
type server struct {
	t    *testing.T
	ctx  context.Context
	conn *pipe.Conn
}

// meet connects a client to a server that a test plays, and collects the
// client's events until the server closes.
func meet(t *testing.T, o Options) (*server, *Client, func() ([]Event, error)) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	conn, program := pipe.New(nil)
	c := New(program, o)
	var events []Event
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for event, err := range c.Events(ctx) {
			if err != nil {
				failed = err
			} else {
				events = append(events, event)
			}
		}
	})
	s := &server{t, ctx, conn}
	t.Cleanup(func() { conn.Close(1000, ""); wg.Wait() })
	return s, c, func() ([]Event, error) {
		conn.Close(1000, "")
		wg.Wait()
		return events, failed
	}
}

// send sends events, given as JSON.
func (s *server) send(events ...string) {
	s.t.Helper()
	for _, event := range events {
		if err := s.conn.Send(s.ctx, media.Event(event)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// want waits for the client's next event and demands that it has a type and
// contains some JSON.
func (s *server) want(kind string, parts ...string) {
	s.t.Helper()
	p, err := s.conn.Recv(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	event := string(p.(media.Event))
	for _, part := range append(parts, fmt.Sprintf(`"type":%q`, kind)) {
		if !strings.Contains(event, part) {
			s.t.Errorf("the client sent %s, want %s in it", event, part)
		}
	}
}

// lamp is a tool.
func lamp(call func(context.Context, json.RawMessage) (string, error)) Tool {
	return Tool{Name: "set_light", Description: "Switch a lamp", Parameters: json.RawMessage(`{"type":"object"}`), Call: call}
}

// calls is a finished response that calls the lamp so many times.
func calls(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"type":"function_call","status":"completed","name":"set_light","call_id":"call_%d","arguments":"{\"n\":%d}"}`, i, i))
	}
	return `{"type":"response.done","response":{"status":"completed","output":[` + strings.Join(items, ",") + `]}}`
}

const (
	created = `{"type":"session.created","session":{}}`
	updated = `{"type":"session.updated","session":{"output_modalities":["audio"]}}`
	begun   = `{"type":"response.created","response":{}}`
	said    = `{"type":"response.done","response":{"status":"completed","output":[{"type":"message","content":[{"transcript":"Yes."}]}]}}`
)

func TestEventsSetTheSessionUpAndTellWhatHappens(t *testing.T) {
	s, _, end := meet(t, Options{Instructions: "Be kind.", Captions: true, Language: "de", Voice: "coral", Session: map[string]any{"speed": 1}})
	s.send(created)
	s.want("session.update", `"instructions":"Be kind."`, `"transcription":{"language":"de","model":"hark"}`, `"voice":"coral"`, `"speed":1`)
	s.send(updated,
		`{"type":"input_audio_buffer.speech_started","item_id":"a"}`,
		`{"type":"input_audio_buffer.speech_stopped","item_id":"a"}`,
		begun,
		`{"type":"response.output_audio_transcript.delta","delta":"Yes."}`,
		`{"type":"conversation.item.input_audio_transcription.delta","item_id":"a","delta":"Is "}`,
		`{"type":"conversation.item.input_audio_transcription.delta","item_id":"a","delta":"it?"}`,
		said,
		`{"type":"conversation.item.input_audio_transcription.completed","item_id":"a","transcript":"Is it?"}`,
		updated, // of an update that the program made itself
		`{"type":"error","error":{"code":"invalid_value","message":"no"}}`,
		`{"type":"something.new"}`)
	got, err := end()
	want := []Event{Ready{true}, Hearing{true}, Hearing{false}, Answer{"Yes."}, Heard{"a", "Is ", false}, Heard{"a", "Is it?", false},
		Done{Status: "completed", Text: "Yes."}, Heard{"a", "Is it?", true}, Fault{"invalid_value", "no"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("events = %#v, %v\nwant %#v", got, err, want)
	}
}

func TestToolsAnswerTogetherAndTheModelGoesOn(t *testing.T) {
	both := make(chan struct{}, 2)
	s, _, end := meet(t, Options{Tools: []Tool{lamp(func(_ context.Context, arguments json.RawMessage) (string, error) {
		both <- struct{}{}
		if strings.Contains(string(arguments), "1") {
			return "", errors.New("it is broken")
		}
		return "on", nil
	})}})
	s.send(created)
	s.want("session.update", `"name":"set_light"`, `"parameters":{"type":"object"}`, `"type":"function"`)
	s.send(begun, calls(2))
	outputs := map[string]bool{}
	for range 2 {
		p, err := s.conn.Recv(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		var e struct{ Item map[string]string }
		if err := json.Unmarshal(p.(media.Event), &e); err != nil {
			t.Fatal(err)
		}
		outputs[e.Item["call_id"]+" "+e.Item["output"]] = true
	}
	if !outputs["call_0 on"] || !outputs[`call_1 {"error":"it is broken"}`] {
		t.Errorf("outputs = %v", outputs)
	}
	s.want("response.create")
	got, err := end()
	if err != nil || len(got) != 3 || got[0].(Done).Calls != 2 {
		t.Errorf("events = %#v, %v", got, err)
	}
	if len(both) != 2 {
		t.Errorf("%d calls", len(both))
	}
}

func TestACallThatNobodyKnowsIsToldToTheModel(t *testing.T) {
	s, _, end := meet(t, Options{})
	s.send(created)
	s.want("session.update")
	s.send(calls(1))
	s.want("conversation.item.create", "there is no tool")
	s.want("response.create")
	if got, err := end(); err != nil || got[1].(Called).Err == nil {
		t.Errorf("events = %#v, %v", got, err)
	}
}

func TestAskCutsAnAnswerOff(t *testing.T) {
	s, c, end := meet(t, Options{})
	s.send(created)
	s.want("session.update")
	if err := c.Ask("One?"); err != nil {
		t.Fatal(err)
	}
	s.want("conversation.item.create", "One?", `"role":"user"`)
	s.want("response.create")
	if err := c.Show([]byte("\x89PNG\r\n\x1a\n"), "Two?"); err != nil {
		t.Fatal(err)
	}
	s.want("conversation.item.create", "data:image/png;base64,", "Two?")
	s.want("response.cancel")
	s.send(begun, `{"type":"response.done","response":{"status":"cancelled"}}`)
	s.want("response.create")

	// The server had begun to answer by itself: the question waits for its end.
	s.send(`{"type":"error","error":{"code":"conversation_already_has_active_response"}}`, said)
	s.want("response.create")
	s.send(begun)
	if err := c.Instruct("Be brief."); err != nil {
		t.Fatal(err)
	}
	s.want("session.update", "Be brief.")
	if err := c.Interrupt(); err != nil {
		t.Fatal(err)
	}
	s.want("response.cancel")
	s.send(`{"type":"error","error":{"code":"response_cancel_not_active"}}`)
	if got, err := end(); err != nil || len(got) != 2 {
		t.Errorf("events = %#v, %v, want the ends of two answers", got, err)
	}
}

func TestEventsEndWithTheLoopAndItsCalls(t *testing.T) {
	s, c, _ := meet(t, Options{Tools: []Tool{lamp(func(ctx context.Context, _ json.RawMessage) (string, error) {
		<-ctx.Done() // it takes long
		return "", ctx.Err()
	})}})
	s.send(created)
	s.want("session.update")
	s.send(calls(1), "no JSON")
	if _, err := s.conn.Recv(s.ctx); err == nil {
		t.Error("the wire is still open")
	}
	if err := c.Ask("Hello?"); !errors.Is(err, pipe.ErrClosed) {
		t.Errorf("Ask = %v, want %v", err, pipe.ErrClosed)
	}

	conn, program := pipe.New(nil)
	defer conn.Close(1000, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for event, err := range New(program, Options{}).Events(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("event %v, %v", event, err)
		}
	}
}

func FuzzReceive(f *testing.F) {
	for _, event := range []string{updated, begun, said, calls(2), `{"type":"error"}`, "{", `{"type":"response.done","response":null}`} {
		f.Add([]byte(event))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, program := pipe.New(nil)
		c := New(program, Options{})
		event, calls, err := c.receive(data)
		if err == nil && !json.Valid(data) {
			t.Error("no error for what is no JSON")
		}
		if d, ok := event.(Done); ok && d.Calls != len(calls) {
			t.Errorf("%d calls, the event says %d", len(calls), d.Calls)
		}
	})
}
