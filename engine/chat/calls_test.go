package chat

import (
	"encoding/json"
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
