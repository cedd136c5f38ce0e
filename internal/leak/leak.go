// Package leak fails tests that leave goroutines behind. A package whose code
// starts goroutines has
//
//	func TestMain(m *testing.M) { leak.Main(m) }
//
// and a test that must clean up by itself begins with leak.Check(t).
//
// Start reading at Main.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines may take to end after the code that they
// belong to returned.
const patience = 5 * time.Second

// Main runs the tests (m is a *testing.M, or something that cleans up around
// it) and exits with an error if goroutines of theirs are left, whose stacks
// it prints.
func Main(m interface{ Run() int }) {
	code := m.Run()
	if left := wait(nil, patience); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "leak: %d goroutines are left after the tests\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// Check fails t if goroutines are left at its end that were not there when
// Check was called. It is of no use in tests that run in parallel.
func Check(t testing.TB) {
	t.Helper()
	before := map[string]bool{}
	for _, g := range stacks() {
		before[name(g)] = true
	}
	t.Cleanup(func() {
		if left := wait(before, patience); len(left) > 0 {
			t.Errorf("leak: %d goroutines are left\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
	})
}

// wait returns the goroutines that are still there after d and were not
// before.
func wait(before map[string]bool, d time.Duration) []string {
	deadline := time.Now().Add(d)
	for pause := time.Millisecond; ; pause *= 2 {
		var left []string
		for _, g := range stacks() {
			if !before[name(g)] {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(min(pause, 100*time.Millisecond))
	}
}

// ignored are functions at the foot of goroutines that the runtime, the
// testing package and the compiler's instruments own.
var ignored = []string{
	"testing.(*M).",
	"testing.(*T).Run",
	"testing.tRunner",
	"testing.runTests",
	"testing.runFuzzing",
	"testing/internal/testdeps.",
	"os/signal.signal_recv",
	"os/signal.loop",
	"runtime.ensureSigM",
	"runtime/trace.Start",
	"runtime.ReadTrace",
}

// stacks returns the stack of every goroutine but this one and the ignored.
func stacks() []string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := strings.Split(strings.TrimSpace(string(buf)), "\n\n")
	var out []string
next:
	for _, g := range all[1:] { // the first is the caller
		for _, f := range ignored {
			if strings.Contains(g, f) {
				continue next
			}
		}
		out = append(out, g)
	}
	return out
}

// name returns "goroutine 17" of a stack.
func name(stack string) string {
	head, _, _ := strings.Cut(stack, " [")
	return head
}
