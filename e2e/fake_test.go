//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
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
	received []event  // of all connections, sound left out
	sounds   int      // appended frames of the present connection
	frame    bool     // a frame of the camera waits
	queries  []string // of the connections
	forgets  bool     // conversations are not kept
	silent   bool     // answers are begun and not ended
	voiced   bool     // answers are spoken, half a second a word
	calls    []string // functions that the next answer calls
	answer   string
	words    string // what the user is taken to have said
}

// newFake starts a fake that ends with the test.
func newFake(t *testing.T) *fake {
	f := &fake{answer: "Certainly. It is right here.", words: "Where is it?"}
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	mux.HandleFunc("/v1/realtime", f.realtime)
	mux.HandleFunc("/v1/realtime/calls", http.NotFound) // the page has to do without WebRTC
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
	f.conn, f.sounds, f.frame = conn, 0, false
	f.queries = append(f.queries, r.URL.RawQuery)
	forgets := f.forgets && r.URL.Query().Has("conversation_id")
	f.mu.Unlock()
	if forgets {
		f.send(event{"type": "error", "error": event{"code": "conversation_not_found", "message": "it is not kept"}})
		f.drop(4004, "")
		return
	}
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
	switch e["type"] {
	case "input_audio_buffer.append":
		f.sounds++
		f.mu.Unlock()
		return
	case "input_image_buffer.append":
		f.frame = true
	}
	f.received = append(f.received, e)
	f.mu.Unlock()
	switch e["type"] {
	case "session.update":
		f.send(event{"type": "session.updated", "session": e["session"]})
	case "response.create":
		if f.seen() {
			f.add("item_frame", event{"type": "input_image"})
		}
		f.respond(silent)
	case "conversation.item.create":
		if item, ok := e["item"].(map[string]any); ok && item["type"] == "function_call_output" {
			f.send(event{"type": "conversation.item.added", "item": item})
		}
	case "input_audio_buffer.commit":
		f.heard("item_held")
	case "response.cancel":
		f.done("cancelled")
	}
}

// respond sends an answer word by word, without its end if open.
func (f *fake) respond(open bool) {
	f.send(event{"type": "response.created", "response": event{"id": "resp_1", "conversation_id": "conv_1"}})
	for i, word := range strings.SplitAfter(f.answer, " ") {
		if f.voiced {
			half := base64.StdEncoding.EncodeToString(make([]byte, 2*24000/2))
			f.send(event{"type": "response.output_audio_transcript.delta", "item_id": "item_answer", "delta": word, "start_time": float64(i) / 2})
			f.send(event{"type": "response.output_audio.delta", "item_id": "item_answer", "delta": half})
		} else {
			f.send(event{"type": "response.output_text.delta", "item_id": "item_answer", "delta": word})
		}
	}
	f.mu.Lock()
	calls := f.calls
	f.calls = nil
	f.mu.Unlock()
	for _, name := range calls {
		f.send(event{"type": "response.output_item.done", "item": event{"type": "function_call", "status": "completed", "name": name, "call_id": "call_" + name, "arguments": "{}"}})
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
		f.heard(item)
		f.respond(false)
	})
}

// heard makes an item of what the user said, and writes it down.
func (f *fake) heard(item string) {
	f.send(event{"type": "input_audio_buffer.committed", "item_id": item})
	if f.seen() {
		f.add(item, event{"type": "input_image"}, event{"type": "input_audio"})
	} else {
		f.add(item, event{"type": "input_audio"})
	}
	f.send(event{"type": "conversation.item.input_audio_transcription.completed", "item_id": item, "transcript": f.words})
}

// add tells of a message of the user.
func (f *fake) add(item string, content ...event) {
	f.send(event{"type": "conversation.item.added", "item": event{"id": item, "type": "message", "role": "user", "content": content}})
}

// seen reports whether a frame of the camera waited, and takes it.
func (f *fake) seen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.frame
	f.frame = false
	return seen
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

// order returns the types of all events that the page sent, but for frames.
func (f *fake) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, e := range f.received {
		if e["type"] != "input_image_buffer.append" {
			out = append(out, fmt.Sprint(e["type"]))
		}
	}
	return out
}

// asked returns the queries of all connections.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.queries)
}
