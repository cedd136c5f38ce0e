package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/sample"
	"hark/engine/token"
	"hark/server/trace"
	"hark/session"
	"hark/session/conversation"
	"hark/session/realtime"
)

// question is what a request asks of the model, whatever its API.
type question struct {
	instructions string
	items        []*conversation.Item // freed by close
	frames       frames               // which pictures are parts of videos
	generate     engine.Generate
	options      chat.Options
	oneCall      bool // the answer ends behind its first call
	forget       bool // the oldest turns go if there are too many
}

// close frees the pictures and the sound.
func (q *question) close() {
	for _, it := range q.items {
		it.Close()
	}
}

// sink takes an answer while it is made.
type sink interface {
	// begin comes first, with the first token: what the client did wrong was
	// found by then.
	begin(a *answer) error
	// text takes a piece of the answer, with the tokens that made it if log
	// probabilities were asked for.
	text(piece string, tokens []choice) error
	// call takes the next piece of a call's arguments, which c has all of so
	// far. end says that it is the last. A call that is never ended broke off.
	call(c *toolCall, piece string, end bool) error
}

// toolCall is a function that the model wants to have called.
type toolCall struct{ id, name, arguments string }

// choice is a token that was picked.
type choice struct {
	scored
	others []scored
}

// scored is a token and how likely it was.
type scored struct {
	bytes   []byte
	logprob float32
}

// finish says why an answer ended.
type finish string

// The reasons, in the words of chat completions.
const (
	finishStop   finish = "stop"
	finishLength finish = "length"
	finishCalls  finish = "tool_calls"
)

// answer is what the model said and what it took.
type answer struct {
	content strings.Builder
	calls   []*toolCall
	finish  finish
	usage   realtime.Usage // of the prompt by kind
	cached  int            // of the prompt
	output  int            // tokens written
	thought int            // of these, thoughts
}

func (a *answer) input() int { return a.usage.InputText + a.usage.InputAudio + a.usage.InputImage }

// enter lets a request to the model in, or makes it wait. Whoever got in calls
// leave. ctx ends with the request, and some time after the server was told to
// close.
func (s *Server) enter(r *http.Request) (ctx context.Context, leave func(), err error) {
	s.mu.Lock()
	if s.life.Err() != nil {
		s.mu.Unlock()
		return nil, nil, overloaded("the server is closing")
	}
	s.running.Add(1)
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(s.patience, cancel)
	wait, done := context.WithTimeout(ctx, s.o.Limits.QueueTime)
	_, span := s.o.Tracer.Start(ctx, "queue")
	began := time.Now()
	err = s.gate.enter(wait)
	span.End("")
	done()
	s.metrics.waited(time.Since(began))
	if err != nil {
		stop()
		cancel()
		s.running.Done()
		return nil, nil, err
	}
	return ctx, func() {
		s.gate.leave()
		stop()
		cancel()
		s.running.Done()
	}, nil
}

// ask puts a question to the model and gives the answer to out as it comes.
func (s *Server) ask(ctx context.Context, q *question, out sink) (*answer, error) {
	ctx, span := s.o.Tracer.Start(ctx, "answer")
	a, err := s.answer(ctx, span, q, out)
	if err != nil {
		e, _ := session.Explain(err)
		span.End(e.Code)
		return nil, err
	}
	span.Int("gen_ai.usage.input_tokens", a.input())
	span.Int("gen_ai.usage.output_tokens", a.output)
	span.Int("hark.cached_tokens", a.cached)
	span.End("")
	s.metrics.answered(a)
	return a, nil
}

