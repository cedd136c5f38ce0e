package cpu

import (
	"sync"
	"sync/atomic"
)

// job is work that splits into independent items. run does items from to
// to (exclusive) as worker number worker, below the pool's size; two calls
// with one worker number never overlap.
type job interface {
	run(worker, from, to int)
}

// pool runs jobs on a fixed number of workers, of which the caller is number
// 0. Workers without work are asleep. Only one goroutine may call do.
type pool struct {
	size   int
	next   atomic.Int64 // first item that nobody has taken
	mu     sync.Mutex
	wake   sync.Cond // a job was posted, or the pool closed
	idle   sync.Cond // active fell to 0
	posted int       // number of jobs posted so far
	job    job       // nil between jobs
	items  int
	grain  int // items taken at a time
	active int // workers inside job
	closed bool
	done   sync.WaitGroup
}

func newPool(size int) *pool {
	p := &pool{size: size}
	p.wake.L, p.idle.L = &p.mu, &p.mu
	for worker := 1; worker < size; worker++ {
		p.done.Go(func() { p.runWorker(worker) })
	}
	return p
}

// do runs all items of j and returns when they are done. Workers take grain
// items at a time, so grain should be tens of microseconds of work.
func (p *pool) do(j job, items, grain int) {
	if items <= 0 {
		return
	}
	grain = max(grain, 1)
	if p.size == 1 || items <= grain {
		j.run(0, 0, items)
		return
	}
	p.next.Store(0)
	p.mu.Lock()
	p.job, p.items, p.grain = j, items, grain
	p.posted++
	p.mu.Unlock()
	p.wake.Broadcast()
	p.take(j, 0, items, grain)
	// A worker that wakes only now finds no job and is not waited for.
	p.mu.Lock()
	p.job = nil
	for p.active > 0 {
		p.idle.Wait()
	}
	p.mu.Unlock()
}

// take runs pieces of j until none are left.
func (p *pool) take(j job, worker, items, grain int) {
	for {
		from := int(p.next.Add(int64(grain))) - grain
		if from >= items {
			return
		}
		j.run(worker, from, min(from+grain, items))
	}
}

func (p *pool) runWorker(worker int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for seen := 0; ; {
		for !p.closed && (p.job == nil || p.posted == seen) {
			p.wake.Wait()
		}
		if p.closed {
			return
		}
		seen = p.posted
		j, items, grain := p.job, p.items, p.grain
		p.active++
		p.mu.Unlock()
		p.take(j, worker, items, grain)
		p.mu.Lock()
		p.active--
		if p.active == 0 {
			p.idle.Signal()
		}
	}
}

// close ends the workers and waits for them.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.wake.Broadcast()
	p.done.Wait()
}
