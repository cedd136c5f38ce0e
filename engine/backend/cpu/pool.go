package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"hark/engine/backend/cpu/kernel"
)

// job is work that splits into independent items. run does items from to
// to (exclusive) as worker number worker, below the pool's size; two calls
// with one worker number never overlap.
type job interface {
	run(worker, from, to int)
}

// A step is a long row of short jobs, and a sleeping thread takes longer to
// wake than many of them last. So whoever waits looks for some time whether
// its wait is over, and only then sleeps. It lets other goroutines run in between
// where Go has no processor to spare for them; with one, each time would wake a
// thread that looks for work in vain and takes a core from those that compute.
const (
	spinTime   = 150 * time.Microsecond
	spinRounds = 500 // at most, where the clock stands still: in tests
	spinPauses = 32  // of the processor, between two looks
)

// pool runs jobs on a fixed number of workers, of which the caller is number
// 0. Workers without work for spinTime are asleep. Only one goroutine may call
// do.
type pool struct {
	size  int
	yield bool // there is no processor to spare
	// ticket says which job it is, how many workers it has work for, and in
	// its lowest bit whether there still is some to take. All look at it while
	// they wait, so what changes within a job is in other cache lines.
	ticket atomic.Uint64
	_      [cacheLine - 8]byte
	active atomic.Int32 // workers inside the job, or looking whether it is still there
	_      [cacheLine - 4]byte

	// What follows is written only while ticket is even and active 0.
	number uint64 // of the job
	job    job
	items  int
	grain  int // items taken at a time, at least
	parts  []part
	shared int // parts that have items

	soon    atomic.Pointer[[]byte] // memory that the next job is likely to read
	fetched fetcher                // of the caller

	mu      sync.Mutex
	wake    sync.Cond    // ticket went up, or the pool closed
	idle    sync.Cond    // active fell to 0
	asleep  atomic.Int32 // workers that wait for wake
	waiting atomic.Bool  // the caller waits for idle
	closed  atomic.Bool
	done    sync.WaitGroup
}

// cacheLine is enough for the processors that there are, some of which fetch two
// lines of 64 bytes at a time.
const cacheLine = 128

func newPool(size int) *pool {
	p := &pool{size: size, yield: runtime.GOMAXPROCS(0) <= size, parts: make([]part, size)}
	p.wake.L, p.idle.L = &p.mu, &p.mu
	for worker := 1; worker < size; worker++ {
		p.done.Go(func() { p.runWorker(worker) })
	}
	return p
}

// do runs all items of j and returns when they are done. Workers take at least
// grain items at a time, so grain should be some microseconds of work.
func (p *pool) do(j job, items, grain int) {
	if items <= 0 {
		return
	}
	grain = max(grain, 1)
	if p.size == 1 || items <= grain {
		j.run(0, 0, items)
		return
	}
	p.number++
	p.job, p.items, p.grain = j, items, grain
	p.shared = min(p.size, (items+grain-1)/grain)
	for i := range p.shared {
		p.parts[i].next.Store(int64(p.begins(i)))
	}
	ticket := newTicket(p.number, p.shared)
	p.ticket.Store(ticket)
	if p.asleep.Load() > 0 {
		p.mu.Lock()
		p.wake.Broadcast()
		p.mu.Unlock()
	}
	p.take(j, 0)
	// A worker that comes only now finds an even ticket and stays out.
	p.ticket.Store(ticket &^ 1)
	p.fetched.run(p, 0, soonCaller, nil)
	p.join()
	p.job = nil
}

// The parts of a ticket.
const (
	ticketOpen   = 1
	ticketNumber = 16 // where the job's number begins
	ticketMost   = 1<<(ticketNumber-1) - 1
)

// newTicket returns the open ticket of a job with work for so many workers.
func newTicket(number uint64, workers int) uint64 {
	return number<<ticketNumber | uint64(min(workers, ticketMost))<<1 | ticketOpen
}

// admits reports whether a ticket has work for a worker.
func admits(ticket uint64, worker int) bool {
	return ticket&ticketOpen != 0 && uint64(worker) < ticket>>1&ticketMost
}

// mostGrains bounds what is taken at a time, in grains: not too much may hang
// on a thread that the system stops.
const mostGrains = 32

