package engine

import (
	"slices"
	"time"
)

// Stats are the counters and gauges of an engine. Counters begin at zero when
// it is loaded and only grow.
type Stats struct {
	Sequences int // open now
	Waiting   int // callers of OpenWait that wait for a place

	Steps     int64 // steps that found work
	Rows      int64 // sequences in them, summed
	Answering int64 // of these, rows that gave a token
	Positions int64 // positions read into caches, answers included
	// StepTime is how long steps took.
	StepTime Histogram

	Decoded   int64 // tokens sampled
	Discarded int64 // of these, those that nobody came to read: see Generate.Discard

	Guessed int64 // tokens looked up in the sequence, see Options.Lookup
	Right   int64 // of these, those that were sampled then

	Ahead int64 // steps begun before the tokens of the one before were read, see ahead.go
	Void  int64 // rows of such steps whose answers had ended by then

	Read     int64 // positions of prompts read in
	Kept     int64 // positions of prompts that were in the sequence's cache when it was set
	Borrowed int64 // of these, those that came from another cache

	KVBytes     int64 // caches of open sequences, shared parts counted fully
	PrefixBytes int64 // caches that are kept without a sequence
	Prefixes    int   // their number
	Slid        int64 // prompts whose later part was moved: see Sequence.Slide
	Refreshed   int64 // of these, those read in exactly since

	// Lag is how long sound waited from Clip.Push until its soft tokens were
	// in a cache, one value a step that read some in.
	Lag Histogram
	// Backlog is the longest that sound which is not encoded yet waits now.
	Backlog time.Duration
	Load    float64 // share of the last second spent for others than speculations, 0 to 1
}

// Histogram counts durations in buckets, each a little less than half wider
// than the one before.
type Histogram struct {
	Counts [len(bounds) + 1]int64 // Counts[i]: up to Bounds()[i] and above the one before; the last: above all
	Sum    time.Duration
	Max    time.Duration
}

// Bounds returns the upper ends of the buckets of a Histogram: 50 µs times
// powers of the square root of two, up to about 75 s.
func Bounds() []time.Duration { return slices.Clone(bounds[:]) }

var bounds = func() (b [42]time.Duration) {
	low, high := 50*time.Microsecond, 70711*time.Nanosecond
	for i := 0; i < len(b); i += 2 {
		b[i], b[i+1] = low, high
		low, high = 2*low, 2*high
	}
	return b
}()

// Count returns how many durations were counted.
func (h *Histogram) Count() (n int64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile estimates what the share q of all durations do not exceed, 0 to 1:
// exact up to the width of a bucket. It is 0 where there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := q * float64(n)
	var below int64
	for i, c := range h.Counts {
		if c == 0 || float64(below+c) < rank {
			below += c
			continue
		}
		var low time.Duration
		high := h.Max
		if i > 0 {
			low = bounds[i-1]
		}
		if i < len(bounds) {
			high = min(high, bounds[i])
		}
		return low + time.Duration(float64(high-low)*(rank-float64(below))/float64(c))
	}
	return h.Max
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
	h.Max = max(h.Max, d)
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	e.statsMu.Lock()
	t := e.stats
	e.statsMu.Unlock()
	e.mu.Lock()
	t.Sequences, t.Waiting = e.open, len(e.waiting)
	e.mu.Unlock()
	t.Load = e.load.now()
	return t
}

// count changes the counters.
func (e *Engine) count(change func(*Stats)) {
	e.statsMu.Lock()
	change(&e.stats)
	e.statsMu.Unlock()
}

// decoded counts a token of an answer.
func (e *Engine) decoded(s *stepSeq, g *generation) {
	thrown := int64(0)
	switch {
	case g.discard:
		thrown = 1
	case s.class == Speculative:
		s.drafts++
	}
	e.count(func(t *Stats) {
		t.Decoded++
		t.Discarded += thrown
	})
}

// after takes note of a step.
func (e *Engine) after(b *batch, heard int, saw bool, began time.Time) {
	now := time.Now()
	took := now.Sub(began)
	if !saw && (b.guessed == 0 || b.positions+heard > 0) {
		e.pace.learn(b.positions+heard, took)
	}
	if heard > 0 || saw || b.speculative < b.positions+b.answering {
		e.load.add(began, now)
	}
	e.count(func(t *Stats) {
		t.Steps++
		t.Rows += int64(len(b.rows))
		t.Answering += int64(b.answering)
		t.Positions += int64(b.positions + b.answering)
		t.Read += int64(b.read)
		t.StepTime.Add(took)
		if !b.heard.IsZero() {
			t.Lag.Add(now.Sub(b.heard))
		}
	})
	e.gauge(now)
}

// gauge takes note of how things stand.
func (e *Engine) gauge(now time.Time) {
	backlog, held := e.backlog(now), e.held()
	e.count(func(t *Stats) {
		t.Backlog, t.KVBytes = backlog, held
		t.PrefixBytes, t.Prefixes = e.prefixes.bytes, len(e.prefixes.kept)
	})
}

// backlog returns how long the sound waits that has waited longest.
func (e *Engine) backlog(now time.Time) (longest time.Duration) {
	for _, c := range e.hearing {
		if len(c.came) > 0 {
			longest = max(longest, now.Sub(c.came[0].at))
		}
	}
	return longest
}

// held returns the memory of the sequences' caches.
func (e *Engine) held() (n int64) {
	for _, s := range e.seqs {
		n += s.kv.Bytes()
		if s.second != nil {
			n += s.second.kv.Bytes()
		}
	}
	return n
}
