package server

import (
	"encoding/json"
	"testing"
)

// TestAnswersFitTheirSchema asks the embedded model, which was never trained
// on JSON or tools, for both: the grammar makes them valid all the same.
func TestAnswersFitTheirSchema(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	schema := map[string]any{
		"type": "object", "required": []string{"colour", "count", "sure"}, "additionalProperties": false,
		"properties": map[string]any{
			"colour": map[string]any{"enum": []string{"red", "green", "blue"}},
			"count":  map[string]any{"type": "integer"},
			"sure":   map[string]any{"type": "boolean"},
		},
	}
	type answer struct {
		Colour *string
		Count  *int
		Sure   *bool
	}
	fits := func(text string) {
		t.Helper()
		var a answer
		if err := json.Unmarshal([]byte(text), &a); err != nil || a.Colour == nil || a.Count == nil || a.Sure == nil {
			t.Errorf("%s does not fit the schema: %v", text, err)
		}
	}
	ask := func(body map[string]any) (message chatAnswer, finish string) {
		t.Helper()
		body["messages"] = []any{map[string]any{"role": "user", "content": "What is two plus two?"}}
		body["max_tokens"] = 200
		resp := post(t, url, body)
		var reply chatReply
		if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil || resp.StatusCode != 200 || len(reply.Choices) != 1 {
			t.Fatalf("status %d: %v", resp.StatusCode, err)
		}
		return *reply.Choices[0].Message, string(*reply.Choices[0].FinishReason)
	}
	m, _ := ask(map[string]any{"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "x", "schema": schema}}})
	fits(*m.Content)
	tool := map[string]any{"type": "function", "function": map[string]any{"name": "lights", "parameters": schema}}
	for _, choice := range []any{"required", map[string]any{"type": "function", "function": map[string]any{"name": "lights"}}} {
		m, finish := ask(map[string]any{"tools": []any{tool}, "tool_choice": choice})
		if finish != "tool_calls" || len(m.ToolCalls) == 0 || m.ToolCalls[0].Function.Name != "lights" {
			t.Fatalf("tool_choice %v: ended by %q with %d calls", choice, finish, len(m.ToolCalls))
		}
		for _, call := range m.ToolCalls {
			fits(call.Function.Arguments)
		}
	}
}

// The arguments of a call come in pieces while they are written, in both APIs,
// and add up to what fits the schema.
func TestArgumentsAreStreamed(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := newClient(t, url, "")
	schema := `{"type":"object","required":["colour","sure"],"additionalProperties":false,"properties":{"colour":{"enum":["red","green","blue"]},"sure":{"type":"boolean"}}}`
	fits := func(arguments string, pieces int) {
		t.Helper()
		var a struct {
			Colour string
			Sure   *bool
		}
		if err := json.Unmarshal([]byte(arguments), &a); err != nil || a.Colour == "" || a.Sure == nil || pieces < 2 {
			t.Errorf("%q in %d pieces, %v", arguments, pieces, err)
		}
	}
	var calls []chatToolCall // added up by index
	pieces := 0
	for _, chunk := range events(t, c.do("POST", "/v1/chat/completions", `{"stream":true,"max_tokens":200,"tool_choice":"required","messages":[{"role":"user","content":"hi"}],
		"tools":[{"type":"function","function":{"name":"paint","parameters":`+schema+`}}]}`).Body) {
		for _, d := range chunk.Choices[0].Delta.ToolCalls {
			if *d.Index == len(calls) {
				calls = append(calls, chatToolCall{ID: d.ID, Type: d.Type, Function: chatFunction{Name: d.Function.Name}})
			} else if d.ID != "" || d.Function.Name != "" {
				t.Errorf("a later piece says %+v", d)
			}
			calls[*d.Index].Function.Arguments += d.Function.Arguments
			pieces++
		}
	}
	if len(calls) == 0 || calls[0].ID == "" || calls[0].Type != "function" || calls[0].Function.Name != "paint" {
		t.Fatalf("calls %+v", calls)
	}
	fits(calls[0].Function.Arguments, pieces)
	arguments, pieces := "", 0
	list := responseEvents(t, c.do("POST", "/v1/responses", `{"stream":true,"max_output_tokens":200,"input":"hi","parallel_tool_calls":false,"tool_choice":"required",
		"tools":[{"type":"function","name":"paint","parameters":`+schema+`}]}`))
	for _, ev := range list {
		if ev.Type == "response.function_call_arguments.delta" {
			arguments, pieces = arguments+ev.Delta, pieces+1
		}
	}
	fits(arguments, pieces)
	if last := list[len(list)-1].Response; last.Output[0].Arguments != arguments || last.Output[0].Status != "completed" {
		t.Errorf("the last event: %+v", last)
	}
}
