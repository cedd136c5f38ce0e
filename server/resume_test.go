package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/session"
)

// dial connects with a query.
func dial(t *testing.T, url, query string) *caller {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	conn, _, err := websocket.Dial(t.Context(), url+"/v1/realtime?"+query, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return newCaller(t, conn)
}

// conversation reads events up to the end of a response, and returns the id of
// its conversation.
func (c *caller) conversation() string {
	c.t.Helper()
	for {
		select {
		case data, ok := <-c.frames:
			if !ok {
				c.t.Fatalf("the connection ended: %v", c.err)
			}
			var ev struct {
				Type     string
				Response struct {
					ID string `json:"conversation_id"`
				}
			}
			if err := json.Unmarshal(data, &ev); err != nil || ev.Type == "error" {
				c.t.Fatalf("%s", data)
			}
			if ev.Type == "response.done" {
				return ev.Response.ID
			}
		case <-time.After(time.Minute):
			c.t.Fatal("no response for a minute")
		}
	}
}

// A client whose line breaks goes on where it was, and the model need not read
// again what it has read.
func TestLostConversationGoesOnFromTheCache(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	s := sampleCases(t)[11]
	c := dial(t, url, "model=x")
	c.configure(s.System, nil)
	ask := func() {
		c.speak(s.Audio, 0)
		c.send(`{"type":"input_audio_buffer.commit"}`)
		c.send(`{"type":"response.create"}`)
	}
	ask()
	id := c.conversation()
	c.conn.CloseNow()

	c = dial(t, url, "model=x&conversation_id="+id)
	if ev := c.next(); ev.Type != "session.created" || ev.Session.Instructions != s.System {
		t.Errorf("%+v", ev)
	}
	for range 2 {
		c.until("conversation.item.done")
	}
	ask()
	_, done := c.answer()
	if u := done.Response.Usage; u.Details.Cached < u.Input/3 {
		t.Errorf("%d of %d tokens cached", u.Details.Cached, u.Input)
	}

	c = dial(t, url, "conversation_id=conv_nonsense")
	if ev := c.next(); ev.Error.Code != "conversation_not_found" {
		t.Errorf("%+v", ev)
	}
	if code := c.closed(); code != 4004 {
		t.Errorf("closed with %v", code)
	}
}

// To other keys a conversation is as if there were none, and it goes on
// undisturbed; a client secret is of the key that made it.
func TestConversationGoesOnForItsKeyOnly(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p, Keys: []string{"one", "two"}})
	secret := func(key string) string {
		made := ask[struct{ Value string }](newClient(t, url, key), "POST", "/v1/realtime/client_secrets", `{}`)
		return made.Value
	}
	c := dial(t, url, "api-key=one")
	c.configure("Be kind.", nil)
	p.say("Yes.")
	c.send(`{"type":"response.create"}`)
	id := c.conversation()
	for _, key := range []string{"two", secret("two")} {
		other := dial(t, url, "api-key="+key+"&conversation_id="+id)
		if ev := other.next(); ev.Error.Code != "conversation_not_found" || ev.Error.Type != "invalid_request_error" {
			t.Errorf("%+v", ev)
		}
		if code := other.closed(); code != 4004 {
			t.Errorf("closed with %v", code)
		}
	}
	p.say("Yes.")
	c.send(`{"type":"response.create"}`)
	if again := c.conversation(); again != id {
		t.Errorf("conversation %s, want %s", again, id)
	}
	c.conn.CloseNow()
	c = dial(t, url, "api-key="+secret("one")+"&conversation_id="+id)
	if ev := c.next(); ev.Type != "session.created" || ev.Session.Instructions != "Be kind." {
		t.Errorf("%+v", ev)
	}
}

// However long a talk gets, it goes on; and what stays of it need not be read
// again when its beginning goes.
func TestTalkOutgrowsTheContext(t *testing.T) {
	e, err := engine.Open(demo.Source(), cpu.New(nil), &engine.Options{Context: 256})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	_, url := serve(t, Options{Engine: session.NewEngine(e)})
	c := call(t, url, nil)
	c.configure("Be kind.", nil)
	numbers := []string{"one", "two", "three", "four", "five", "six", "seven"}
	for i := range 30 {
		c.send(fmt.Sprintf(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"How much is %s plus %s?"}]}}`,
			numbers[i%7], numbers[i/7]))
		c.send(`{"type":"response.create"}`)
		if text, done := c.answer(); done.Response.Status != "completed" || text == "" {
			t.Fatalf("%q, %+v", text, done.Response)
		}
	}
	if slid := e.Stats().Slid; slid == 0 {
		t.Error("nothing was moved in the cache")
	}
}
