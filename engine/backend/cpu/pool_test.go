package cpu

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// countJob counts how often each item is run and that no worker runs twice at
// once.
type countJob struct {
	t     *testing.T
	runs  []atomic.Int32
	inUse []atomic.Bool // by worker
}

func (j *countJob) run(worker, from, to int) {
	if j.inUse[worker].Swap(true) {
		j.t.Errorf("worker %d runs twice at once", worker)
	}
	for i := from; i < to; i++ {
		j.runs[i].Add(1)
	}
	j.inUse[worker].Store(false)
}

func TestPoolRunsEachItemOnce(t *testing.T) {
	for _, size := range []int{1, 2, 7} {
		p := newPool(size)
		for round := range 300 {
			items := round % 50
			j := &countJob{t: t, runs: make([]atomic.Int32, items), inUse: make([]atomic.Bool, size)}
			p.do(j, items, round%5)
			for i := range j.runs {
				if n := j.runs[i].Load(); n != 1 {
					t.Fatalf("%d workers, %d items: item %d ran %d times", size, items, i, n)
				}
			}
		}
		p.close()
	}
}

// meetJob ends only if as many workers as there are items run it together.
type meetJob struct {
	here chan struct{}
	all  chan struct{}
}

func (j *meetJob) run(worker, from, to int) {
	j.here <- struct{}{}
	if worker == 0 {
		for range cap(j.here) {
			<-j.here
		}
		close(j.all)
	}
	<-j.all
}

func TestPoolWakesItsWorkers(t *testing.T) {
	p := newPool(3)
	defer p.close()
	for range 20 {
		p.do(&meetJob{here: make(chan struct{}, 3), all: make(chan struct{})}, 3, 1)
	}
}

func TestTicketsAdmitAsManyWorkersAsThereIsWorkFor(t *testing.T) {
	for _, c := range []struct {
		workers, worker int
		want            bool
	}{{1, 1, false}, {2, 1, true}, {2, 2, false}, {64, 63, true}, {1 << 20, 5000, true}} {
		ticket := newTicket(7, c.workers)
		if admits(ticket, c.worker) != c.want || admits(ticket&^ticketOpen, c.worker) {
			t.Errorf("worker %d at a job for %d: %v, want %v", c.worker, c.workers, !c.want, c.want)
		}
	}
	if newTicket(7, 1<<40)>>ticketNumber != 7 {
		t.Error("many workers change the job's number")
	}
}

// TestPoolSleepsAndWakes lets workers fall asleep between jobs.
func TestPoolSleepsAndWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(4)
		for round := range 5 {
			synctest.Wait() // until all workers are asleep
			if n := p.asleep.Load(); n != 3 {
				t.Errorf("round %d: %d workers are asleep, want 3", round, n)
			}
			p.do(&meetJob{here: make(chan struct{}, 4), all: make(chan struct{})}, 4, 1)
		}
		p.close()
	})
}

// slowJob has a worker that stays in its first piece until the others have done
// all the rest.
type slowJob struct {
	here       chan struct{} // closed when worker 1 has come
	done, slow atomic.Int64  // items
	items      int64
	rest       chan struct{} // closed when all others are done
}

func (j *slowJob) run(worker, from, to int) {
	n := int64(to - from)
	if worker == 1 && j.slow.Load() == 0 {
		j.slow.Store(n)
		close(j.here)
		if j.done.Load()+n < j.items {
			<-j.rest
		}
		j.done.Add(n)
		return
	}
	<-j.here
	if done := j.done.Add(n); done+j.slow.Load() == j.items {
		close(j.rest)
	}
}

// TestSlowWorkerTakesLittle holds one worker up, as a small core or the system
// may do, and looks at how much waits for it.
func TestSlowWorkerTakesLittle(t *testing.T) {
	for _, size := range []int{2, 8, 64} {
		p := newPool(size)
		j := &slowJob{here: make(chan struct{}), rest: make(chan struct{}), items: int64(100 * size)}
		p.do(j, int(j.items), 1)
		if got, most := j.slow.Load(), j.items/int64(share*size)+1; got > most {
			t.Errorf("%d workers: %d of %d items wait for a slow one, at most %d should", size, got, j.items, most)
		}
		if done := j.done.Load(); done != j.items {
			t.Errorf("%d workers: %d items done, want %d", size, done, j.items)
		}
		p.close()
	}
}

// firstJob notes where each worker begins, and holds all in their first piece until each
// has one.
type firstJob struct {
	meetJob
	first []atomic.Int64 // by worker, one more than the item
}

func (j *firstJob) run(worker, from, to int) {
	if j.first[worker].CompareAndSwap(0, int64(from)+1) {
		j.meetJob.run(worker, from, to)
	}
}

// TestWorkersBeginWithTheirOwnParts makes sure that what a worker asks for ahead of a job
// is what it will read.
func TestWorkersBeginWithTheirOwnParts(t *testing.T) {
	const size, items = 3, 300
	p := newPool(size)
	defer p.close()
	for range 10 {
		j := &firstJob{meetJob{make(chan struct{}, size), make(chan struct{})}, make([]atomic.Int64, size)}
		p.do(j, items, 1)
		for i := range j.first {
			if got, want := j.first[i].Load()-1, int64(i*items/size); got != want {
				t.Errorf("worker %d begins with item %d, want %d", i, got, want)
			}
		}
	}
}
