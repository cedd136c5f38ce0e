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
