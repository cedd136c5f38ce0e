package leak

import (
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

func TestStrayGoroutinesAreFoundUntilTheyEnd(t *testing.T) {
	before := map[string]bool{}
	for _, g := range stacks() {
		before[name(g)] = true
	}
	stop := make(chan struct{})
	go func() { <-stop }()
	left := wait(before, 10*time.Millisecond)
	if len(left) != 1 || !strings.Contains(left[0], "TestStrayGoroutines") {
		t.Errorf("left = %q, want the goroutine of this test", left)
	}
	close(stop)
	if left := wait(before, patience); len(left) != 0 {
		t.Errorf("left = %q after it ended", left)
	}
}

func TestCheckPassesWhenGoroutinesEnd(t *testing.T) {
	Check(t)
	done := make(chan struct{})
	go func() { close(done) }()
	<-done
}
