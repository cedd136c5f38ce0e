package cpu

import (
	"runtime"
	"testing"
)

func TestCoresKeepsWithinTheQuota(t *testing.T) {
	for _, c := range []struct {
		processors int
		quota      float64
		want       int
	}{{8, 0, 8}, {8, 0.5, 1}, {8, 1, 1}, {8, 1.9, 1}, {8, 2, 2}, {2, 64, 2}, {1, 0, 1}} {
		if got := cores(c.processors, c.quota); got != c.want {
			t.Errorf("%d processors, quota %v: %d threads, want %d", c.processors, c.quota, got, c.want)
		}
	}
	if Cores(3) != 3 || Cores(0) < 1 || Cores(0) > runtime.NumCPU() {
		t.Errorf("%d and %d threads", Cores(3), Cores(0))
	}
}

func TestBackendLeavesAProcessorForOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	b := New(&Options{Threads: 2})
	defer b.Close()
	if n := runtime.GOMAXPROCS(0); n != 3 {
		t.Errorf("%d of Go's processors beside 2 threads, want 3", n)
	}
	more := New(nil) // those to spare are not computed on
	defer more.Close()
	if want := Cores(0); more.pool.size != want || want > runtime.NumCPU() {
		t.Errorf("%d threads, want %d", more.pool.size, want)
	}
}
