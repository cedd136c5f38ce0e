package engine

import (
	"hark/engine/model"
	"hark/engine/token"
)

// An answer often repeats what stands in the conversation: a name, a sentence
// that is corrected, a document that is turned into another form. Where the last
// tokens of an answer appear earlier in the sequence, those that followed there
// are guessed to follow again (Saxena, Prompt Lookup Decoding, 2023). A step
// takes the guesses in behind the last token, for hardly more than that token
// alone costs while memory is what decoding waits for, and samples at each: as
// long as what is sampled is what was guessed, the next logits are right. What
// is behind the first wrong guess leaves the cache again.
//
// Tokens are picked by the same sampler in the same order from the same logits
// as without guesses, so answers do not change, whatever they are sampled by, on
// a backend whose rows do not depend on the batch, as those of package cpu.

const (
	// defaultLookup is how many tokens a step guesses at most, for all answers
	// together: as many rows as package cpu reads weights once for.
	defaultLookup = 8
	// leastMatch is how many tokens must appear before; more than enoughMatch
	// are not compared.
	leastMatch, enoughMatch = 3, 16
	// guessCost is what a wrong guess costs, in tokens: about what a row more
	// adds to a step of one row.
	guessCost = 1.0 / 3
	// leastScore is how many tokens guesses may have lost before there are
	// none for shortPause tokens, or twice as many each time again.
	leastScore            = -2.0
	firstWidth            = 3
	shortPause, longPause = 16, 256
	highScore             = 4.0
)

// guesser decides how many tokens of one answer are guessed: more after guesses
// that were right, none for some time where they lose more than they gain.
type guesser struct {
	width int     // tokens of the next guess
	score float64 // tokens gained of late, less costs
	pause int     // tokens to go without
	wait  int     // the next pause
}

func newGuesser() guesser { return guesser{width: firstWidth, wait: shortPause} }

// learn takes note that so many of some guessed tokens were right.
func (g *guesser) learn(guessed, right int) {
	g.score = min(g.score+float64(right)-guessCost*float64(guessed), highScore)
	switch {
	case right == guessed:
		g.width, g.wait = min(2*g.width, 64), shortPause
	default:
		g.width = max(right+1, 2)
	}
	if g.score < leastScore {
		*g = guesser{width: firstWidth, pause: g.wait, wait: min(2*g.wait, longPause)}
	}
}

// room returns how many tokens may be guessed for each answer of a step: their
// share of what is allowed, and none where the step has other work.
func (e *Engine) room(of *[classes]lines) int {
	answers := 0
	for _, l := range of {
		if len(l.hearing)+len(l.reading) > 0 {
			return 0
		}
		answers += len(l.answering)
	}
	if len(e.hearing)+len(e.pictures) > 0 {
		return 0
	}
	return e.opts.Lookup / max(answers, 1)
}

// guess returns up to room tokens that may follow the last one of s. Only what
// can be taken back is guessed.
func (s *stepSeq) guess(e *Engine, room, pos int) []token.ID {
	g := s.gen
	// A cache of which a snapshot is to be taken, or part of which was moved, is
	// left as it is.
	if room < 2 || g.made == 0 || !s.parked && s.class != Speculative || s.sliding() || s.shadow {
		return nil
	}
	if g.guesser.pause > 0 {
		g.guesser.pause--
		return nil
	}
	room = min(room, g.guesser.width, g.max-1, cap(g.out)-len(g.out)-1, e.info.Context-1-pos)
	if room < 1 {
		return nil
	}
	ids := lookUp(s.slots, room)
	if !e.cover(s, pos+len(ids)) {
		return nil
	}
	return ids
}

// guesses reports whether tokens are to be guessed for an answer, one of so many,
// of which n positions are known or being computed: then its next step must know
// the tokens before.
func (e *Engine) guesses(s *stepSeq, answers, n int) bool {
	room, g := e.opts.Lookup/answers, s.gen
	if room < 2 || g.made == 0 || !s.parked && s.class != Speculative || s.sliding() || s.shadow {
		return false
	}
	if g.guesser.pause > 0 {
		g.guesser.pause--
		return false
	}
	return len(lookUp(s.slots, 1)) > 0
}

// lookUp returns up to most tokens that followed the longest and latest earlier
// appearance of the last tokens of slots.
func lookUp(slots []slot, most int) (ids []token.ID) {
	last := len(slots) - 1
	length, at := leastMatch-1, -1
	for j := last - 1; j >= leastMatch-1 && length < enoughMatch; j-- {
		if slots[j] != slots[last] {
			continue
		}
		n := 1
		for n < enoughMatch && n <= j && slots[j-n] == slots[last-n] && slots[j-n].medium == nil {
			n++
		}
		if n > length {
			length, at = n, j
		}
	}
	for i := at + 1; at >= 0 && len(ids) < most; i++ {
		switch {
		case i > last: // it goes on with its own beginning
			ids = append(ids, ids[i-last-1])
		case slots[i].medium != nil:
			return ids
		default:
			ids = append(ids, slots[i].id)
		}
	}
	return ids
}

// answer samples from the logits of a row: those of the last token, then those
// of what was guessed to follow it, as long as that is what is sampled.
func (s *stepSeq) answer(e *Engine, row model.Row, logits []float32) {
	vocab, g := e.info.Vocab, s.gen
	guessed := row.IDs[len(row.IDs)-row.Logits+1:]
	n, right := row.Pos+len(row.IDs)-len(guessed), 0 // positions that are certain
	for {
		s.sample(e, logits[right*vocab:][:vocab], n)
		if s.gen == nil || right == len(guessed) || s.slots[len(s.slots)-1].id != guessed[right] {
			break
		}
		s.starts = append(s.starts[:s.next], n)
		s.next++
		n++
		right++
	}
	if len(guessed) == 0 {
		return
	}
	g.guesser.learn(len(guessed), right)
	e.count(func(t *Stats) {
		t.Guessed += int64(len(guessed))
		t.Right += int64(right)
		t.Positions += int64(right)
	})
	switch {
	case s.kv.Len() == n:
	case s.kv.Restorable(n):
		s.kv.Truncate(n)
	default: // all is read in again
		s.kv.Truncate(0)
		s.starts, s.cursor, s.exact = s.starts[:0], cursor{}, unlimited
	}
}
