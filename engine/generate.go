package engine

import (
	"context"
	"fmt"
	"iter"
	"time"

	"hark/engine/grammar"
	"hark/engine/sample"
	"hark/engine/token"
)

// Stop says why an answer ended.
type Stop string

// The reasons.
const (
	StopNone   Stop = ""
	StopEOS    Stop = "eos"    // the model ended its turn
	StopLength Stop = "length" // Max tokens, or the context or the memory is full
	StopString Stop = "stop"   // a stop string came
)

// Token is one token of an answer.
type Token struct {
	ID      token.ID
	Text    string  // valid UTF-8; empty while a character is incomplete and for special tokens
	Logprob float32 // natural logarithm, before temperature; 0 unless Sample.LogProbs is set
	Stop    Stop    // set on the last token only
	// At is when the token was picked: its reader may come to it later.
	At time.Time
	// Cached is how many positions of the prompt were in the cache when the
	// answer before this one ended, or came from another sequence's.
	Cached int
	// Alternatives are the likeliest tokens, as many as Sample.LogProbs asks for.
	Alternatives []sample.Alternative
}

// Generate are the choices of one answer. The zero value is greedy and goes on
// until the model ends its turn.
type Generate struct {
	// Max bounds the tokens; 0 means as many as the context holds.
	Max int
	// Sample says how tokens are picked.
	Sample sample.Options
	// Stops are ids that end the answer beside the model's own.
	Stops []token.ID
	// Grammar keeps the answer within a grammar; nil leaves it free. It holds
	// from the first token on or, if Trigger is set, from the token behind
	// each Trigger until the grammar is complete.
	Grammar *grammar.Grammar
	Trigger token.ID
	// StopStrings end the answer where one of them appears; it is not part
	// of the text.
	StopStrings []string
	// Ahead is how many tokens the answer may run ahead of its reader, 0 to
	// 64; 0 means 64. Until the reader has made room, the sequence is left out
	// of the steps.
	Ahead int
	// Discard counts the tokens as thrown away in Stats: nobody is to read
	// them, an estimate for one. Those of a Speculative sequence count so by
	// themselves unless it is made something else before it is closed.
	Discard bool
}

// Generate answers the prompt: the tokens come as the model makes them. It
// waits for the prompt to be read in first. Breaking the loop or ending ctx
// cancels; what was read until then stays in the sequence, so that the next
// prompt may go on from it. An error is the last thing that comes. Until the loop
// is left, no other method of the sequence may be called.
func (s *Sequence) Generate(ctx context.Context, o Generate) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		if err := o.Sample.Validate(); err != nil {
			yield(Token{}, err)
			return
		}
		if o.Ahead < 0 || o.Ahead > queuedTokens {
			yield(Token{}, fmt.Errorf("engine: %d tokens ahead of the reader, want 0 to %d", o.Ahead, queuedTokens))
			return
		}
		if s.closed || len(s.slots) == 0 {
			yield(Token{}, fmt.Errorf("engine: generate from an empty or closed sequence"))
			return
		}
		g := newGeneration(s.e, &o)
		st := s.st
		if !s.e.do(func() { st.start(g) }) {
			yield(Token{}, ErrClosed)
			return
		}
		defer func() {
			n := len(s.slots)
			s.e.do(func() { st.stop(s.e, g, n) })
		}()
		s.read(ctx, g, newText(s.e.model.Tokenizer(), o.StopStrings), yield)
	}
}

// read hands tokens over until the answer ends.
func (s *Sequence) read(ctx context.Context, g *generation, text *text, yield func(Token, error) bool) {
	for {
		select {
		case <-ctx.Done():
			yield(Token{}, ctx.Err())
			return
		case t, ok := <-g.out:
			if !ok {
				yield(Token{}, g.err)
				return
			}
			s.e.poke() // the step may be waiting for room in the queue
			if t.Stop != StopEOS {
				s.slots = append(s.slots, slot{id: t.ID})
			}
			if t.Text = text.push(t.ID, t.Stop != StopNone); text.stopped {
				t.Stop = StopString
			}
			if !yield(t, nil) || t.Stop != StopNone {
				return
			}
		}
	}
}
