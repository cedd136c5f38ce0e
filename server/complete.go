package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/session"
	"hark/session/conversation"
)

// completion is an answer while it is made.
type completion struct {
	id      string
	created int64
	model   string
	text    strings.Builder
	calls   []chatToolCall
	finish  string
	usage   chatUsage
}

type chatUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
		Audio  int `json:"audio_tokens"`
		Image  int `json:"image_tokens"`
	} `json:"prompt_tokens_details"`
}

// chatReply is the body of a whole answer, or with Delta one piece of it.
type chatReply struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *chatUsage   `json:"usage,omitempty"`
}

type chatChoice struct {
	Index        int         `json:"index"`
	Message      *chatAnswer `json:"message,omitempty"`
	Delta        *chatAnswer `json:"delta,omitempty"`
	FinishReason *string     `json:"finish_reason"`
}

type chatAnswer struct {
	Role      string         `json:"role,omitempty"`
	Content   *string        `json:"content,omitempty"`
	ToolCalls []chatToolCall `json:"tool_calls,omitempty"`
}

// complete makes the answer to a checked request.
func (s *Server) complete(w http.ResponseWriter, r *http.Request, req *chatRequest) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.patience, cancel)()
	g, err := req.generate(s.o.Engine.Model().Sampling)
	if err != nil {
		s.fail(w, err)
		return
	}
	o, err := req.options()
	if err != nil {
		s.fail(w, err)
		return
	}
	if g.Grammar == nil {
		if err := session.Constrain(s.o.Engine, &g, o.Tools, req.mustCall()); err != nil {
			s.fail(w, err)
			return
		}
	} else {
		o.Tools = nil // the answer is to be JSON, not a call
	}
	list, err := items(s.o.Engine, req.Messages)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer func() {
		for _, it := range list {
			it.Close()
		}
	}()
	seq, err := s.o.Engine.Open()
	if err != nil {
		s.fail(w, err)
		return
	}
	defer func() {
		if err := seq.Close(); err != nil {
			s.log.Error("sequence close", "err", err)
		}
	}()
	c := &completion{id: "chatcmpl-" + rand.Text(), created: time.Now().Unix(), model: req.Model}
	if c.model == "" || len(c.model) > maxModelName {
		c.model = s.name
	}
	prompt, err := c.ask(s.o.Engine, seq, list, o)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := replier(&whole{c: c})
	if req.Stream {
		out = &stream{c: c, w: w, control: http.NewResponseController(w), usage: req.StreamOptions.IncludeUsage}
	}
	parser := s.o.Engine.Parser(prompt, o)
	for t, err := range seq.Generate(ctx, g) {
		if err == nil {
			err = c.take(t, parser, out)
		}
		if err != nil {
			s.breakOff(ctx, w, out, err)
			return
		}
	}
	out.end(w)
}

// ask sets the sequence to the conversation and counts its tokens.
func (c *completion) ask(e session.Engine, seq session.Sequence, list []*conversation.Item, o chat.Options) (session.Prompt, error) {
	messages, media := conversation.Render("", list)
	prompt, err := e.Prompt(messages, media, o)
	if err != nil {
		return nil, badPrompt(err)
	}
	if _, err := seq.Set(prompt); err != nil {
		return nil, err
	}
	u := session.CountTokens(prompt, 0)
	c.usage.Prompt = u.InputText + u.InputAudio + u.InputImage
	c.usage.Details.Audio, c.usage.Details.Image = u.InputAudio, u.InputImage
	return prompt, nil
}

// take adds a token to the answer.
func (c *completion) take(t engine.Token, parser chat.Parser, out replier) error {
	if c.usage.Completion == 0 {
		c.usage.Details.Cached = t.Cached
	}
	c.usage.Completion++
	c.usage.Total = c.usage.Prompt + c.usage.Completion
	pieces := parser.Push(t.ID, t.Text)
	for last := t.Stop == engine.StopNone; ; last = true {
		for _, p := range pieces {
			if err := c.say(p, out); err != nil {
				return err
			}
		}
		if last {
			break
		}
		pieces = parser.Flush()
	}
	switch t.Stop {
	case engine.StopNone:
	case engine.StopLength:
		c.finish = "length"
	case engine.StopEOS, engine.StopString:
		c.finish = "stop"
		if len(c.calls) > 0 {
			c.finish = "tool_calls"
		}
	}
	return nil
}

