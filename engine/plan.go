package engine

import (
	"errors"
	"fmt"
	"time"

	"hark/engine/model"
	"hark/engine/tensor"
)

var errFreed = errors.New("engine: the prompt holds a clip or picture that was closed")

// MediumError ends an answer whose prompt holds a clip or a picture that the
// model's tower failed at. It will fail in every prompt; without it the others
// go on.
type MediumError struct {
	Part Part // the *Clip or *Picture, as it stands in the prompt
	Err  error
}

// Error returns the error for logs.
func (e *MediumError) Error() string {
	what := "picture"
	if _, ok := e.Part.(*Clip); ok {
		what = "clip"
	}
	return fmt.Sprintf("engine: a %s of the prompt could not be encoded: %v", what, e.Err)
}

// Unwrap returns why.
func (e *MediumError) Unwrap() error { return e.Err }

// Class says who comes first in a step.
type Class uint8

// The classes. Speaking is somebody who talks and listens: all their answers
// go on in every step, and what they say is heard first. Batch is work that
// nobody waits for with an open ear; however many speak, it goes on with a
// small share. Speculative is work that may turn out to be for nothing: it
// gets what the others leave, and its cache is never lent or kept.
const (
	Speaking Class = iota
	Batch
	Speculative
	classes
)

// batchShare is the part of a step's budget that Batch gets at least.
const batchShare = 8

// batch is the work of one forward: a row for each sequence in it, and how far
// that sequence will have been read in.
type batch struct {
	rows  []model.Row
	seqs  []*stepSeq
	after []cursor
	// answering and positions are the rows that sample and the positions of
	// all the others; speculative are the rows of that class.
	answering, positions, speculative int
	// room is how many tokens may be guessed for one answer; guessed are those
	// that were.
	room, guessed int
	read          int       // positions of prompts
	heard         time.Time // when the oldest soft token of a clip in it was pushed
}

// cursor is how far a sequence has been read in: slots before next wholly, and
// part soft tokens of slot next.
type cursor struct{ next, part int }

// lines are the sequences of one class that have something to do.
type lines struct {
	answering []*stepSeq // one position, and its logits
	hearing   []*stepSeq // the next thing to read in is a clip
	reading   []*stepSeq // the rest
}

// line sorts the sequences.
func (e *Engine) line() (of [classes]lines) {
	for _, s := range e.seqs {
		l := &of[s.class]
		switch {
		case !s.ready():
		case s.answering():
			l.answering = append(l.answering, s)
		case s.slots[s.next].hears():
			l.hearing = append(l.hearing, s)
		default:
			l.reading = append(l.reading, s)
		}
	}
	return of
}

// ready reports whether a step can take s further.
func (s *stepSeq) ready() bool {
	if s.failed != nil || s.next == len(s.slots) {
		return false
	}
	if s.answering() {
		return len(s.gen.out) < cap(s.gen.out)
	}
	if m := s.slots[s.next].medium; m != nil {
		m := m.state()
		return m.count > s.part || m.whole || m.err != nil || m.freed
	}
	return s.next < len(s.slots)-1
}

// answering reports whether only the last token is missing in the cache, and
// its logits are wanted.
func (s *stepSeq) answering() bool {
	return s.gen != nil && s.next == len(s.slots)-1 && s.slots[s.next].medium == nil
}

// plan decides the work of the next step. Those who speak come first: all
// their answers, one position each, and then as far as the budget goes what
// they say and what else they have to read in. A share of the budget is left
// for Batch, answers included; what nobody else wants is Speculative's. Within
// a class they take turns in who comes first.
func (e *Engine) plan(budget int) *batch {
	b := &batch{}
	of := e.line()
	e.turn++
	b.room = e.room(&of)
	share := 0
	if l := &of[Batch]; len(l.answering)+len(l.hearing)+len(l.reading) > 0 {
		share = max(1, budget/batchShare)
	}
	l := &of[Speaking]
	for _, s := range l.answering {
		b.add(e, s, 1)
	}
	left := budget - b.fill(e, max(1, budget-share), l.hearing, l.reading)
	l = &of[Batch]
	left -= b.fill(e, max(left, share), l.answering, l.hearing, l.reading)
	l = &of[Speculative]
	b.speculative = b.fill(e, left, l.answering, l.hearing, l.reading)
	return b
}

// fill adds up to room positions of sequences, group by group, and returns how
// many.
func (b *batch) fill(e *Engine, room int, groups ...[]*stepSeq) (n int) {
	for _, group := range groups {
		for i := range group {
			if n < room {
				n += b.add(e, group[(e.turn+i)%len(group)], room-n)
			}
		}
	}
	return n
}

