package engine

import (
	"context"
	"fmt"
	"iter"

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
	StopLength Stop = "length" // Max tokens, or the context is full
	StopString Stop = "stop"   // a stop string came
)

// Token is one token of an answer.
type Token struct {
	ID      token.ID
	Text    string  // valid UTF-8; empty while a character is incomplete and for special tokens
	Logprob float32 // natural logarithm, before temperature
	Stop    Stop    // set on the last token only
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
}

// slot is one element of a prompt: a token id, or a medium with all its soft
// tokens.
type slot struct {
	id     token.ID
	medium encoder // nil: a token
}

// tokens is the number of positions of s, for a growing clip those it has now.
func (s slot) tokens() int {
	switch m := s.medium.(type) {
	case *Clip:
		return m.Tokens()
	case *Picture:
		return m.Tokens()
	}
	return 1
}

// Sequence is a place in the engine that holds one prompt and its answer. Its
// methods must be called from one goroutine at a time.
type Sequence struct {
	e      *Engine
	slots  []slot // what the caller knows to be in it
	st     *stepSeq
	closed bool
}

// Open makes an empty sequence. ErrBusy: as many are open as the options
// allow.
func (e *Engine) Open() (*Sequence, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, ErrClosed
	}
	if e.open >= e.opts.MaxSequences {
		e.mu.Unlock()
		return nil, ErrBusy
	}
	e.open++
	e.mu.Unlock()
	s := &Sequence{e: e, st: &stepSeq{cached: unlimited}}
	e.do(func() {
		s.st.kv = e.backend.NewKV(e.model.KVLayers())
		e.seqs = append(e.seqs, s.st)
	})
	return s, nil
}

// Set makes the sequence hold exactly prompt. What the cache already holds of
// it is kept, the rest is dropped, and what is new is read in beside other
// work: Set does not wait. It returns the positions kept.
//
// If the last part is a Clip that has not ended, its soft tokens are read in
// as they come; a later Set with the same clip goes on from there. ErrTooLong:
// the prompt does not fit the context; nothing was changed.
func (s *Sequence) Set(prompt []Part) (reused int, err error) {
	if s.closed {
		return 0, ErrClosed
	}
	slots, length, err := s.flatten(prompt)
	if err != nil {
		return 0, err
	}
	if length >= s.e.info.Context {
		return 0, fmt.Errorf("%w: %d positions of %d", ErrTooLong, length, s.e.info.Context)
	}
	keep := 0
	for keep < len(slots) && keep < len(s.slots) && slots[keep] == s.slots[keep] {
		reused += slots[keep].tokens()
		keep++
	}
	s.slots = append(s.slots[:keep], slots[keep:]...)
	added, st := slots[keep:], s.st
	if !s.e.do(func() { st.set(s.e, keep, added) }) {
		return 0, ErrClosed
	}
	return reused, nil
}

// flatten turns parts into slots and counts their positions.
func (s *Sequence) flatten(prompt []Part) (slots []slot, length int, err error) {
	for i, p := range prompt {
		switch p := p.(type) {
		case Tokens:
			for _, id := range p {
				if id < 0 || int(id) >= s.e.info.Vocab {
					return nil, 0, fmt.Errorf("engine: token %d, the vocabulary has %d", id, s.e.info.Vocab)
				}
				slots = append(slots, slot{id: id})
			}
			length += len(p)
		case *Clip:
			if !p.Ended() && i != len(prompt)-1 {
				return nil, 0, fmt.Errorf("engine: part %d is a clip that has not ended and is not the last part", i)
			}
			slots = append(slots, slot{medium: p})
			length += p.Tokens()
		case *Picture:
			slots = append(slots, slot{medium: p})
			length += p.Tokens()
		}
	}
	return slots, length, nil
}

// Len returns the positions of the prompt and of the answer as far as it was
// read.
func (s *Sequence) Len() int {
	n := 0
	for _, slot := range s.slots {
		n += slot.tokens()
	}
	return n
}

// Generate answers the prompt: the tokens come as the model makes them. It
// waits for the prompt to be read in first. Breaking the loop or ending ctx
// cancels; what was read until then stays in the sequence, so that the next
// prompt may go on from it. An error is the last thing that comes.
func (s *Sequence) Generate(ctx context.Context, o Generate) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		if err := o.Sample.Validate(); err != nil {
			yield(Token{}, err)
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
		defer s.e.do(func() { st.stop(g) })
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

// Close frees the sequence.
func (s *Sequence) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	st, e := s.st, s.e
	e.mu.Lock()
	e.open--
	e.mu.Unlock()
	e.do(func() { e.drop(st) })
	return nil
}