// say adds a piece to the answer. Thoughts and calls that cannot be read are
// left out.
func (c *completion) say(p chat.Piece, out replier) error {
	switch p.Kind {
	case chat.PieceText:
		c.text.WriteString(p.Text)
		return out.text(p.Text)
	case chat.PieceToolCall:
		arguments := string(p.Call.Arguments)
		if arguments == "" {
			arguments = "{}"
		}
		index := len(c.calls)
		call := chatToolCall{ID: "call_" + rand.Text(), Type: "function", Function: chatFunction{p.Call.Name, arguments}}
		c.calls = append(c.calls, call)
		call.Index = &index
		return out.call(call)
	case chat.PieceThought, chat.PieceBroken:
	}
	return nil
}

// breakOff ends an answer that cannot be finished. A client that left is not
// answered.
func (s *Server) breakOff(ctx context.Context, w http.ResponseWriter, out replier, err error) {
	if ctx.Err() != nil && s.patience.Err() == nil {
		s.log.Debug("completion cancelled", "err", err)
		return
	}
	if !out.begun() {
		s.fail(w, err)
		return
	}
	e, _ := s.explain(err)
	out.fail(newError(e.Kind, e.Code, e.Param, e.Message))
}

// replier sends an answer: whole, or as a stream.
type replier interface {
	text(piece string) error
	call(c chatToolCall) error
	begun() bool // the status is sent
	fail(e apiError)
	end(w http.ResponseWriter)
}

// whole sends everything at the end.
type whole struct{ c *completion }

func (*whole) text(string) error       { return nil }
func (*whole) call(chatToolCall) error { return nil }
func (*whole) begun() bool             { return false }
func (*whole) fail(apiError)           {}

func (o *whole) end(w http.ResponseWriter) {
	c := o.c
	text := c.text.String()
	answer := &chatAnswer{Role: "assistant", Content: &text, ToolCalls: c.calls}
	writeJSON(w, http.StatusOK, chatReply{
		ID: c.id, Object: "chat.completion", Created: c.created, Model: c.model,
		Choices: []chatChoice{{Message: answer, FinishReason: &c.finish}},
		Usage:   &c.usage,
	})
}

// stream sends pieces as server-sent events.
type stream struct {
	c       *completion
	w       http.ResponseWriter
	control *http.ResponseController
	usage   bool
	started bool
}

func (o *stream) begun() bool { return o.started }

// send writes one event and sees to it that it leaves. A client that takes
// nothing for writeTimeout is an error.
func (o *stream) send(body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return o.write(data)
}

func (o *stream) write(data []byte) error {
	if !o.started {
		o.w.Header().Set("Content-Type", "text/event-stream")
		o.w.Header().Set("Cache-Control", "no-cache")
		o.w.Header().Set("X-Accel-Buffering", "no") // proxies must not hold pieces back
		o.w.WriteHeader(http.StatusOK)
		o.started = true
	}
	// Where the writer knows no deadlines it is not a network's.
	_ = o.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := fmt.Fprintf(o.w, "data: %s\n\n", data); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := o.control.Flush(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// piece sends a part of the answer, after the one that says who speaks.
func (o *stream) piece(a chatAnswer, finish *string) error {
	if !o.started {
		empty := ""
		if err := o.send(o.chunk(chatChoice{Delta: &chatAnswer{Role: "assistant", Content: &empty}})); err != nil {
			return err
		}
	}
	return o.send(o.chunk(chatChoice{Delta: &a, FinishReason: finish}))
}

func (o *stream) chunk(choices ...chatChoice) chatReply {
	if choices == nil {
		choices = []chatChoice{}
	}
	return chatReply{ID: o.c.id, Object: "chat.completion.chunk", Created: o.c.created, Model: o.c.model, Choices: choices}
}

func (o *stream) text(piece string) error {
	if piece == "" {
		return nil
	}
	return o.piece(chatAnswer{Content: &piece}, nil)
}

func (o *stream) call(c chatToolCall) error {
	return o.piece(chatAnswer{ToolCalls: []chatToolCall{c}}, nil)
}

func (o *stream) fail(e apiError) {
	_ = o.send(e) // the client may be gone; there is nobody else to tell
}

func (o *stream) end(http.ResponseWriter) {
	err := o.piece(chatAnswer{}, &o.c.finish)
	if err == nil && o.usage {
		last := o.chunk()
		last.Usage = &o.c.usage
		err = o.send(last)
	}
	if err == nil {
		_ = o.write([]byte("[DONE]")) // a client that left after the last piece misses nothing
	}
}
