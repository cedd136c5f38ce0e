package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"hark/engine"
)

// reply is what tests read of a response.
type reply struct {
	ID, Status, Model string
	Error             *struct{ Code string }
	Incomplete        *struct{ Reason string } `json:"incomplete_details"`
	Output            []struct {
		Type, ID, Status, Role, Name, Arguments string
		CallID                                  string `json:"call_id"`
		Content                                 []struct {
			Type, Text string
			Logprobs   []chatLogprob
		}
	}
	Usage struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
	}
	Previous *string `json:"previous_response_id"`
}

func (r *reply) text() (text string) {
	for _, it := range r.Output {
		for _, c := range it.Content {
			text += c.Text
		}
	}
	return strings.TrimSpace(text)
}

func TestConversationGoesOnFromAResponse(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := newClient(t, url, "")
	s := sampleCases(t)[25]
	first := ask[reply](c, "POST", "/v1/responses", map[string]any{"model": "gpt-5", "instructions": s.System, "input": s.Text, "temperature": 0})
	if first.text() != s.Reference || first.Status != "completed" || first.Model != "gpt-5" || first.Usage.Output == 0 {
		t.Errorf("first: %+v, want %q", first, s.Reference)
	}
	chat := ask[chatReply](c, "POST", "/v1/chat/completions", map[string]any{"temperature": 0, "messages": []any{
		map[string]any{"role": "user", "content": s.Text}, map[string]any{"role": "assistant", "content": first.text()},
		map[string]any{"role": "user", "content": "What is the opposite of high?"}}})
	second := ask[reply](c, "POST", "/v1/responses", map[string]any{"input": "What is the opposite of high?", "previous_response_id": first.ID, "temperature": 0})
	if want := strings.TrimSpace(*chat.Choices[0].Message.Content); second.text() != want || *second.Previous != first.ID || second.Usage.Input != usageOf(t, chat).Prompt {
		t.Errorf("second: %+v, the same as a chat is %q of %d tokens", second, want, usageOf(t, chat).Prompt)
	}
	if again := ask[reply](c, "GET", "/v1/responses/"+second.ID, nil); again.text() != second.text() {
		t.Errorf("retrieved: %+v", again)
	}
	type list struct {
		Data []inputItem
		More bool   `json:"has_more"`
		Last string `json:"last_id"`
	}
	all := ask[list](c, "GET", "/v1/responses/"+second.ID+"/input_items?order=asc", nil)
	if len(all.Data) != 3 || all.Data[0].Role != "user" || all.Data[1].Role != "assistant" || all.More {
		t.Errorf("input items: %+v", all)
	}
	newest := ask[list](c, "GET", "/v1/responses/"+second.ID+"/input_items?limit=2", nil)
	if len(newest.Data) != 2 || !newest.More || newest.Data[0].ID != all.Data[2].ID {
		t.Errorf("newest: %+v", newest)
	}
	if rest := ask[list](c, "GET", "/v1/responses/"+second.ID+"/input_items?after="+newest.Last, nil); len(rest.Data) != 1 || rest.Data[0].ID != all.Data[0].ID {
		t.Errorf("the rest: %+v", rest)
	}
	c.refused("GET", "/v1/responses/"+second.ID+"/input_items?limit=0", nil, 400, "invalid_value", "limit")
	c.refused("GET", "/v1/responses/"+second.ID+"/input_items?order=up", nil, 400, "invalid_value", "order")
	c.read("DELETE", "/v1/responses/"+first.ID, nil, 200)
	c.refused("GET", "/v1/responses/"+first.ID, nil, 404, "response_not_found", "id")
	c.refused("DELETE", "/v1/responses/"+first.ID, nil, 404, "response_not_found", "id")
	c.refused("POST", "/v1/responses", map[string]any{"input": "x", "previous_response_id": first.ID}, 404, "response_not_found", "previous_response_id")
	if third := ask[reply](c, "POST", "/v1/responses", map[string]any{"input": "And?", "previous_response_id": second.ID, "store": false, "max_output_tokens": 1}); third.Status != "incomplete" || third.Incomplete.Reason != "max_output_tokens" {
		t.Errorf("third: %+v", third)
	} else {
		c.refused("GET", "/v1/responses/"+third.ID, nil, 404, "response_not_found", "id")
	}
}

