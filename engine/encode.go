package engine

import (
	"slices"

	"hark/engine/model"
)

// encodeLater has a medium take part in the next steps.
func (e *Engine) encodeLater(m encoder) {
	if !slices.Contains(e.encoding, m) {
		e.encoding = append(e.encoding, m)
	}
}

// encodeSome does a step's share of the towers' work: one picture, and of all
// clips together up to budget soft tokens, in turns. It returns how many soft
// tokens of clips that were.
func (e *Engine) encodeSome(budget int) (done int) {
	waiting := e.encoding
	e.encoding = nil
	e.encodeTurn++
	var clips []*Clip
	pictures := 0
	for i := range waiting {
		switch m := waiting[(e.encodeTurn+i)%len(waiting)].(type) {
		case *Clip:
			clips = append(clips, m)
		case *Picture:
			if pictures++; pictures > 1 {
				e.encodeLater(m)
			} else if err := e.guard(func() { m.encode(e) }); err != nil {
				e.spoil(err, m)
			}
		}
	}
	e.drew = pictures > 0
	return e.hear(clips, budget)
}

// hear has the tower work on the clips together: it reads its weights once for
// all of them.
func (e *Engine) hear(clips []*Clip, budget int) (done int) {
	var taken []*Clip
	var pieces []model.Piece
	for _, c := range clips {
		if done >= budget {
			e.encodeLater(c)
		} else if p, ok := c.take(e, budget-done); ok {
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
				e.encodeLater(taken[i])
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

// spoil marks a medium that will never be whole.
func (e *Engine) spoil(err error, m encoder) {
	m.state().err = err
	e.log.Error("encoding failed", "err", err)
}
