package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLoadIsTheShareOfTheLastSecond works and rests in turns.
func TestLoadIsTheShareOfTheLastSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l load
		work := func(d, rest time.Duration) {
			began := time.Now()
			<-time.After(d)
			l.add(began, time.Now())
			<-time.After(rest)
		}
		near := func(what string, want float64) {
			t.Helper()
			if got := l.now(); got < want-0.05 || got > want+0.05 {
				t.Errorf("%s: load %.2f, want %.2f", what, got, want)
			}
		}
		near("nothing yet", 0)
		for range 500 {
			work(10*time.Millisecond, 0)
		}
		near("after 5 s of work", 1)
		<-time.After(time.Second)
		near("a second later", 0.37)
		for range 1000 {
			work(3*time.Millisecond, 7*time.Millisecond)
		}
		near("three tenths of the time", 0.3)
		<-time.After(time.Minute)
		near("a minute later", 0)
	})
}

// TestPaceFindsItsPiece has positions take a time each, beside answers that
// take theirs.
func TestPaceFindsItsPiece(t *testing.T) {
	for _, c := range []struct {
		position, answers, bound time.Duration
		want                     int
	}{
		{time.Millisecond, 0, 50 * time.Millisecond, 50},
		{10 * time.Microsecond, 0, 50 * time.Millisecond, 512},
		{20 * time.Millisecond, 0, 50 * time.Millisecond, leastPiece},
		{time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 100},
	} {
		p := pace{most: 512, now: 512, target: 50 * time.Millisecond}
		for i := range 100 {
			if i%3 == 0 {
				p.learn(0, c.answers)
				continue
			}
			p.learn(p.now, c.answers+time.Duration(p.now)*c.position)
		}
		if p.now < c.want*9/10 || p.now > c.want*11/10 {
			t.Errorf("%v a position beside answers of %v: pieces of %d, want %d", c.position, c.answers, p.now, c.want)
		}
	}
}

// One sequence that keeps the engine busy may speculate as long as its sound
// does not wait; beside others it may not.
func TestABusyEngineIsLoadedForOneOnlyIfItLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{}
		began := time.Now()
		<-time.After(5 * time.Second)
		e.load.add(began, time.Now())
		for _, tt := range []struct {
			open    int
			backlog time.Duration
			want    bool
		}{{1, 0, false}, {1, sluggish, false}, {1, sluggish + 1, true}, {2, 0, true}} {
			e.open, e.stats.Backlog = tt.open, tt.backlog
			if got := e.Loaded(); got != tt.want {
				t.Errorf("%d open, sound waits for %v: loaded %v", tt.open, tt.backlog, got)
			}
		}
		e.open, e.waiting = 1, []*waiter{{}}
		if e.stats.Backlog = 0; !e.Loaded() {
			t.Error("not loaded while somebody waits")
		}
		<-time.After(5 * time.Second)
		e.open, e.waiting = 2, nil
		if e.Loaded() {
			t.Error("loaded after 5 s of rest")
		}
	})
}
