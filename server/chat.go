package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/grammar"
	"hark/session"
	"hark/session/realtime"
)

// chatRequest is the body of POST /v1/chat/completions, as far as it has an
// effect. The document has its limits; other fields are ignored.
type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           *int `json:"max_tokens"`
	MaxCompletionTokens *int `json:"max_completion_tokens"`
	sampling
	Stop           json.RawMessage `json:"stop"` // a string, a list of them, or null
	Logprobs       bool            `json:"logprobs"`
	TopLogprobs    int             `json:"top_logprobs"`
	ResponseFormat *struct {
		Type   string `json:"type"`
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Tools           []chatTool      `json:"tools"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
	ParallelCalls   *bool           `json:"parallel_tool_calls"`
	ReasoningEffort string          `json:"reasoning_effort"`
}

type chatMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"` // a string, a list of parts, or null
	ToolCalls  []chatToolCall  `json:"tool_calls"`
	ToolCallID string          `json:"tool_call_id"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

type chatToolCall struct {
	Index    *int         `json:"index,omitempty"` // in streams only, where only a call's first piece says whose it is
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// chatCompletions answers one chat request, whole or as a stream.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) {
	var req chatRequest
	if err := s.decodeBody(w, r, "ChatRequest", &req); err != nil {
		s.fail(w, err)
		return
	}
	ctx, leave, err := s.enter(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer leave()
	q, err := s.chatQuestion(ctx, &req)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer q.close()
	reply := &chatReply{ID: newID("chatcmpl-"), Created: time.Now().Unix(), Model: s.shownModel(req.Model)}
	if req.Stream {
		s.streamChat(ctx, w, q, reply, &req)
		return
	}
	out := &wholeChat{scored: req.Logprobs, top: req.TopLogprobs > 0}
	a, err := s.ask(ctx, q, out)
	if err != nil {
		if !s.left(ctx, err) {
			s.fail(w, err)
		}
		return
	}
	writeJSON(w, http.StatusOK, out.reply(reply, a))
}

// shownModel is the name that an answer shows: the one that was asked for.
func (s *Server) shownModel(asked string) string {
	if asked == "" || len(asked) > maxModelName {
		return s.name
	}
	return asked
}

// chatQuestion makes the question of a request.
func (s *Server) chatQuestion(ctx context.Context, req *chatRequest) (q *question, err error) {
	q = &question{}
	if q.generate, err = s.chatGenerate(req); err != nil {
		return nil, err
	}
	tools := make([]chat.Tool, len(req.Tools))
	for i, t := range req.Tools {
		tools[i] = chat.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: t.Function.Parameters}
	}
	choose, err := readToolChoice(req.ToolChoice, tools)
	if err != nil {
		return nil, err
	}
	var format json.RawMessage
	if f := req.ResponseFormat; f != nil {
		format = answerSchema(f.Type, f.Schema.Schema)
	}
	q.oneCall = req.ParallelCalls != nil && !*req.ParallelCalls
	q.options = chat.Options{Generate: true, Think: thinks(req.ReasoningEffort)}
	if err := s.constrain(q, choose, format, "response_format.json_schema.schema"); err != nil {
		return nil, err
	}
	l := &loader{s: s, ctx: ctx, frames: frames{}}
	q.frames = l.frames
	if q.items, err = l.messages(req.Messages); err != nil {
		q.close()
		return nil, err
	}
	return q, nil
}

// chatGenerate returns how the answer is to be made, tools and format aside.
func (s *Server) chatGenerate(req *chatRequest) (g engine.Generate, err error) {
	if g.Sample, err = req.options(s.served.Engine.Model().Sampling, s.served.Tokenizer); err != nil {
		return g, err
	}
	name, asked := "max_completion_tokens", req.MaxCompletionTokens
	if asked == nil {
		name, asked = "max_tokens", req.MaxTokens
	}
	if g.Max, err = s.length(name, asked); err != nil {
		return g, err
	}
	switch {
	case req.TopLogprobs > 0 && !req.Logprobs:
		return g, realtime.Invalid(realtime.CodeInvalidValue, "top_logprobs", "top_logprobs needs logprobs to be true")
	case req.Logprobs && s.served.Tokenizer == nil:
		return g, realtime.Invalid("unsupported_value", "logprobs", "log probabilities are not available here")
	case req.Logprobs:
		g.Sample.LogProbs = max(1, req.TopLogprobs) // one makes the engine report them
	}
	var one string
	switch raw := bytes.TrimSpace(req.Stop); {
	case len(raw) == 0 || string(raw) == "null":
	case json.Unmarshal(raw, &one) == nil:
		g.StopStrings = []string{one}
	default:
		err = json.Unmarshal(raw, &g.StopStrings) // a list, says the schema
	}
	return g, err
}

// thinks reports whether an effort asks for thoughts before the answer.
func thinks(effort string) bool {
	return effort == "medium" || effort == "high" || effort == "xhigh"
}

// toolChoice is what a request says about calling tools.
type toolChoice struct {
	tools []chat.Tool // that may be called
	must  bool        // the answer is one or more calls
}

// readToolChoice reads a tool_choice: "auto", "none", "required", one function,
// in the form of either API, or a list of allowed ones.
func readToolChoice(raw json.RawMessage, tools []chat.Tool) (c toolChoice, err error) {
	c.tools = tools
	var word string
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return c, nil
	}
	type named struct {
		Type     string
		Name     string
		Function struct{ Name string }
	}
	var object struct {
		named
		Mode    string
		Tools   []named
		Allowed *struct {
			Mode  string
			Tools []named
		} `json:"allowed_tools"`
	}
	if json.Unmarshal(raw, &word) == nil {
		object.Mode = word
	} else if err := json.Unmarshal(raw, &object); err != nil {
		return c, badJSON(err)
	}
	if a := object.Allowed; a != nil {
		object.Mode, object.Tools = a.Mode, a.Tools
	}
	if object.Type == "function" {
		object.Mode, object.Tools = "required", []named{object.named}
	}
	if object.Tools != nil {
		c.tools = nil
		for _, n := range object.Tools {
			name := n.Name + n.Function.Name
			i := find(tools, name)
			if i < 0 {
				return c, realtime.Invalid(realtime.CodeInvalidValue, "tool_choice", "there is no tool %.64q", name)
			}
			c.tools = append(c.tools, tools[i])
		}
	}
	switch object.Mode {
	case "none":
		c.tools = nil
	case "required":
		c.must = true
		if len(c.tools) == 0 {
			return c, realtime.Invalid(realtime.CodeInvalidValue, "tool_choice", "a call is required, and there are no tools")
		}
	}
	return c, nil
}

func find(tools []chat.Tool, name string) int {
	for i, t := range tools {
		if t.Name == name {
			return i
		}
	}
	return -1
}

// answerSchema returns the JSON schema of an answer of a format, nil for text.
func answerSchema(kind string, schema json.RawMessage) json.RawMessage {
	switch {
	case kind == "json_object" || kind == "json_schema" && len(schema) == 0:
		return json.RawMessage(`{"type":"object"}`)
	case kind == "json_schema":
		return schema
	}
	return nil
}

// constrain makes the answer keep to its format and to the schemas of tools.
// Where both are given and no call is required, the answer is either.
func (s *Server) constrain(q *question, choose toolChoice, schema json.RawMessage, where string) error {
	q.options.Tools = choose.tools
	if schema == nil || choose.must {
		return session.Constrain(s.served.Engine, &q.generate, choose.tools, choose.must)
	}
	text, err := grammar.JSON(schema)
	if err != nil {
		return realtime.Invalid(realtime.CodeInvalidValue, where, "%v", err)
	}
	q.generate.Grammar = text
	if len(choose.tools) == 0 {
		return nil
	}
	calls, _, err := s.served.Engine.Calls(choose.tools, true)
	if err != nil {
		return realtime.Invalid(realtime.CodeInvalidValue, "tools", "%v", err)
	}
	if calls != nil {
		q.generate.Grammar = grammar.Either(calls, text)
	}
	return nil
}

// chatReply is the body of a whole answer, or with Delta one piece of it.
type chatReply struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []chatChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type chatChoice struct {
	Index        int           `json:"index"`
	Message      *chatAnswer   `json:"message,omitempty"`
	Delta        *chatDelta    `json:"delta,omitempty"`
	Logprobs     *chatLogprobs `json:"logprobs"`
	FinishReason *finish       `json:"finish_reason"`
}

type chatAnswer struct {
	Role      string         `json:"role"`
	Content   *string        `json:"content"`
	Refusal   *string        `json:"refusal"` // always null
	ToolCalls []chatToolCall `json:"tool_calls,omitempty"`
}

type chatDelta struct {
	Role      string         `json:"role,omitempty"`
	Content   *string        `json:"content,omitempty"`
	ToolCalls []chatToolCall `json:"tool_calls,omitempty"`
}

type chatUsage struct {
	Prompt        int `json:"prompt_tokens"`
	Completion    int `json:"completion_tokens"`
	Total         int `json:"total_tokens"`
	PromptDetails struct {
		Cached int `json:"cached_tokens"`
		Audio  int `json:"audio_tokens"`
		Image  int `json:"image_tokens"`
	} `json:"prompt_tokens_details"`
	Details struct {
		Reasoning int `json:"reasoning_tokens"`
		Audio     int `json:"audio_tokens"`
	} `json:"completion_tokens_details"`
}

type chatLogprobs struct {
	Content []chatLogprob `json:"content"`
	Refusal *string       `json:"refusal"` // always null
}

type chatLogprob struct {
	Token   string         `json:"token"`
	Logprob float32        `json:"logprob"`
	Bytes   []int          `json:"bytes"`
	Top     *[]chatLogprob `json:"top_logprobs,omitempty"`
}

// chatUsageOf counts an answer.
func chatUsageOf(a *answer) json.RawMessage {
	u := chatUsage{Prompt: a.input(), Completion: a.output, Total: a.input() + a.output}
	u.PromptDetails.Cached, u.PromptDetails.Audio, u.PromptDetails.Image = a.cached, a.usage.InputAudio, a.usage.InputImage
	u.Details.Reasoning = a.thought
	data, _ := json.Marshal(u) // numbers only
	return data
}

// chatScores writes log probabilities; top are those of others.
func chatScores(tokens []choice, top bool) []chatLogprob {
	one := func(c scored) chatLogprob {
		l := chatLogprob{Token: string(bytes.ToValidUTF8(c.bytes, []byte("\ufffd"))), Logprob: max(c.logprob, -9999)}
		for _, b := range c.bytes {
			l.Bytes = append(l.Bytes, int(b))
		}
		return l
	}
	list := make([]chatLogprob, len(tokens))
	for i, t := range tokens {
		list[i] = one(t.scored)
		others := []chatLogprob{}
		if top {
			for _, o := range t.others {
				others = append(others, one(o))
			}
		}
		list[i].Top = &others
	}
	return list
}

// callsOf writes calls.
func callsOf(calls []*toolCall) (list []chatToolCall) {
	for _, c := range calls {
		list = append(list, chatToolCall{ID: c.id, Type: "function", Function: chatFunction{c.name, c.arguments}})
	}
	return list
}

// wholeChat sends everything at the end.
type wholeChat struct {
	scored bool // log probabilities are wanted
	top    bool // and those of other tokens
	tokens []choice
}

func (o *wholeChat) begin(*answer) error                { return nil }
func (o *wholeChat) call(*toolCall, string, bool) error { return nil }

func (o *wholeChat) text(_ string, tokens []choice) error {
	o.tokens = append(o.tokens, tokens...)
	return nil
}

// reply fills in a reply.
func (o *wholeChat) reply(reply *chatReply, a *answer) *chatReply {
	m := &chatAnswer{Role: "assistant", ToolCalls: callsOf(a.calls)}
	if text := a.content.String(); text != "" || len(a.calls) == 0 {
		m.Content = &text
	}
	choice := chatChoice{Message: m, FinishReason: &a.finish}
	if o.scored {
		choice.Logprobs = &chatLogprobs{Content: chatScores(o.tokens, o.top)}
	}
	reply.Object, reply.Choices, reply.Usage = "chat.completion", []chatChoice{choice}, chatUsageOf(a)
	return reply
}
