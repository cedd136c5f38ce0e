package main

import (
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// aheadOf returns a backend that picks tokens itself, nil for others.
func (c *benchDecode) aheadOf(b tensor.Backend) tensor.Ahead {
	if c.NoAhead {
		return nil
	}
	a, _ := b.(tensor.Ahead)
	return a
}

// stepAhead begins the next token's step, greedily picked on the device, and then
// reads the token of the step before, as the engine does.
func (s *benchSequences) stepAhead(a tensor.Ahead) {
	rows := make([]model.Row, len(s.caches))
	for i, kv := range s.caches {
		rows[i] = model.Row{KV: kv, Pos: s.length, IDs: []token.ID{0}, Logits: 1, Picked: s.picked, PickedAt: i}
		if s.picked == nil {
			rows[i].IDs = s.ids(1)
		}
	}
	next := a.Keep(a.Pick(s.b.model.Forward(rows), make([]tensor.Pick, len(rows))))
	a.Begin()
	s.land(a)
	s.picked = next
	a.EndStep()
	s.length++
}

// land reads the tokens of the step under way, if there is one.
func (s *benchSequences) land(a tensor.Ahead) {
	if s.picked != nil {
		s.tokens = a.ReadPicked(s.tokens, s.picked)
		a.Free(s.picked)
		s.picked = nil
	}
}
