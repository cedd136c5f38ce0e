package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// transcript reads events up to the words of an utterance.
func (c *caller) transcript() string {
	c.t.Helper()
	deltas := ""
	for {
		select {
		case data, ok := <-c.frames:
			if !ok {
				c.t.Fatalf("the connection ended: %v", c.err)
			}
			var ev struct{ Type, Delta, Transcript string }
			if err := json.Unmarshal(data, &ev); err != nil {
				c.t.Fatal(err)
			}
			switch ev.Type {
			case "conversation.item.input_audio_transcription.delta":
				deltas += ev.Delta
			case "conversation.item.input_audio_transcription.completed":
				if strings.TrimSpace(deltas) != ev.Transcript {
					c.t.Errorf("the pieces are %q, the whole %q", deltas, ev.Transcript)
				}
				return ev.Transcript
			case "error", "conversation.item.input_audio_transcription.failed":
				c.t.Fatalf("%s", data)
			}
		case <-time.After(time.Minute):
			c.t.Fatal("no transcript for a minute")
		}
	}
}

func TestUsersReadTheirOwnWords(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	cases := sampleCases(t)[:3]

	c := call(t, url, nil)
	c.send(`{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"whisper-1"}}}}}`)
	for _, s := range cases {
		c.speak(s.Audio, time.Second)
		if got := c.transcript(); got != s.Spoken {
			t.Errorf("beside the answer: %q, want %q", got, s.Spoken)
		}
	}

	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	conn, _, err := websocket.Dial(t.Context(), url+"/v1/realtime?intent=transcription",
		&websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	c = newCaller(t, conn)
	for _, s := range cases {
		c.speak(s.Audio, time.Second)
		if got := c.transcript(); got != s.Spoken {
			t.Errorf("in a session of its own: %q, want %q", got, s.Spoken)
		}
	}
}