// draft is a row in the making.
type draft struct {
	cursor
	row   model.Row
	soft  []tensor.Tensor
	ahead [][2]int // from and to, in the row, of pictures whose rows see ahead
}

// add puts up to budget positions of s in the batch and returns how many. A
// picture that must be whole goes in whole.
func (b *batch) add(e *Engine, s *stepSeq, budget int) (n int) {
	if err := e.guard(func() { n = b.put(e, s, budget) }); err != nil {
		e.log.Error("planning failed", "err", err)
		s.failed = err
		s.end(err)
		return 0
	}
	return n
}

// put is add; a device that fails at the soft tokens panics.
func (b *batch) put(e *Engine, s *stepSeq, budget int) int {
	d := &draft{cursor: s.cursor, row: model.Row{KV: s.kv, Pos: s.kv.Len()}}
	for more := true; more && d.next < len(s.slots) && len(d.row.IDs) < budget; {
		if d.part == 0 {
			s.starts = append(s.starts[:d.next], d.row.Pos+len(d.row.IDs))
		}
		if slot := s.slots[d.next]; slot.medium == nil {
			more = d.token(s, slot)
		} else if m := slot.medium.state(); m.err != nil || m.freed {
			s.lose(slot.medium)
			return 0
		} else {
			more = d.medium(e, slot.medium, budget)
			b.hear(slot.medium, d)
		}
	}
	n, guessed := len(d.row.IDs), 0
	if n == 0 {
		s.cursor = d.cursor // a clip without a soft token may have been passed
		return 0
	}
	if d.row.Logits > 0 {
		ids := s.guess(e, b.room, d.row.Pos+n)
		guessed = len(ids)
		d.row.IDs, d.row.Logits = append(d.row.IDs, ids...), d.row.Logits+guessed
		n += guessed
	}
	if !e.cover(s, d.row.Pos+n) {
		s.failed = ErrMemory
		s.end(ErrMemory)
		return 0
	}
	if len(d.soft) == 1 {
		d.row.Soft = d.soft[0]
	} else if len(d.soft) > 1 {
		d.row.Soft = e.backend.Concat(d.soft...)
	}
	d.row.Until = model.Until(d.row.Pos, n, d.ahead)
	b.rows, b.seqs, b.after = append(b.rows, d.row), append(b.seqs, s), append(b.after, d.cursor)
	b.answering += min(d.row.Logits, 1)
	b.positions += n - d.row.Logits
	b.guessed += guessed
	if b.read += n - guessed; d.row.Logits > 0 && s.gen.made > 0 {
		b.read--
	}
	return n
}

// hear notes the soft tokens of a clip that a draft has taken.
func (b *batch) hear(m encoder, d *draft) {
	c, ok := m.(*Clip)
	if !ok {
		return
	}
	n := d.part
	if n == 0 {
		n = c.count // it was taken to its end
	}
	if at := c.read(n); !at.IsZero() && (b.heard.IsZero() || at.Before(b.heard)) {
		b.heard = at
	}
}

// token takes a token, unless it is the last and nobody asks for its logits
// yet. It reports whether to go on.
func (d *draft) token(s *stepSeq, slot slot) bool {
	if d.next == len(s.slots)-1 {
		if s.gen == nil {
			return false
		}
		d.row.Logits = 1
	}
	d.row.IDs = append(d.row.IDs, slot.id)
	d.next++
	return true
}

// medium takes the soft tokens that are there, and goes on if they are all.
func (d *draft) medium(e *Engine, m encoder, budget int) bool {
	s := m.state()
	n := min(s.count-d.part, budget-len(d.row.IDs))
	if picture, ok := m.(*Picture); ok && e.info.Whole {
		if !s.whole || len(d.row.IDs) > 0 && len(d.row.IDs)+picture.tokens > budget {
			return false
		}
		n = s.count
		d.ahead = append(d.ahead, [2]int{len(d.row.IDs), len(d.row.IDs) + n})
	}
	if n > 0 {
		d.soft = append(d.soft, s.rows(e.backend, d.part, d.part+n)...)
	}
	for range n {
		d.row.SoftAt = append(d.row.SoftAt, len(d.row.IDs))
		d.row.IDs = append(d.row.IDs, s.id)
	}
	d.part += n
	if !s.whole || d.part < s.count {
		return false
	}
	d.next, d.part = d.next+1, 0
	return true
}

// lose fails a sequence whose medium will never come.
func (s *stepSeq) lose(medium encoder) {
	s.failed = errFreed
	if err := medium.state().err; err != nil {
		part, _ := medium.(Part)
		s.failed = &MediumError{Part: part, Err: err}
	}
	s.end(s.failed)
}
