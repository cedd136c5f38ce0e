//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/web"
)

// event is one event of the protocol, as JSON has it.
type event map[string]any

// fake is a server that speaks the protocol as far as the page needs it and
// answers with set words, so that a test can say when what happens.
type fake struct {
	*httptest.Server
	key string // the access key that it demands, if any

	mu       sync.Mutex
	conn     *websocket.Conn
	received []event // of all connections, sound left out
	sounds   int     // appended frames of the present connection
	silent   bool    // answers are begun and not ended
	voiced   bool    // answers are spoken, half a second a word
	answer   string
}

// newFake starts a fake that ends with the test.
func newFake(t *testing.T) *fake {
	f := &fake{answer: "Certainly. It is right here."}
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	mux.HandleFunc("/v1/realtime", f.realtime)
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, r *http.Request) {
		if f.key != "" && r.Header.Get("Authorization") != "Bearer "+f.key {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.drop(websocket.StatusNormalClosure, "")
		f.Close()
	})
	return f
}

// realtime serves one connection.
func (f *fake) realtime(w http.ResponseWriter, r *http.Request) {
	if f.key != "" && !strings.Contains(r.Header.Get("Sec-WebSocket-Protocol"), "openai-insecure-api-key."+f.key) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"realtime"}})
	if err != nil {
		return
	}
	conn.SetReadLimit(16 << 20)
	f.mu.Lock()
	f.conn, f.sounds = conn, 0
	f.mu.Unlock()
	session := event{"type": "realtime", "instructions": "You are kind.", "output_modalities": []string{"text"}}
	if f.voiced {
		session["output_modalities"] = []string{"audio"}
	}
	f.send(event{"type": "session.created", "session": session})
	for {
		_, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var e event
		if json.Unmarshal(data, &e) == nil {
			f.handle(e)
		}
	}
}

// handle records an event and gives the answer of the protocol.
func (f *fake) handle(e event) {
	f.mu.Lock()
	silent := f.silent
	if e["type"] == "input_audio_buffer.append" {
		f.sounds++
		f.mu.Unlock()
		return
	}
	f.received = append(f.received, e)
	f.mu.Unlock()
	switch e["type"] {
	case "session.update":
		f.send(event{"type": "session.updated", "session": e["session"]})
	case "response.create":
		f.respond(silent)
	case "response.cancel":
		f.done("cancelled")
	}
}

// respond sends an answer word by word, without its end if open.
func (f *fake) respond(open bool) {
	f.send(event{"type": "response.created", "response": event{"id": "resp_1"}})
	for _, word := range strings.SplitAfter(f.answer, " ") {
		if f.voiced {
			half := base64.StdEncoding.EncodeToString(make([]byte, 2*24000/2))
			f.send(event{"type": "response.output_audio_transcript.delta", "item_id": "item_answer", "delta": word})
			f.send(event{"type": "response.output_audio.delta", "item_id": "item_answer", "delta": half})
		} else {
			f.send(event{"type": "response.output_text.delta", "item_id": "item_answer", "delta": word})
		}
	}
	if !open {
		f.done("completed")
	}
}

// done ends the answer.
func (f *fake) done(status string) {
	f.send(event{"type": "response.done", "response": event{"id": "resp_1", "status": status}})
}

// say plays what the server does when it hears somebody speak for a second.
func (f *fake) say(item string) {
	f.send(event{"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": 200})
	time.AfterFunc(300*time.Millisecond, func() {
		f.send(event{"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": 2000})
		f.respond(false)
	})
}

// send sends one event to the page.
func (f *fake) send(e event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, err := json.Marshal(e)
	if err == nil && f.conn != nil {
		_ = f.conn.Write(context.Background(), websocket.MessageText, data) // a page that left is no fault here
	}
}

// drop ends the present connection with a close code.
func (f *fake) drop(code websocket.StatusCode, reason string) {
	f.mu.Lock()
	conn := f.conn
	f.conn = nil
	f.mu.Unlock()
	if conn != nil {
		_ = conn.Close(code, reason)
	}
}

// soundFrames returns how many frames of sound came on this connection.
func (f *fake) soundFrames() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sounds
}

// sent returns the events of a type that the page sent, as JSON texts.
func (f *fake) sent(kind string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, e := range f.received {
		if e["type"] == kind {
			text, _ := json.Marshal(e)
			out = append(out, string(text))
		}
	}
	return out
}

// order returns the types of all events that the page sent.
func (f *fake) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, e := range f.received {
		out = append(out, fmt.Sprint(e["type"]))
	}
	return out
}
