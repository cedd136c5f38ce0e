package engine

import (
	"slices"
	"time"

	"hark/engine/model"
)

// hearLater has a clip take part in the next steps.
func (e *Engine) hearLater(c *Clip) {
	if !slices.Contains(e.hearing, c) {
		e.hearing = append(e.hearing, c)
	}
}

// encodeSome does a step's share of the towers' work: on the first picture for
// half of Options.StepTime, or a piece of it if that takes longer, and on all
// clips together up to budget soft tokens. It returns how many those were, and
// whether it saw a picture.
func (e *Engine) encodeSome(budget int) (heard int, saw bool) {
	if saw = len(e.pictures) > 0; saw {
		p, more := e.pictures[0], false
		until := time.Now().Add(e.pace.target / 2)
		if err := e.guard(func() { more = p.encode(e, until) }); err != nil {
			if more = p.again(); !more {
				e.spoil(err, p)
			}
		}
		if !more {
			e.pictures = slices.Delete(e.pictures, 0, 1)
		}
	}
	return e.hear(budget), saw
}

// hear has the tower work on the clips that wait, all together: it reads its
// weights once for all of them. The shortest come first, so that who speaks
// does not wait for a long recording; the longest has a share in any case.
func (e *Engine) hear(budget int) (done int) {
	clips := e.hearing
	e.hearing = nil
	slices.SortStableFunc(clips, func(a, b *Clip) int { return a.todo.Rows() - b.todo.Rows() })
	var taken []*Clip
	var pieces []model.Piece
	for i, c := range clips {
		room := budget
		if i < len(clips)-1 {
			room -= budget / batchShare
		}
		if done >= room {
			e.hearLater(c)
		} else if p, ok := e.piece(c, room-done); ok {
			done += max(1, (p.Rows.Rows()+e.rowsPerToken-1)/e.rowsPerToken)
			taken, pieces = append(taken, c), append(pieces, p)
		}
	}
	if len(taken) == 0 {
		return 0
	}
	err := e.guard(func() {
		for i, x := range e.model.Hear(pieces) {
			if taken[i].took(e, pieces[i], x) {
				e.hearLater(taken[i])
			}
		}
	})
	if err != nil {
		for _, c := range taken {
			e.spoil(err, c)
		}
	}
	return done
}

// piece takes a piece of c for the tower.
func (e *Engine) piece(c *Clip, budget int) (p model.Piece, ok bool) {
	if err := e.guard(func() { p, ok = c.take(e, budget) }); err != nil {
		e.spoil(err, c)
		return p, false
	}
	return p, ok
}

// spoil marks a medium that will never be whole.
func (e *Engine) spoil(err error, m encoder) {
	m.state().err = err
	e.log.Error("encoding failed", "err", err)
}
