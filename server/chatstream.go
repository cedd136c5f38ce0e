package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// eventWriter sends server-sent events. A client that takes nothing for patience
// is gone.
type eventWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	begun    bool // the status is sent
}

func (s *Server) newEventWriter(w http.ResponseWriter) *eventWriter {
	return &eventWriter{w: w, control: http.NewResponseController(w), patience: s.o.Limits.patience}
}

// send writes one event and sees to it that it leaves. name may be "".
func (e *eventWriter) send(name string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return e.write(name, data)
}

func (e *eventWriter) write(name string, data []byte) error {
	if !e.begun {
		e.w.Header().Set("Content-Type", "text/event-stream")
		e.w.Header().Set("Cache-Control", "no-cache")
		e.w.Header().Set("X-Accel-Buffering", "no") // proxies must not hold pieces back
		e.w.WriteHeader(http.StatusOK)
		e.begun = true
	}
	// Where the writer knows no deadlines it is not a network's.
	_ = e.control.SetWriteDeadline(time.Now().Add(e.patience))
	if name != "" {
		name = "event: " + name + "\n"
	}
	if _, err := fmt.Fprintf(e.w, "%sdata: %s\n\n", name, data); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// chatStream sends an answer in pieces.
type chatStream struct {
	*eventWriter
	head   chatReply // id, time and model of every piece
	scored bool      // log probabilities are wanted
	top    bool
	usage  bool      // a last piece says what was used
	calls  int       // that have begun
	last   *toolCall // of them
}

// streamChat answers a question as a stream.
func (s *Server) streamChat(ctx context.Context, w http.ResponseWriter, q *question, head *chatReply, req *chatRequest) {
	head.Object = "chat.completion.chunk"
	out := &chatStream{eventWriter: s.newEventWriter(w), head: *head, scored: req.Logprobs, top: req.TopLogprobs > 0, usage: req.StreamOptions.IncludeUsage}
	a, err := s.ask(ctx, q, out)
	switch {
	case err == nil:
		out.end(a)
	case s.left(ctx, err):
	case !out.begun:
		s.fail(w, err)
	default:
		e, _ := s.explain(err)
		_ = out.send("", newError(e.Kind, e.Code, e.Param, e.Message)) // there is nobody else to tell
	}
}

// begin says who speaks, with the first token on its way or not.
func (o *chatStream) begin(*answer) error {
	empty := ""
	return o.send("", o.chunk(chatChoice{Delta: &chatDelta{Role: "assistant", Content: &empty}}))
}

func (o *chatStream) chunk(choices ...chatChoice) chatReply {
	if choices == nil {
		choices = []chatChoice{}
	}
	piece := o.head
	piece.Choices = choices
	if o.usage {
		piece.Usage = json.RawMessage("null")
	}
	return piece
}

func (o *chatStream) text(piece string, tokens []choice) error {
	if piece == "" {
		return nil
	}
	c := chatChoice{Delta: &chatDelta{Content: &piece}}
	if o.scored {
		c.Logprobs = &chatLogprobs{Content: chatScores(tokens, o.top)}
	}
	return o.send("", o.chunk(c))
}

func (o *chatStream) call(c *toolCall, piece string, _ bool) error {
	delta := chatToolCall{Function: chatFunction{Arguments: piece}}
	if c != o.last {
		o.last = c
		o.calls++
		delta.ID, delta.Type, delta.Function.Name = c.id, "function", c.name
	} else if piece == "" {
		return nil
	}
	index := o.calls - 1
	delta.Index = &index
	return o.send("", o.chunk(chatChoice{Delta: &chatDelta{ToolCalls: []chatToolCall{delta}}}))
}

// end sends what comes last. A client that left misses nothing.
func (o *chatStream) end(a *answer) {
	err := o.send("", o.chunk(chatChoice{Delta: &chatDelta{}, FinishReason: &a.finish}))
	if err == nil && o.usage {
		last := o.chunk()
		last.Usage = chatUsageOf(a)
		err = o.send("", last)
	}
	if err == nil {
		_ = o.write("", []byte("[DONE]"))
	}
}
