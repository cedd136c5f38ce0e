package engine

import (
	"errors"
	"slices"

	"hark/engine/model"
	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
)

// A device that has to wait for the host between two steps stands idle
// meanwhile. Where the backend is tensor.Ahead it need not: it picks the tokens
// of a step itself, and if the next step is that of the same answers, one token
// each, that step is recorded and begun with tokens that nobody has read yet.
// Only then the host waits for the tokens of the first, hands them over and looks
// what callers want.
//
//	host:    record 1 | record 2 | read 1 | record 3 | read 2 | …
//	device:           | compute 1         | compute 2          | …
//
// Whether an answer goes on is known only when its token is read: it may be the
// last, or the reader may leave. So what a step that ran ahead has put into a
// cache is hidden at once, by a Truncate, and shown again by Extend when its turn
// comes. In between the sequence is what it would be if the step did not exist:
// it can be set, rewound, forked, slid and closed, and whoever does that has
// ended its answer, by which the row is known to be void. Numbers that its
// sampler drew are given back where the answer itself goes on.
//
// What the device cannot pick goes the other way: logits are read and sampled on
// the host. That is so for penalties, bias, probabilities and grammars in force,
// and for rows with guesses (lookup.go), which need to know the tokens before:
// where there is something to guess, no step runs ahead.

var errUnpickable = errors.New("engine: no token can be picked: a logit is infinite or not a number")

// flight is a step whose tokens the device picks, from the moment it is begun
// until they are read.
type flight struct {
	*batch
	gens []*generation // the answer that each row goes on; nil: none, or void
	at   []int         // the number of each row's token among ids
	ids  tensor.Tensor // kept
}

// pickable reports whether the device can pick the next token.
func (g *generation) pickable() bool {
	return g.sampler.Plain() && (g.rails == nil || g.rails.now == nil)
}

// pickable reports whether the device can pick all tokens of a batch.
func (e *Engine) pickable(b *batch) bool {
	if e.ahead == nil || b.answering == 0 {
		return false
	}
	for i, s := range b.seqs {
		if n := b.rows[i].Logits; n > 1 || n == 1 && !s.gen.pickable() {
			return false
		}
	}
	return true
}

// begin begins a batch whose tokens the device picks.
func (e *Engine) begin(b *batch) (*flight, error) {
	f := &flight{batch: b, gens: make([]*generation, len(b.rows)), at: make([]int, len(b.rows))}
	var how []tensor.Pick
	for i, s := range b.seqs {
		if b.rows[i].Logits == 0 {
			continue
		}
		d := s.gen.sampler.Draw()
		f.gens[i], f.at[i] = s.gen, len(how)
		p := tensor.Pick{Temperature: d.Temperature, TopK: d.TopK, TopP: d.TopP, MinP: d.MinP, Uniform: d.Uniform}
		for _, id := range d.Suppress {
			p.Suppress = append(p.Suppress, int32(id))
		}
		how = append(how, p)
	}
	err := e.guard(func() {
		f.ids = e.ahead.Keep(e.ahead.Pick(e.model.Forward(b.rows), how))
		e.ahead.Begin()
	})
	if err != nil {
		f.drop(e)
		return nil, err
	}
	return f, nil
}

// drop frees a flight that nobody waits for.
func (f *flight) drop(e *Engine) {
	if f == nil {
		return
	}
	e.backend.Free(f.ids)
	for i := range f.gens {
		f.void(i)
	}
}

// void gives row i up.
func (f *flight) void(i int) {
	if g := f.gens[i]; g != nil {
		g.sampler.Undraw()
		f.gens[i] = nil
	}
}

// runAhead begins the step behind f before f's tokens are read, if it is one of
// f's answers alone. It returns nil where it is not.
func (e *Engine) runAhead(f *flight) *flight {
	if e.opts.NoAhead || e.called() || len(e.hearing)+len(e.pictures) > 0 || slices.Contains(f.gens, nil) {
		return nil
	}
	b := &batch{}
	for i, s := range f.seqs {
		r, g := f.rows[i], s.gen
		n := r.Pos + len(r.IDs)
		switch {
		case g != f.gens[i] || g.max <= 1 || n+1 >= e.info.Context || len(g.out)+2 > cap(g.out) || !e.cover(s, n+1):
			continue // it ends with this token, or its reader is behind
		case !g.pickable() || e.guesses(s, len(f.seqs), n):
			return nil
		}
		b.rows = append(b.rows, model.Row{KV: s.kv, Pos: n, IDs: r.IDs[len(r.IDs)-1:], Logits: 1, Picked: f.ids, PickedAt: f.at[i]})
		b.seqs = append(b.seqs, s)
		if s.class == Speculative {
			b.speculative++
		}
	}
	if b.answering = len(b.rows); b.answering == 0 {
		return nil
	}
	for _, s := range e.seqs {
		if !slices.Contains(f.seqs, s) && s.ready() {
			return nil // it is to be in the next step
		}
	}
	next, err := e.begin(b)
	for _, r := range b.rows {
		r.KV.Truncate(min(r.Pos, r.KV.Len())) // hidden, see above
	}
	if err != nil {
		e.log.Warn("a step that ran ahead failed", "err", err)
		return nil
	}
	e.count(func(t *Stats) { t.Ahead++ })
	return next
}

// called reports whether commands wait.
func (e *Engine) called() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed || len(e.queue) > 0
}

// show makes what a step that ran ahead has done part of its sequences, and
// leaves out the rows of answers that have ended since. It reports whether there
// are others.
func (f *flight) show(e *Engine) bool {
	kept := &flight{batch: &batch{}, ids: f.ids}
	for i, s := range f.seqs {
		g := f.gens[i]
		if g == nil || s.gen != g {
			e.count(func(t *Stats) { t.Void++ })
			continue
		}
		r := f.rows[i]
		e.ahead.Extend(r.KV, r.Pos+1)
		s.starts = append(s.starts[:s.next], r.Pos)
		kept.rows, kept.seqs, kept.after = append(kept.rows, r), append(kept.seqs, s), append(kept.after, cursor{next: s.next + 1})
		kept.gens, kept.at = append(kept.gens, g), append(kept.at, f.at[i])
		if s.class == Speculative {
			kept.speculative++
		}
	}
	kept.answering = len(kept.rows)
	*f = *kept
	return f.answering > 0
}

// land reads the tokens of a flight and hands them over. Before, it begins the
// next step if that can be.
func (e *Engine) land(f *flight) {
	next := e.runAhead(f)
	err := e.guard(func() { e.picked = e.ahead.ReadPicked(e.picked, f.ids) })
	e.backend.Free(f.ids)
	if err != nil {
		next.drop(e)
		e.failed(f.batch, err)
		return
	}
	for i, s := range f.seqs {
		s.cursor = f.after[i]
		if f.gens[i] == nil {
			continue
		}
		if id := e.picked[f.at[i]]; id < 0 {
			s.end(errUnpickable)
		} else {
			s.take(e, sample.Choice{ID: token.ID(id)}, f.rows[i].Pos+len(f.rows[i].IDs))
		}
		if g := s.gen; g != nil && next != nil && !g.pickable() {
			if j := slices.Index(next.seqs, s); j >= 0 {
				next.void(j)
			}
		}
	}
	e.flight = next
}
