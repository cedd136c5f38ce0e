package engine

import (
	"fmt"
	"slices"

	"hark/engine/token"
)

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

// hears reports whether s is a clip.
func (s slot) hears() bool {
	_, ok := s.medium.(*Clip)
	return ok
}

// growing reports whether s is a clip that has not ended.
func (s slot) growing() bool {
	c, ok := s.medium.(*Clip)
	return ok && !c.Ended()
}

// length returns the positions of slots.
func length(slots []slot) (n int) {
	for _, s := range slots {
		n += s.tokens()
	}
	return n
}

// Sequence is a place in the engine that holds one prompt and its answer. Its
// methods must be called from one goroutine at a time.
type Sequence struct {
	e      *Engine
	slots  []slot // what the caller knows to be in it
	st     *stepSeq
	closed bool
}

// Set makes the sequence hold exactly prompt. What the cache already holds of
// it is kept, the rest is dropped, and what is new is read in beside other
// work: Set does not wait. It returns the positions kept.
//
// If the last part is a Clip that has not ended, its soft tokens are read in
// as they come; a later Set with the same clip, or with a fork of it in its
// place, goes on from there. ErrTooLong: the prompt does not fit the context;
// ErrMemory: not the memory; nothing was changed.
func (s *Sequence) Set(prompt []Part) (reused int, err error) {
	slots, err := s.flatten(nil, prompt)
	if err != nil {
		return 0, err
	}
	keep, reused := s.common(slots)
	return reused, s.put(keep, slots)
}

// Append is a Set of what the sequence holds with more parts behind it. A clip
// at its end must have ended.
func (s *Sequence) Append(parts []Part) error {
	if n := len(s.slots); n > 0 && len(parts) > 0 && s.slots[n-1].growing() {
		return fmt.Errorf("engine: append behind a clip that has not ended")
	}
	slots, err := s.flatten(s.slots, parts)
	if err != nil {
		return err
	}
	return s.put(len(s.slots), slots)
}

// Rewind drops what stands at position n and behind it, and ends an answer in
// progress. A clip or a picture that begins before n and ends behind it goes
// as a whole.
func (s *Sequence) Rewind(n int) error {
	if s.closed {
		return ErrClosed
	}
	if all := s.Len(); n < 0 || n > all {
		return fmt.Errorf("engine: rewind to %d of %d positions", n, all)
	}
	keep := 0
	for at := 0; keep < len(s.slots) && at < n; keep++ {
		if at += s.slots[keep].tokens(); at > n {
			break
		}
	}
	return s.put(keep, s.slots[:keep])
}

// common returns with how many slots the sequence's and others begin alike,
// and how many positions those are.
func (s *Sequence) common(slots []slot) (keep, positions int) {
	for keep < len(slots) && keep < len(s.slots) && slots[keep] == s.slots[keep] {
		positions += slots[keep].tokens()
		keep++
	}
	if keep < len(slots) && keep < len(s.slots) {
		a, ok := s.slots[keep].medium.(*Clip)
		b, also := slots[keep].medium.(*Clip)
		if ok && also {
			positions += b.sharedTokens(a)
		}
	}
	return keep, positions
}

// put makes the sequence hold slots, of which it holds the first keep.
func (s *Sequence) put(keep int, slots []slot) error {
	if err := s.e.afford(s.st, length(slots)); err != nil {
		return err
	}
	added, st := slices.Clone(slots[keep:]), s.st
	s.slots = append(s.slots[:keep], added...)
	if !s.e.do(func() { st.set(s.e, keep, added) }) {
		return ErrClosed
	}
	return nil
}

// flatten turns parts into slots behind those that are there, and checks what
// comes out.
func (s *Sequence) flatten(there []slot, parts []Part) ([]slot, error) {
	if s.closed {
		return nil, ErrClosed
	}
	slots := slices.Clone(there)
	for i, p := range parts {
		switch p := p.(type) {
		case Tokens:
			for _, id := range p {
				if id < 0 || int(id) >= s.e.info.Vocab {
					return nil, fmt.Errorf("engine: token %d, the vocabulary has %d", id, s.e.info.Vocab)
				}
				slots = append(slots, slot{id: id})
			}
		case *Clip:
			if !p.Ended() && i != len(parts)-1 {
				return nil, fmt.Errorf("engine: part %d is a clip that has not ended and is not the last part", i)
			}
			slots = append(slots, slot{medium: p})
		case *Picture:
			slots = append(slots, slot{medium: p})
		}
	}
	if n := length(slots); n >= s.e.info.Context {
		return nil, fmt.Errorf("%w: %d positions of %d", ErrTooLong, n, s.e.info.Context)
	}
	return slots, nil
}

// Len returns the positions of the prompt and of the answer as far as it was
// read.
func (s *Sequence) Len() int { return length(s.slots) }

// Fork returns a new sequence that holds what s holds, prompt and cache, and
// belongs to the class of s. Neither notices the other. ErrBusy: there is no
// place for it; ErrMemory: no memory.
func (s *Sequence) Fork() (*Sequence, error) {
	if s.closed {
		return nil, ErrClosed
	}
	f, err := s.e.place()
	if err != nil {
		return nil, err
	}
	if err := s.e.afford(f.st, s.Len()); err != nil {
		s.e.leave(f.st)
		return nil, err
	}
	f.slots = slices.Clone(s.slots)
	from, n := s.st, len(s.slots)
	if !s.e.do(func() {
		from.forkInto(f.st, n)
		s.e.seqs = append(s.e.seqs, f.st)
	}) {
		return nil, ErrClosed
	}
	return f, nil
}

// SetClass says who comes first when there is more to do than a step holds. A
// sequence is Speaking when it is opened.
func (s *Sequence) SetClass(c Class) {
	if c < classes {
		st := s.st
		s.e.do(func() { st.setClass(c) })
	}
}

// Close frees the sequence.
func (s *Sequence) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	st, e := s.st, s.e
	e.do(func() { e.drop(st) })
	e.leave(st)
	return nil
}
