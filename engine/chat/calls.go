package chat

import (
	"errors"

	"hark/engine/grammar"
	"hark/engine/token"
)

// Calls returns the grammar of tool calls; see Format.
//
// Source: gemma4.md 6.1 (c), 6.3.
func (g *gemma4) Calls(tools []Tool, must bool) (*grammar.Grammar, token.ID, error) {
	list := make([]grammar.Tool, len(tools))
	for i, t := range tools {
		list[i] = grammar.Tool{Name: t.Name, Parameters: t.Parameters}
	}
	open := g.marks["<|tool_call>"]
	rules, err := grammar.Calls(list, grammar.Markers{Open: open, Close: g.marks["<tool_call|>"], Quote: g.marks[`<|"|>`]}, must, !must)
	if must {
		open = 0
	}
	return rules, open, err
}

// Calls refuses: the format has no tools.
func (g *gemma3) Calls([]Tool, bool) (*grammar.Grammar, token.ID, error) {
	return nil, 0, errors.New("chat: Gemma 3 has no tools")
}