// answer does what ask says.
func (s *Server) answer(ctx context.Context, span *trace.Span, q *question, out sink) (*answer, error) {
	wait, done := context.WithTimeout(ctx, s.o.Limits.QueueTime)
	seq, err := s.served.Engine.OpenWait(wait, engine.Batch)
	done()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := seq.Close(); err != nil {
			s.log.Error("sequence close", "err", err)
		}
	}()
	prompt, err := s.pose(q, seq)
	if err != nil {
		return nil, err
	}
	a := &answer{usage: *session.CountTokens(prompt, 0)}
	reader := &reader{s: s, q: q, a: a, parser: s.served.Engine.Parser(prompt, q.options), out: out}
	began := time.Now()
	for t, err := range seq.Generate(ctx, q.generate) {
		if err != nil {
			return nil, err
		}
		if a.output == 0 {
			a.cached = t.Cached
			s.metrics.first(time.Since(began))
			span.Event("first token")
			if err := out.begin(a); err != nil {
				return nil, err
			}
		}
		if err := reader.take(t); err != nil {
			return nil, err
		}
		if a.finish != "" {
			break
		}
	}
	return a, nil
}

// pose makes a sequence hold a question.
func (s *Server) pose(q *question, seq session.Sequence) (session.Prompt, error) {
	for {
		messages, media := conversation.Render(q.instructions, q.items)
		q.frames.join(messages, media)
		prompt, err := s.served.Engine.Prompt(messages, media, q.options)
		if err != nil { // chat formats refuse only what the client wrote
			return nil, realtime.Invalid(realtime.CodeInvalidValue, "messages", "%v", err)
		}
		if _, err = seq.Set(prompt); !errors.Is(err, engine.ErrTooLong) || !q.forget || !q.shorten() {
			return prompt, err
		}
	}
}

// shorten takes the oldest turn out, instructions excepted. It reports false if
// there is only one.
func (q *question) shorten() bool {
	user := 0 // messages of users so far
	for i, it := range q.items {
		if it.Forgotten || it.Type != realtime.Message || it.Role != realtime.RoleUser {
			continue
		}
		if user++; user < 2 {
			continue
		}
		for _, old := range q.items[:i] {
			old.Forgotten = old.Forgotten || old.Role != realtime.RoleSystem
		}
		return true
	}
	return false
}

// reader turns tokens into the pieces of an answer.
type reader struct {
	s      *Server
	q      *question
	a      *answer
	parser chat.Parser
	out    sink
	tokens []choice  // that no text has come of yet
	open   *toolCall // whose arguments are being written, nil between calls
}

// take takes a token.
func (r *reader) take(t engine.Token) error {
	r.a.output++
	if r.q.generate.Sample.LogProbs > 0 && !r.s.served.Tokenizer.IsSpecial(t.ID) {
		r.tokens = append(r.tokens, r.s.score(t))
	}
	pieces := r.parser.Push(t.ID, t.Text)
	thought := false
	for last := t.Stop == engine.StopNone; ; last = true {
		for _, p := range pieces {
			thought = thought || p.Kind == chat.PieceThought
			if err := r.say(p); err != nil || r.a.finish != "" {
				return err
			}
		}
		if last {
			break
		}
		pieces = r.parser.Flush()
	}
	if thought {
		r.a.thought++
	}
	switch t.Stop {
	case engine.StopNone:
	case engine.StopLength:
		r.a.finish = finishLength
	case engine.StopEOS, engine.StopString:
		r.a.finish = finishStop
		if len(r.a.calls) > 0 {
			r.a.finish = finishCalls
		}
	}
	return nil
}

// say adds a piece to the answer. Thoughts are left out, and so are calls that
// cannot be read, as far as they have not left already.
func (r *reader) say(p chat.Piece) error {
	tokens := r.tokens
	r.tokens = nil
	switch p.Kind {
	case chat.PieceText:
		r.a.content.WriteString(p.Text)
		return r.out.text(p.Text, tokens)
	case chat.PieceArguments:
		c := r.begun(p.Call.Name)
		c.arguments += p.Text
		return r.out.call(c, p.Text, false)
	case chat.PieceToolCall:
		c, whole := r.begun(p.Call.Name), string(p.Call.Arguments)
		if whole == "" {
			whole = "{}"
		}
		rest := strings.TrimPrefix(whole, c.arguments)
		c.arguments, r.open = whole, nil
		r.a.calls = append(r.a.calls, c)
		if r.q.oneCall {
			r.a.finish = finishCalls
		}
		return r.out.call(c, rest, true)
	case chat.PieceBroken:
		r.open = nil
	case chat.PieceThought:
	}
	return nil
}

