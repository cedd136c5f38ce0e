package engine

import (
	"math"
	"slices"
	"sync"
	"time"
)

// pace bounds the work that a step takes on beside the answers in progress, so
// that their listeners hear no gap. A step that takes too long makes the next
// pieces smaller; as long as pieces do not fill the time, they grow.
type pace struct {
	most   int           // Options.Piece
	now    int           // the bound while others wait for the step's end
	target time.Duration // Options.StepTime
	plain  time.Duration // running mean of steps that only answer
}

// leastPiece is the smallest bound: fewer rows cost hardly less.
const leastPiece = 16

// budget returns how many positions a step may read in, and how many soft
// tokens it may make.
func (p *pace) budget(crowded bool) int {
	if !crowded {
		return p.most
	}
	return p.now
}

// learn takes note of a step: the positions of its bounded work, and what it
// took.
func (p *pace) learn(positions int, took time.Duration) {
	if positions == 0 {
		p.plain += (took - p.plain) / 8
		return
	}
	// Where one step of answers alone takes long, twice that is not worse.
	bound := max(p.target, 2*p.plain)
	fits := float64(positions) * float64(bound) / float64(max(took, 1))
	switch {
	case took > bound:
		p.now = max(min(p.now, int(fits)), p.now/2, min(leastPiece, p.most))
	case positions >= p.now*3/4:
		p.now += int((min(fits, float64(p.most))-float64(p.now))/4 + 0.5)
	}
}

// crowded reports whether somebody waits for the end of each step: for the next
// token of an answer, or while speaking to be heard.
func (e *Engine) crowded() bool {
	return slices.ContainsFunc(e.seqs, func(s *stepSeq) bool {
		if s.class == Speculative || s.next >= len(s.slots) {
			return false
		}
		return s.answering() || s.slots[s.next].growing()
	})
}

// load is how much of the last second or so the step goroutine worked for
// others than speculations, 0 to 1.
type load struct {
	mu    sync.Mutex
	share float64
	upTo  time.Time
}

const (
	loadMemory = time.Second
	loadBound  = 0.8
)

// fade lets time pass without work; l.mu is held.
func (l *load) fade(now time.Time) {
	if d := now.Sub(l.upTo); d > 0 {
		l.share *= math.Exp(-d.Seconds() / loadMemory.Seconds())
		l.upTo = now
	}
}

// add takes note of work from began to ended.
func (l *load) add(began, ended time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fade(began)
	if d := ended.Sub(l.upTo); d > 0 {
		keep := math.Exp(-d.Seconds() / loadMemory.Seconds())
		l.share = l.share*keep + 1 - keep
		l.upTo = ended
	}
}

// now returns the load.
func (l *load) now() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fade(time.Now())
	return l.share
}

// sluggish is how long sound may wait in an engine that is not loaded.
const sluggish = 200 * time.Millisecond

// Loaded reports whether the engine has enough to do without speculations:
// somebody waits for a place, or nearly all of the last second went into other
// work. A single sequence may have caused that by itself, where the model is
// large for the machine: then it has enough to do only if it lags behind what
// it hears. Who speculates should ask first.
func (e *Engine) Loaded() bool {
	e.mu.Lock()
	waiting, alone := len(e.waiting) > 0, e.open <= 1
	e.mu.Unlock()
	if waiting || e.load.now() <= loadBound {
		return waiting
	}
	return !alone || e.Stats().Backlog > sluggish
}
