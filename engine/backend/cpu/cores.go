package cpu

import (
	"runtime"
	"sync"

	"hark/internal/host"
)

// Cores returns the number of threads that a backend with these Options.Threads
// has. For 0 these are the processors that the process may run on, or GOMAXPROCS
// if that says less, and no more than its container may use whole: a thread that
// is stopped for the rest of a period holds up all others.
func Cores(threads int) int {
	if threads > 0 {
		return threads
	}
	quota, err := host.CPUs()
	if err != nil {
		quota = 0
	}
	return cores(processors(), quota)
}

// processors is how many there are to compute on, before any are added to spare.
var processors = sync.OnceValue(func() int { return min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) })

// cores is Cores with so many processors, and a quota unless it is 0.
func cores(processors int, quota float64) int {
	if quota > 0 {
		processors = min(processors, int(quota))
	}
	return max(processors, 1)
}

// spareProcessors lets Go run one goroutine more at a time than threads compute.
// Where all of Go's processors compute or wait for the next job, nobody looks
// after sockets and timers for up to 10 ms (BenchmarkAnswerBesideJobs); with one
// to spare the system wakes whoever has something to answer.
func spareProcessors(threads int) {
	if processors(); runtime.GOMAXPROCS(0) <= threads {
		runtime.GOMAXPROCS(threads + 1)
	}
}
