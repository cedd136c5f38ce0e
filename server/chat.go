package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/grammar"
	"hark/engine/sample"
	"hark/session/realtime"
)

// chatRequest is the body of POST /v1/chat/completions, as far as it has an
// effect. Other fields are ignored.
type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Temperature         *float32        `json:"temperature"`
	TopP                *float32        `json:"top_p"`
	PresencePenalty     *float32        `json:"presence_penalty"`
	FrequencyPenalty    *float32        `json:"frequency_penalty"`
	Seed                *int64          `json:"seed"`
	Stop                json.RawMessage `json:"stop"`
	N                   *int            `json:"n"`
	Logprobs            *bool           `json:"logprobs"`
	ResponseFormat      *struct {
		Type   string `json:"type"`
		Schema *struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Tools           []chatTool      `json:"tools"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
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
	Index    *int         `json:"index,omitempty"` // in streams only
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// The limits of a chat request.
const (
	maxMessages = 4096
	maxTools    = 128
	maxStops    = 16
	maxStop     = 256 // bytes
)

// chatCompletions answers one chat request, whole or as a stream.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) {
	// Where the writer knows no deadlines it is not a network's. With the
	// body there, the deadline goes: passing, it would cancel the request.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	req, err := readChat(http.MaxBytesReader(w, r.Body, s.o.Limits.BodyBytes))
	_ = control.SetReadDeadline(time.Time{})
	if err != nil {
		s.fail(w, err)
		return
	}
	if !s.enter(&s.completions, s.o.Limits.Completions) {
		s.fail(w, &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeOverloaded,
			Message: fmt.Sprintf("%d completions are in progress, at most that many are possible", s.o.Limits.Completions)})
		return
	}
	defer s.leave(&s.completions)
	s.complete(w, r, req)
}

// readChat decodes and checks a request.
func readChat(body io.Reader) (*chatRequest, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("server: %w", badBody(err))
	}
	var req chatRequest
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, badJSON(err)
	}
	return &req, req.check()
}

// badBody tells a body that is too long, which is answered as such, from a
// client that does not send what it announced.
func badBody(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return realtime.Invalid("incomplete_body", "", "the request's body did not arrive: %v", err)
}

func badJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return realtime.Invalid(realtime.CodeInvalidType, kind.Field, "invalid type for %s: got %s", kind.Field, kind.Value)
	}
	return realtime.Invalid("invalid_json", "", "the body is not JSON: %v", err)
}

// check refuses what cannot be done: an option without effect would be a lie.
func (q *chatRequest) check() error {
	switch {
	case len(q.Messages) == 0:
		return realtime.Invalid(realtime.CodeMissing, "messages", "messages are missing")
	case len(q.Messages) > maxMessages:
		return realtime.Invalid(realtime.CodeTooLong, "messages", "%d messages, want at most %d", len(q.Messages), maxMessages)
	case q.N != nil && *q.N != 1:
		return realtime.Invalid("unsupported_value", "n", "n is %d, this server gives one answer", *q.N)
	case q.Logprobs != nil && *q.Logprobs:
		return realtime.Invalid("unsupported_value", "logprobs", "log probabilities are not supported")
	case len(q.Tools) > maxTools:
		return realtime.Invalid(realtime.CodeTooLong, "tools", "%d tools, want at most %d", len(q.Tools), maxTools)
	}
	for name, n := range map[string]*int{"max_tokens": q.MaxTokens, "max_completion_tokens": q.MaxCompletionTokens} {
		if n != nil && *n < 1 {
			return realtime.Invalid(realtime.CodeInvalidValue, name, "%s is %d, want at least 1", name, *n)
		}
	}
	for i, t := range q.Tools {
		if t.Type != "function" || t.Function.Name == "" {
			return realtime.Invalid(realtime.CodeInvalidValue, fmt.Sprintf("tools[%d]", i), "a tool is of type \"function\" and has a name")
		}
	}
	return nil
}

// within checks a number that may be absent.
func within(name string, v *float32, low, high float32) (float32, error) {
	if v == nil {
		return 0, nil
	}
	if !(*v >= low && *v <= high) {
		return 0, realtime.Invalid(realtime.CodeInvalidValue, name, "%s is %v, want %v to %v", name, *v, low, high)
	}
	return *v, nil
}

// generate returns how the answer is to be made, from the model's own way.
func (q *chatRequest) generate(own sample.Options) (engine.Generate, error) {
	g := engine.Generate{Sample: own}
	for _, f := range []struct {
		name      string
		value     *float32
		low, high float32
		to        *float32
	}{
		{"temperature", q.Temperature, 0, 2, &g.Sample.Temperature},
		{"top_p", q.TopP, 0, 1, &g.Sample.TopP},
		{"presence_penalty", q.PresencePenalty, -2, 2, &g.Sample.Presence},
		{"frequency_penalty", q.FrequencyPenalty, -2, 2, &g.Sample.Frequency},
	} {
		v, err := within(f.name, f.value, f.low, f.high)
		if err != nil {
			return g, err
		}
		if f.value != nil {
			*f.to = v
		}
	}
	var err error
	if g.Grammar, err = q.format(); err != nil {
		return g, err
	}
	g.Sample.Seed = rand.Uint64()
	if q.Seed != nil {
		g.Sample.Seed = uint64(*q.Seed)
	}
	for _, n := range []*int{q.MaxTokens, q.MaxCompletionTokens} {
		if n != nil {
			g.Max = *n
		}
	}
	g.StopStrings, err = q.stops()
	return g, err
}

// format returns the grammar of the answer, nil for text.
func (q *chatRequest) format() (*grammar.Grammar, error) {
	f := q.ResponseFormat
	if f == nil {
		return nil, nil
	}
	var schema json.RawMessage
	switch f.Type {
	case "text":
		return nil, nil
	case "json_object":
		schema = json.RawMessage(`{"type":"object"}`)
	case "json_schema":
		if f.Schema == nil || len(f.Schema.Schema) == 0 {
			return nil, realtime.Invalid(realtime.CodeMissing, "response_format.json_schema.schema", "the schema is missing")
		}
		schema = f.Schema.Schema
	default:
		return nil, realtime.Invalid("unsupported_value", "response_format.type",
			"response format %.64q is not supported; text, json_object and json_schema are", f.Type)
	}
	g, err := grammar.JSON(schema)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "response_format.json_schema.schema", "%v", err)
	}
	return g, nil
}

// mustCall reports whether the answer has to call a tool.
func (q *chatRequest) mustCall() bool {
	switch raw := strings.TrimSpace(string(q.ToolChoice)); raw {
	case "", "null", `"auto"`, `"none"`:
		return false
	}
	return true
}

// stops reads the stop strings: one, a list, or null.
func (q *chatRequest) stops() (list []string, err error) {
	raw := bytes.TrimSpace(q.Stop)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidType, "stop", "invalid type for stop: want a string or a list of strings")
	}
	if len(list) > maxStops {
		return nil, realtime.Invalid(realtime.CodeTooLong, "stop", "%d stop strings, want at most %d", len(list), maxStops)
	}
	for _, stop := range list {
		if stop == "" || len(stop) > maxStop {
			return nil, realtime.Invalid(realtime.CodeInvalidValue, "stop", "a stop string has %d bytes, want 1 to %d", len(stop), maxStop)
		}
	}
	return list, nil
}

// options returns how the prompt is rendered.
func (q *chatRequest) options() (chat.Options, error) {
	o := chat.Options{Generate: true}
	switch q.ReasoningEffort {
	case "medium", "high", "xhigh":
		o.Think = true
	}
	only := ""
	raw := strings.TrimSpace(string(q.ToolChoice))
	switch raw {
	case "", "null", `"auto"`, `"required"`:
	case `"none"`:
		return o, nil
	default:
		var choice struct {
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		if json.Unmarshal(q.ToolChoice, &choice) != nil || choice.Function.Name == "" {
			return o, realtime.Invalid(realtime.CodeInvalidValue, "tool_choice", "want \"auto\", \"none\", \"required\" or a function")
		}
		only = choice.Function.Name
	}
	for _, t := range q.Tools {
		if only == "" || only == t.Function.Name {
			o.Tools = append(o.Tools, chat.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: t.Function.Parameters})
		}
	}
	return o, nil
}