func TestResponsesHearAndSee(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Tokenizer: tokenizer(t)})
	c := newClient(t, url, "")
	for _, s := range someCases(t) {
		if s.Image == "" || s.Audio != "" {
			continue
		}
		got := ask[reply](c, "POST", "/v1/responses", map[string]any{"instructions": s.System, "temperature": 0, "include": []string{"message.output_text.logprobs"},
			"input": []any{map[string]any{"role": "user", "content": []any{
				map[string]any{"type": "input_image", "image_url": dataURI(sampleFile(t, s.Image))}, map[string]any{"type": "input_text", "text": s.Text}}}}})
		if got.text() != s.Reference {
			t.Errorf("%s: %q, want %q", s.Name, got.text(), s.Reference)
		}
		spelled := ""
		for _, l := range got.Output[0].Content[0].Logprobs {
			spelled += l.Token
		}
		if strings.TrimSpace(spelled) != s.Reference {
			t.Errorf("%s: log probabilities of %q", s.Name, spelled)
		}
	}
}

// event is a server-sent event of a response.
type event struct {
	name, Type string
	Number     int `json:"sequence_number"`
	Delta      string
	Response   *reply
	Item       struct{ Type, Status, Arguments string }
}

func responseEvents(t *testing.T, resp *http.Response) (list []event) {
	t.Helper()
	name := ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = n
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			ev := event{name: name}
			if err := json.Unmarshal([]byte(data), &ev); err != nil || ev.Type != name || ev.Number != len(list) {
				t.Fatalf("event %q %d, %v: %s", name, len(list), err, data)
			}
			list = append(list, ev)
		}
	}
	return list
}

func TestResponseEventsComeInOrder(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p})
	c := newClient(t, url, "")
	p.say("Let ", "me see.", "THOUGHT", "CALL", "Well.")
	events := responseEvents(t, c.do("POST", "/v1/responses", map[string]any{"input": "hi", "stream": true}))
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, strings.TrimPrefix(e.Type, "response."))
	}
	message := func(deltas int) string {
		return "output_item.added content_part.added " + strings.Repeat("output_text.delta ", deltas) + "output_text.done content_part.done output_item.done "
	}
	want := "created in_progress " + message(2) + "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done " + message(1) + "completed"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("events\n%s\nwant\n%s", got, want)
	}
	last := events[len(events)-1].Response
	if last == nil || last.text() != "Let me see.Well." || len(last.Output) != 3 || last.Output[1].Arguments != `{"x":1}` || last.Output[1].CallID == "" {
		t.Errorf("the last event: %+v", last)
	}
	if again := ask[reply](c, "GET", "/v1/responses/"+last.ID, nil); len(again.Output) != 3 {
		t.Errorf("a streamed response is stored as %+v", again)
	}
	p.tokens <- engine.Token{Text: "One"}
	close(p.tokens)
	events = responseEvents(t, c.do("POST", "/v1/responses", map[string]any{"input": "hi", "stream": true}))
	if last := events[len(events)-1]; last.Type != "response.failed" || last.Response.Error.Code != "server_error" {
		t.Errorf("a response that fails ends with %+v", last)
	}
}

