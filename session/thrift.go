package session

import "sync/atomic"

// Counters count what sessions did. They belong to a server and are shared by
// its sessions.
type Counters struct {
	Speculations     atomic.Int64 // answers begun before the end of a turn was certain
	Confirmed        atomic.Int64 // of these, the turns that ended there
	Abandoned        atomic.Int64 // of these, those that were closed instead
	FirstTokenReady  atomic.Int64 // confirmed ones that had written something by then
	Rested           atomic.Int64 // likely ends without one: the engine was busy, or too many were for nothing
	TokensSaid       atomic.Int64 // tokens of answers
	TokensThrownAway atomic.Int64 // tokens of abandoned speculations
}

// thrift keeps what is thrown away under half of all that is decoded: a guess
// may be no longer than what has been said is more than what was thrown away.
// After several guesses for nothing it rests for a while.
type thrift struct {
	said, thrown int
	most         int // tokens of the next guess, 0 is firstAhead
	failures     int // in a row
	rest         int // likely ends to let pass
}

// The bounds of guesses.
const (
	// mostAhead is how many tokens a guess may write, firstAhead the first.
	mostAhead  = 32
	firstAhead = 8
	// queueAhead is how many of them wait in the engine: enough that the
	// engine need not wait for the reader.
	queueAhead = 2
	// credit is how many tokens may be thrown away before anything was said.
	credit = 16
	// patience is how many guesses in a row may be for nothing before one
	// likely end is let pass, then two, four, up to longestRest.
	patience    = 3
	longestRest = 8
)

// allow returns how many tokens the next guess may write, 0 for no guess.
func (t *thrift) allow() int {
	if t.rest > 0 {
		t.rest--
		return 0
	}
	if t.most == 0 {
		t.most = firstAhead
	}
	return max(0, min(t.most, t.said+credit-t.thrown))
}

// spoke counts tokens that were said.
func (t *thrift) spoke(tokens int) { t.said += tokens }

// threw counts tokens that were thrown away.
func (t *thrift) threw(tokens int) { t.thrown += tokens }

// confirmed makes the next guess longer.
func (t *thrift) confirmed() {
	t.failures = 0
	t.most = min(2*t.most, mostAhead)
}

// abandoned makes the next guess shorter, and rests after several in a row.
func (t *thrift) abandoned() {
	t.failures++
	t.most = max(t.most/2, 2)
	if over := t.failures - patience; over >= 0 {
		t.rest = min(1<<over, longestRest)
	}
}
