package server

import (
	"strings"
	"testing"
	"time"
)

// ask puts a written question and returns what the answer used.
func (c *caller) ask(question string) received {
	c.t.Helper()
	c.send(map[string]any{"type": "conversation.item.create", "item": map[string]any{"type": "message", "role": "user",
		"content": []any{map[string]any{"type": "input_text", "text": question}}}})
	c.send(`{"type":"response.create"}`)
	_, done := c.answer()
	return done
}

// What a client is told of the cache: a later turn reads in all but what is new
// in it, and a second session nothing of the instructions that it shares.
func TestUsageSaysThatOnlyWhatIsNewIsReadIn(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	// Never said before to the engine that these tests share.
	instructions := time.Now().String() + strings.Repeat(" You are a clerk of the ninth office of lamps.", 8)
	first := call(t, url, nil)
	first.configure(instructions, nil)
	held := 0
	for turn, question := range []string{"What is two plus three?", "How do you say hello in Italian?", "What is two times two?"} {
		u := first.ask(question).Response.Usage
		if turn > 0 && u.Details.Cached != held {
			t.Errorf("turn %d: %d of %d positions cached, want %d: all earlier ones but the last token", turn, u.Details.Cached, u.Input, held)
		}
		held = u.Input + u.Output - 1
	}
	second := call(t, url, nil)
	second.configure(instructions, nil)
	u := second.ask("What does the sheep say?").Response.Usage
	if most := 24; u.Input < 3*most || u.Input-u.Details.Cached > most {
		t.Errorf("another session: %d of %d positions cached, want all but the question", u.Details.Cached, u.Input)
	}
}