func TestOnlyOneCallIfAsked(t *testing.T) {
	puppets := func() *client {
		p := newPuppet()
		p.say("CALL", "CALL")
		_, url := serve(t, Options{Engine: p})
		return newClient(t, url, "")
	}
	got := ask[reply](puppets(), "POST", "/v1/responses", map[string]any{"input": "hi", "parallel_tool_calls": false})
	if len(got.Output) != 1 || got.Output[0].Name != "f" || got.Status != "completed" {
		t.Errorf("%+v", got)
	}
	answer := ask[chatReply](puppets(), "POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}],"parallel_tool_calls":false}`)
	if n := len(answer.Choices[0].Message.ToolCalls); n != 1 || answer.Choices[0].Message.Content != nil {
		t.Errorf("%d calls", n)
	}
}

func TestResponseFaultsAreNamed(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := newClient(t, url, "")
	for _, tt := range []struct{ body, code, param string }{
		{`{}`, "missing_required_parameter", "input"},
		{`{"input":7}`, "invalid_type", "input"},
		{`{"input":[{"role":"king","content":"x"}]}`, "invalid_value", "input[0].role"},
		{`{"input":[{"type":"computer_call"}]}`, "invalid_value", "input[0].type"},
		{`{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:,x"}]}]}`, "invalid_value", "input[0].content[0].image_url.url"},
		{`{"input":[{"role":"system","content":[{"type":"input_image","image_url":"data:,x"}]}]}`, "invalid_value", "input[0].content[0].type"},
		{`{"input":"x","tools":[{"type":"web_search"}]}`, "missing_required_parameter", "tools[0].name"},
		{`{"input":"x","tools":[{"type":"web_search","name":"x"}]}`, "invalid_value", "tools[0].type"},
		{`{"input":"x","background":true}`, "invalid_value", "background"},
		{`{"input":"x","conversation":"conv_1"}`, "invalid_type", "conversation"},
		{`{"input":"x","text":{"format":{"type":"json_schema","name":"x","schema":{"type":"odd"}}}}`, "invalid_value", "text.format.schema"},
		{`{"input":"x","include":["message.output_text.logprobs"]}`, "unsupported_value", "include"},
		{`{"input":"` + strings.Repeat("long ", 20000) + `"}`, "context_length_exceeded", ""},
	} {
		c.refused("POST", "/v1/responses", tt.body, 400, tt.code, tt.param)
	}
	long := make([]string, 60)
	for i := range long {
		long[i] = fmt.Sprintf(`{"role":"user","content":%q}`, strings.Repeat("long ", 100))
	}
	body := `{"max_output_tokens":1,"truncation":"%s","input":[{"role":"system","content":"Be kind."},` + strings.Join(long, ",") + `]}`
	c.refused("POST", "/v1/responses", fmt.Sprintf(body, "disabled"), 400, "context_length_exceeded", "")
	c.read("POST", "/v1/responses", fmt.Sprintf(body, "auto"), 200)
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	s := &store{limit: 1000}
	item := json.RawMessage(bytes.Repeat([]byte("x"), 100))
	for i := range 5 {
		s.add(&stored{id: fmt.Sprint(i), owner: "me", body: item, items: []json.RawMessage{item, item}})
	}
	if s.get("0", "me") != nil || s.get("1", "me") != nil || s.get("2", "me") == nil || s.bytes > s.limit {
		t.Errorf("%d responses of %d bytes", len(s.list), s.bytes)
	}
	s.add(&stored{id: "5", owner: "me", body: item, items: []json.RawMessage{item, item}})
	if s.get("3", "me") != nil || s.get("2", "me") == nil {
		t.Error("the one that was asked for went first")
	}
	if s.get("2", "you") != nil || s.remove("2", "you") {
		t.Error("somebody else's response is found")
	}
	s.add(&stored{id: "6", body: json.RawMessage(bytes.Repeat([]byte("x"), 1001))})
	if s.find("6", "") >= 0 || len(s.list) == 0 {
		t.Error("one that is too large drives out the others")
	}
	s.limit = 1 << 30
	for i := range maxStored + 5 {
		s.add(&stored{id: fmt.Sprint("n", i)})
	}
	if len(s.list) != maxStored || slices.ContainsFunc(s.list, func(r *stored) bool { return r.owner == "me" }) {
		t.Errorf("%d responses", len(s.list))
	}
}
