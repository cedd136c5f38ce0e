package engine_test

import (
	"encoding/json"
	"testing"

	"hark/engine"
	"hark/engine/grammar"
	"hark/engine/sample"
	"hark/engine/token"
)

func TestGrammarKeepsTheAnswerValid(t *testing.T) {
	e := open(t, nil)
	s := sequence(t, e)
	g, err := grammar.JSON(json.RawMessage(`{"type":"object","properties":{"a":{"type":"boolean"},"b":{"enum":["x","y"]}},"required":["a","b"],"additionalProperties":false}`))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(10) {
		set(t, s, engine.Tokens(golden(t).IDs("text.input_ids")))
		var ids []token.ID
		for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 500, Grammar: g, Sample: sample.Options{Temperature: 2, Seed: seed}}) {
			if err != nil {
				t.Fatal(err)
			}
			if tok.Stop != engine.StopEOS {
				ids = append(ids, tok.ID)
			}
		}
		var v struct {
			A *bool
			B *string
		}
		text := e.Tokenizer().Decode(ids)
		if err := json.Unmarshal([]byte(text), &v); err != nil || v.A == nil || v.B == nil {
			t.Errorf("seed %d: %q: %v", seed, text, err)
		}
	}
}
