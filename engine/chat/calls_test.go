package chat

import (
	"encoding/json"
	"strings"
	"testing"

	"hark/engine/grammar"
	"hark/engine/token"
)

// TestCallsAreThoseTheParserReads follows calls through the grammar and the
// parser.
func TestCallsAreThoseTheParserReads(t *testing.T) {
	tok := tokenizer(t)
	f, err := NewGemma4(tok, false)
	if err != nil {
		t.Fatal(err)
	}
	tools := []Tool{{Name: "lights", Parameters: json.RawMessage(`{"type":"object","properties":{"room":{"type":"string"},"on":{"type":"boolean"}},"required":["room","on"]}`)}}
	words := grammar.NewVocabulary(tok)
	stops := f.Stops()
	for _, must := range []bool{true, false} {
		g, trigger, err := f.Calls(tools, must)
		if err != nil {
			t.Fatal(err)
		}
		ids := tok.Encode(`<|tool_call>call:lights{on:true,room:<|"|>the hall<|"|>}<tool_call|>`)
		if !must {
			if ids[0] != trigger {
				t.Fatalf("trigger %d, a call begins with %d", trigger, ids[0])
			}
		} else if trigger != 0 {
			t.Errorf("trigger %d for calls that must come", trigger)
		}
		follow := ids
		if !must {
			follow = ids[1:]
		}
		m := g.New(words, stops)
		for _, id := range follow {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
		if !m.Done() || m.Over() == must {
			t.Errorf("must %v: done %v, over %v after one call", must, m.Done(), m.Over())
		}
		var calls []ToolCall
		p, text := f.NewParser(Options{Tools: tools}), tok.NewDecoder()
		for _, id := range append(append([]token.ID{}, ids...), stops[0]) {
			for _, piece := range p.Push(id, text.Push(id)) {
				if piece.Kind == PieceToolCall {
					calls = append(calls, piece.Call)
				}
			}
		}
		if len(calls) != 1 || calls[0].Name != "lights" {
			t.Errorf("calls %v, want one of lights", calls)
		}
	}
	if _, _, err := f.Calls([]Tool{{Name: "x", Parameters: json.RawMessage(`{"type":"nothing"}`)}}, true); err == nil {
		t.Error("a broken schema was taken")
	}
}

// TestArgumentsComeAsTheyAreWritten: what is handed out of a call's arguments is
// JSON, in pieces, each as soon as nothing can change it.
func TestArgumentsComeAsTheyAreWritten(t *testing.T) {
	tok := tokenizer(t)
	f, err := NewGemma4(tok, false)
	if err != nil {
		t.Fatal(err)
	}
	p, text := f.NewParser(Options{}), tok.NewDecoder()
	so := ""
	for _, step := range []struct{ said, json string }{
		{`<|tool_call>call:no`, ``},
		{`te{`, `{`},
		{`n:1`, `{"n":`}, // 1 may become 12
		{`2`, `{"n":`},
		{`,list:[tr`, `{"n":12,"list":[`},
		{`ue,`, `{"n":12,"list":[true,`},
		{`<|"|>say "hi"`, `{"n":12,"list":[true,"say \"hi\"`},
		{` to ä北`, `{"n":12,"list":[true,"say \"hi\" to ä北`},
		{`<|"|>]`, `{"n":12,"list":[true,"say \"hi\" to ä北"]`},
		{`,o:{k:null}}`, `{"n":12,"list":[true,"say \"hi\" to ä北"],"o":{"k":null}}`},
	} {
		for _, id := range tok.Encode(step.said) {
			for _, piece := range p.Push(id, text.Push(id)) {
				if piece.Kind != PieceArguments || piece.Call.Name != "note" {
					t.Fatalf("%q gave %+v", step.said, piece)
				}
				so += piece.Text
			}
		}
		if so != step.json {
			t.Errorf("behind %q the arguments are %q, want %q", step.said, so, step.json)
		}
	}
	id := tok.Encode(`<tool_call|>`)[0]
	out := p.Push(id, text.Push(id))
	if len(out) != 1 || out[0].Kind != PieceToolCall || string(out[0].Call.Arguments) != so {
		t.Errorf("at the end: %+v, want the call with %s", out, so)
	}
}

// TestObjectsAreResultsInTheFormatsOwnForm compares a result that is an object
// with one that is text.
func TestObjectsAreResultsInTheFormatsOwnForm(t *testing.T) {
	f, err := NewGemma4(tokenizer(t), false)
	if err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]string{
		`{"t": 5, "Sky": "clear", "list": [1, null]}`: `response:weather{list:[1,null],Sky:<|"|>clear<|"|>,t:5}`,
		`it rains`:   `response:weather{value:<|"|>it rains<|"|>}`,
		`[1, 2]`:     `response:weather{value:<|"|>[1, 2]<|"|>}`,
		`{"broken":`: `response:weather{value:<|"|>{"broken":<|"|>}`,
	} {
		text, err := f.Text([]Message{
			{Role: User, Content: []Content{{Text: "Weather?"}}},
			{Role: Assistant, ToolCalls: []ToolCall{{ID: "c", Name: "weather"}}},
			{Role: ToolRole, ToolCallID: "c", Content: []Content{{Text: output}}, Result: Result(output)},
		}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "<|tool_response>"+want+"<tool_response|>") {
			t.Errorf("%s is rendered as %s, want %s in it", output, text, want)
		}
	}
}