// share divides what is left of a job: a worker takes that part of its share at
// a time. A core a quarter as fast as the others, as small ones are, then still
// ends its first piece before they have done the rest.
const share = 4

// part is the items with which a worker begins: neighbours, which are the same ones each
// time a job comes back, so that it can know what it will read.
type part struct {
	next atomic.Int64 // first item that nobody has taken
	_    [cacheLine - 8]byte
}

// begins returns the first item of a part.
func (p *pool) begins(part int) int { return p.items * part / p.shared }

// take runs pieces of j until none are left, those of the worker's own part first. Pieces
// are large first, as neighbouring items share memory, and small at the end, so that all
// workers end together.
func (p *pool) take(j job, worker int) {
	for i := range p.shared {
		at := (worker + i) % p.shared
		part, end := &p.parts[at], p.begins(at+1)
		for {
			from := int(part.next.Load())
			if from >= end {
				break
			}
			n := min(max((end-from)/share, p.grain), mostGrains*p.grain)
			to := min(from+n, end)
			if part.next.CompareAndSwap(int64(from), int64(to)) {
				j.run(worker, from, to)
			}
		}
	}
}

// join waits until no worker is inside the job.
func (p *pool) join() {
	if p.spin(func() bool { return p.active.Load() == 0 }) {
		return
	}
	p.mu.Lock()
	p.waiting.Store(true)
	for p.active.Load() > 0 {
		p.idle.Wait()
	}
	p.waiting.Store(false)
	p.mu.Unlock()
}

func (p *pool) runWorker(worker int) {
	var fetched fetcher
	for seen := uint64(0); ; {
		seen = p.await(seen, worker, &fetched)
		if p.closed.Load() {
			return
		}
		if !admits(seen, worker) {
			continue // the job went by, or has too little work
		}
		p.active.Add(1)
		if p.ticket.Load() == seen {
			p.take(p.job, worker)
		}
		if p.active.Add(-1) == 0 && p.waiting.Load() {
			p.mu.Lock()
			p.idle.Signal()
			p.mu.Unlock()
		}
	}
}

// await returns the ticket when it is no longer seen, or the pool closed.
func (p *pool) await(seen uint64, worker int, fetched *fetcher) uint64 {
	changed := func() bool { return p.ticket.Load() != seen || p.closed.Load() }
	fetched.run(p, worker, soonWorker, changed)
	if !p.spin(changed) {
		p.mu.Lock()
		p.asleep.Add(1)
		for !changed() {
			p.wake.Wait()
		}
		p.asleep.Add(-1)
		p.mu.Unlock()
	}
	return p.ticket.Load()
}

// spin waits for spinTime at most until over reports true, and returns whether
// it did.
func (p *pool) spin(over func() bool) bool {
	start := time.Now()
	for range spinRounds {
		for range 4 {
			if over() {
				return true
			}
			pause(spinPauses)
		}
		if p.yield {
			runtime.Gosched()
		}
		if time.Since(start) >= spinTime {
			break
		}
	}
	return over()
}

// close ends the workers and waits for them.
func (p *pool) close() {
	p.closed.Store(true)
	p.mu.Lock()
	p.wake.Broadcast()
	p.mu.Unlock()
	p.done.Wait()
}

// How much of what is read next a thread asks for that has nothing else to do: the caller,
// who will soon, and the others.
const (
	soonCaller = 8 << 10
	soonWorker = 96 << 10
	soonPiece  = 2 << 10 // between two looks whether there is work
)

// fetcher is how far a thread is with that.
type fetcher struct {
	of *[]byte
	at int
}

// run goes on until over reports true, or most bytes are asked for, of the part with
// which the worker will begin.
func (f *fetcher) run(p *pool, worker, most int, over func() bool) {
	of := p.soon.Load()
	if of == nil {
		return
	}
	if of != f.of {
		f.of, f.at = of, 0
	}
	size := len(*of) / p.size
	for part := (*of)[worker*size : (worker+1)*size]; f.at < min(most, size) && (over == nil || !over()); f.at += soonPiece {
		kernel.Soon(part[f.at:min(f.at+soonPiece, size)]).Fetch()
	}
}
