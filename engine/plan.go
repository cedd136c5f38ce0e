package engine

import (
	"errors"

	"hark/engine/model"
	"hark/engine/tensor"
)

var errFreed = errors.New("engine: the prompt holds a clip or picture that was closed")

// batch is the work of one forward: a row for each sequence in it, and how far
// that sequence will have been read in.
type batch struct {
	rows  []model.Row
	seqs  []*stepSeq
	after []cursor
}

// cursor is how far a sequence has been read in: slots before next wholly, and
// part soft tokens of slot next.
type cursor struct{ next, part int }

// plan decides the work of the next step: first the sequences that are
// answering, one position each; then, up to Piece positions together, what
// others still have to read in, taking turns in who comes first.
func (e *Engine) plan() *batch {
	b := &batch{}
	var reading []*stepSeq
	for _, s := range e.seqs {
		switch {
		case s.failed != nil || s.next == len(s.slots):
		case s.gen != nil && s.next == len(s.slots)-1 && s.slots[s.next].medium == nil:
			if len(s.gen.out) < queuedTokens {
				b.add(e, s, 1)
			}
		default:
			reading = append(reading, s)
		}
	}
	e.turn++
	budget := e.opts.Piece
	for i := range reading {
		if s := reading[(e.turn+i)%len(reading)]; budget > 0 {
			budget -= b.add(e, s, budget)
		}
	}
	return b
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
func (b *batch) add(e *Engine, s *stepSeq, budget int) int {
	d := &draft{cursor: s.cursor, row: model.Row{KV: s.kv, Pos: s.kv.Len()}}
	for more := true; more && d.next < len(s.slots) && len(d.row.IDs) < budget; {
		if d.part == 0 {
			s.starts = append(s.starts[:d.next], d.row.Pos+len(d.row.IDs))
		}
		if slot := s.slots[d.next]; slot.medium == nil {
			more = d.token(s, slot)
		} else if m := slot.medium.state(); m.err != nil || m.freed {
			s.lose(m)
			return 0
		} else {
			more = d.medium(e, slot.medium, budget)
		}
	}
	if len(d.row.IDs) == 0 {
		s.cursor = d.cursor // a clip without a soft token may have been passed
		return 0
	}
	if len(d.soft) == 1 {
		d.row.Soft = d.soft[0]
	} else if len(d.soft) > 1 {
		d.row.Soft = e.backend.Concat(d.soft...)
	}
	d.row.Until = model.Until(d.row.Pos, len(d.row.IDs), d.ahead)
	b.rows, b.seqs, b.after = append(b.rows, d.row), append(b.seqs, s), append(b.after, d.cursor)
	return len(d.row.IDs)
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
func (s *stepSeq) lose(m *soft) {
	s.failed = m.err
	if s.failed == nil {
		s.failed = errFreed
	}
	s.end(s.failed)
}
