package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"hark/engine/chat"
	"hark/session/realtime"
)

// responseRequest is the body of POST /v1/responses, as far as it has an
// effect. The document has its limits; other fields are ignored.
type responseRequest struct {
	Model           string          `json:"model"`
	Input           json.RawMessage `json:"input"` // a string or a list of items
	Instructions    *string         `json:"instructions"`
	PreviousID      *string         `json:"previous_response_id"`
	Store           *bool           `json:"store"`
	Stream          bool            `json:"stream"`
	MaxOutputTokens *int            `json:"max_output_tokens"`
	sampling
	Include     []string          `json:"include"`
	TopLogprobs int               `json:"top_logprobs"`
	Tools       []json.RawMessage `json:"tools"`
	ToolChoice  json.RawMessage   `json:"tool_choice"`
	Parallel    *bool             `json:"parallel_tool_calls"`
	Text        struct {
		Format json.RawMessage `json:"format"`
	} `json:"text"`
	Reasoning  json.RawMessage `json:"reasoning"`
	Metadata   json.RawMessage `json:"metadata"`
	Truncation *string         `json:"truncation"`
}

// response is the body of an answer, and what events show of it.
type response struct {
	ID              string            `json:"id"`
	Object          string            `json:"object"`
	Created         int64             `json:"created_at"`
	Status          string            `json:"status"`
	Background      bool              `json:"background"`
	Error           *responseError    `json:"error"`
	Incomplete      *incomplete       `json:"incomplete_details"`
	Instructions    *string           `json:"instructions"`
	MaxOutputTokens *int              `json:"max_output_tokens"`
	Metadata        json.RawMessage   `json:"metadata"`
	Model           string            `json:"model"`
	Output          []responseItem    `json:"output"`
	Parallel        bool              `json:"parallel_tool_calls"`
	PreviousID      *string           `json:"previous_response_id"`
	Reasoning       json.RawMessage   `json:"reasoning"`
	Store           bool              `json:"store"`
	Temperature     float32           `json:"temperature"`
	Text            map[string]any    `json:"text"`
	ToolChoice      json.RawMessage   `json:"tool_choice"`
	Tools           []json.RawMessage `json:"tools"`
	TopLogprobs     int               `json:"top_logprobs"`
	TopP            float32           `json:"top_p"`
	Truncation      string            `json:"truncation"`
	Usage           *responseUsage    `json:"usage"`
	conversation    []json.RawMessage // what the model is to read
	input           [2]int            // which of that this request brought
	owner           string
	logprobs        bool
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type responseUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached int `json:"cached_tokens"`
		Writes int `json:"cache_write_tokens"` // always 0: nothing is paid for
		Audio  int `json:"audio_tokens"`
		Image  int `json:"image_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// createResponse answers one request, whole or as a stream of events.
func (s *Server) createResponse(w http.ResponseWriter, r *http.Request) {
	var req responseRequest
	if err := s.decodeBody(w, r, "ResponseRequest", &req); err != nil {
		s.fail(w, err)
		return
	}
	res, err := s.newResponse(&req, senderOf(r).id())
	if err != nil {
		s.fail(w, err)
		return
	}
	ctx, leave, err := s.enter(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer leave()
	q, err := s.responseQuestion(ctx, &req, res)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer q.close()
	out := &responseOutput{res: res}
	if req.Stream {
		out.events = s.newEventWriter(w)
	}
	a, err := s.ask(ctx, q, out)
	if err == nil {
		err = out.end(a)
	}
	switch {
	case err == nil:
		s.remember(res)
		if !req.Stream {
			writeJSON(w, http.StatusOK, res)
		}
	case s.left(ctx, err):
	case out.events == nil || !out.events.begun:
		s.fail(w, err)
	default:
		e, _ := s.explain(err)
		res.Status, res.Error = "failed", &responseError{e.Code, e.Message}
		_ = out.event("response.failed", map[string]any{"response": res}) // there is nobody else to tell
	}
}

// newResponse makes the answer to a request as far as it is known before the
// model is asked.
func (s *Server) newResponse(req *responseRequest, owner string) (*response, error) {
	var earlier []json.RawMessage
	if req.PreviousID != nil {
		previous := s.store.get(*req.PreviousID, owner)
		if previous == nil {
			return nil, realtime.Invalid(codeNoResponse, "previous_response_id", "there is no response %.64q; it was not stored, or is forgotten", *req.PreviousID)
		}
		earlier = previous.items
	}
	input, err := inputItems(req.Input)
	if err != nil {
		return nil, err
	}
	own := s.served.Engine.Model().Sampling
	r := &response{
		ID: newID("resp_"), Object: "response", Created: time.Now().Unix(), Status: "in_progress",
		Instructions: req.Instructions, MaxOutputTokens: req.MaxOutputTokens, Model: s.shownModel(req.Model),
		Output: []responseItem{}, Parallel: req.Parallel == nil || *req.Parallel, PreviousID: req.PreviousID,
		Metadata: orJSON(req.Metadata, `{}`), Reasoning: orJSON(req.Reasoning, `{"effort":null,"summary":null}`),
		Temperature: own.Temperature, TopP: own.TopP, Text: map[string]any{"format": orJSON(req.Text.Format, `{"type":"text"}`)},
		ToolChoice: orJSON(req.ToolChoice, `"auto"`), Tools: req.Tools, TopLogprobs: req.TopLogprobs, Truncation: "disabled",
		conversation: append(slices.Clip(earlier), input...), input: [2]int{len(earlier), len(earlier) + len(input)},
		owner: owner, Store: req.Store == nil || *req.Store, logprobs: slices.Contains(req.Include, "message.output_text.logprobs"),
	}
	if r.Tools == nil {
		r.Tools = []json.RawMessage{}
	}
	if req.Temperature != nil {
		r.Temperature = *req.Temperature
	}
	if req.TopP != nil {
		r.TopP = *req.TopP
	}
	if req.Truncation != nil {
		r.Truncation = *req.Truncation
	}
	return r, nil
}

// orJSON is a field as it was sent, or what stands for it.
func orJSON(raw json.RawMessage, otherwise string) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage(otherwise)
	}
	return raw
}

// responseQuestion makes the question of a request.
func (s *Server) responseQuestion(ctx context.Context, req *responseRequest, res *response) (q *question, err error) {
	q = &question{oneCall: !res.Parallel, forget: res.Truncation == "auto"}
	if req.Instructions != nil {
		q.instructions = *req.Instructions
	}
	if q.generate.Sample, err = req.options(s.served.Engine.Model().Sampling, s.served.Tokenizer); err != nil {
		return nil, err
	}
	if q.generate.Max, err = s.length("max_output_tokens", req.MaxOutputTokens); err != nil {
		return nil, err
	}
	if res.logprobs {
		if s.served.Tokenizer == nil {
			return nil, realtime.Invalid("unsupported_value", "include", "log probabilities are not available here")
		}
		q.generate.Sample.LogProbs = max(1, req.TopLogprobs)
	}
	var thinking struct{ Effort string }
	_ = json.Unmarshal(res.Reasoning, &thinking) // an object with an effort, says the schema
	q.options = chat.Options{Generate: true, Think: thinks(thinking.Effort)}
	choose, err := responseTools(req)
	if err != nil {
		return nil, err
	}
	var format struct {
		Type   string
		Schema json.RawMessage
	}
	if len(req.Text.Format) > 0 {
		if err := json.Unmarshal(req.Text.Format, &format); err != nil {
			return nil, badJSON(err)
		}
	}
	if err := s.constrain(q, choose, answerSchema(format.Type, format.Schema), "text.format.schema"); err != nil {
		return nil, err
	}
	l := &loader{s: s, ctx: ctx, frames: frames{}}
	q.frames = l.frames
	if q.items, err = l.responseItems(res.conversation, res.input[0]); err != nil {
		q.close()
		return nil, err
	}
	return q, nil
}

// responseTools reads the tools of a request, which lie flat here.
func responseTools(req *responseRequest) (toolChoice, error) {
	tools := make([]chat.Tool, len(req.Tools))
	for i, raw := range req.Tools {
		var t struct {
			Name        string
			Description string
			Parameters  json.RawMessage
		}
		if err := json.Unmarshal(raw, &t); err != nil {
			return toolChoice{}, badJSON(err)
		}
		tools[i] = chat.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters}
	}
	return readToolChoice(req.ToolChoice, tools)
}

// remember stores a response unless the client forbade it.
func (s *Server) remember(res *response) {
	if !res.Store {
		return
	}
	body, err := json.Marshal(res)
	if err != nil {
		s.log.Error("response not stored", "err", err)
		return
	}
	items := slices.Clip(res.conversation)
	for _, it := range res.Output {
		raw, err := json.Marshal(it)
		if err != nil {
			s.log.Error("response not stored", "err", err)
			return
		}
		items = append(items, raw)
	}
	s.store.add(&stored{id: res.ID, owner: res.owner, body: body, items: items, input: res.input})
}

// find returns a stored response of the sender's, or refuses the request.
func (s *Server) storedResponse(w http.ResponseWriter, r *http.Request) *stored {
	found := s.store.get(r.PathValue("id"), senderOf(r).id())
	if found == nil {
		refuse(w, http.StatusNotFound, codeNoResponse, "id", fmt.Sprintf("there is no response %.64q; it was not stored, or is forgotten", r.PathValue("id")))
	}
	return found
}

// getResponse shows a stored response.
func (s *Server) getResponse(w http.ResponseWriter, r *http.Request) {
	if found := s.storedResponse(w, r); found != nil {
		writeJSON(w, http.StatusOK, found.body)
	}
}

// deleteResponse forgets a response.
func (s *Server) deleteResponse(w http.ResponseWriter, r *http.Request) {
	found := s.storedResponse(w, r)
	if found == nil {
		return
	}
	s.store.remove(found.id, found.owner)
	writeJSON(w, http.StatusOK, map[string]any{"id": found.id, "object": "response", "deleted": true})
}

// inputItems lists what a stored response answered.
func (s *Server) inputItems(w http.ResponseWriter, r *http.Request) {
	limit, order, after := 20, "desc", r.URL.Query().Get("after")
	if text := r.URL.Query().Get("limit"); r.URL.Query().Has("limit") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			refuse(w, http.StatusBadRequest, realtime.CodeInvalidValue, "limit", fmt.Sprintf("limit is %.20q, want 1 to 100", text))
			return
		}
		limit = n
	}
	if r.URL.Query().Has("order") {
		if order = r.URL.Query().Get("order"); order != "asc" && order != "desc" {
			refuse(w, http.StatusBadRequest, realtime.CodeInvalidValue, "order", fmt.Sprintf("order is %.20q, want asc or desc", order))
			return
		}
	}
	found := s.storedResponse(w, r)
	if found == nil {
		return
	}
	data := slices.Clone(found.items[:found.input[1]])
	if order == "desc" {
		slices.Reverse(data)
	}
	if i := slices.IndexFunc(data, func(raw json.RawMessage) bool { return itemID(raw) == after }); i >= 0 {
		data = data[i+1:]
	}
	more := len(data) > limit
	data = data[:min(limit, len(data))]
	list := map[string]any{"object": "list", "data": data, "has_more": more, "first_id": nil, "last_id": nil}
	if len(data) > 0 {
		list["first_id"], list["last_id"] = itemID(data[0]), itemID(data[len(data)-1])
	}
	writeJSON(w, http.StatusOK, list)
}
