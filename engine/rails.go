package engine

import (
	"hark/engine/grammar"
	"hark/engine/token"
)

// rails keep one answer within a grammar.
type rails struct {
	grammar *grammar.Grammar
	words   *grammar.Vocabulary
	stops   []token.ID
	trigger token.ID         // 0: the grammar holds from the start
	now     *grammar.Matcher // nil: the answer is free
}

func newRails(e *Engine, o *Generate, stops []token.ID) *rails {
	r := &rails{grammar: o.Grammar, words: e.vocabulary(), stops: stops, trigger: o.Trigger}
	if r.trigger == 0 {
		r.now = r.grammar.New(r.words, stops)
	}
	return r
}

// mask forbids what the grammar does not allow.
func (r *rails) mask(logits []float32) {
	if r.now != nil {
		r.now.Mask(logits)
	}
}

// accept follows a token. A nil receiver is an answer without a grammar.
func (r *rails) accept(id token.ID) error {
	switch {
	case r == nil:
	case r.now != nil:
		if err := r.now.Accept(id); err != nil {
			return err
		}
		if r.trigger != 0 && r.now.Over() {
			r.now = nil
		}
	case id == r.trigger:
		r.now = r.grammar.New(r.words, r.stops)
	}
	return nil
}