// begun returns the call that is being written.
func (r *reader) begun(name string) *toolCall {
	if r.open == nil {
		r.open = &toolCall{id: newID("call_"), name: name}
	}
	return r.open
}

// score returns a token with its probability and those of the others.
func (s *Server) score(t engine.Token) choice {
	c := choice{scored: scored{s.tokenBytes(t.ID), t.Logprob}}
	for _, o := range t.Alternatives {
		c.others = append(c.others, scored{s.tokenBytes(o.ID), o.Logprob})
	}
	return c
}

// tokenBytes returns what a token adds to a text, which may be a part of a
// character.
func (s *Server) tokenBytes(id token.ID) []byte {
	var b byte
	if piece := s.served.Tokenizer.Piece(id); len(piece) == 6 {
		if _, err := fmt.Sscanf(piece, "<0x%02X>", &b); err == nil {
			return []byte{b}
		}
	}
	return []byte(s.served.Tokenizer.Decode([]token.ID{id}))
}

// sampling is how requests say how tokens are picked.
type sampling struct {
	Temperature      *float32           `json:"temperature"`
	TopP             *float32           `json:"top_p"`
	PresencePenalty  *float32           `json:"presence_penalty"`
	FrequencyPenalty *float32           `json:"frequency_penalty"`
	Seed             *int64             `json:"seed"`
	LogitBias        map[string]float32 `json:"logit_bias"`
}

// options returns them over the model's own. Ranges are checked by the schema.
func (p *sampling) options(own sample.Options, tokens *token.Tokenizer) (sample.Options, error) {
	for to, from := range map[*float32]*float32{&own.Temperature: p.Temperature, &own.TopP: p.TopP,
		&own.Presence: p.PresencePenalty, &own.Frequency: p.FrequencyPenalty} {
		if from != nil {
			*to = *from
		}
	}
	own.Seed = newSeed()
	if p.Seed != nil {
		own.Seed = uint64(*p.Seed)
	}
	for text, bias := range p.LogitBias {
		var id token.ID
		if _, err := fmt.Sscan(text, &id); err != nil || tokens != nil && int(id) >= tokens.Len() {
			return own, realtime.Invalid(realtime.CodeInvalidValue, "logit_bias", "there is no token %.20s", text)
		}
		if own.Bias == nil {
			own.Bias = map[token.ID]float32{}
		}
		own.Bias[id] = bias
	}
	return own, nil
}

// length returns how long an answer may be, given the limit that a request has
// under a name.
func (s *Server) length(name string, asked *int) (int, error) {
	most := s.served.Engine.Model().Context
	if n := s.o.Limits.Tokens; n > 0 && (most == 0 || n < most) {
		most = n
	}
	switch {
	case asked == nil && s.o.Limits.Tokens == 0:
		return 0, nil // what the context holds
	case asked == nil:
		return most, nil
	case most > 0 && *asked > most:
		return 0, realtime.Invalid(realtime.CodeInvalidValue, name, "%s is %d, this server gives at most %d", name, *asked, most)
	}
	return *asked, nil
}

// left reports whether an answer broke off because its client is gone, so that
// there is nobody to tell.
func (s *Server) left(ctx context.Context, err error) bool {
	if ctx.Err() == nil && !errors.Is(err, errGone) || s.patience.Err() != nil {
		return false
	}
	s.log.Debug("request cancelled", "err", err)
	return true
}

// errGone is what writing to a client that left comes to.
var errGone = errors.New("server: the client is gone")
