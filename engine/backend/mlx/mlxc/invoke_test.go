//go:build (linux || darwin) && (amd64 || arm64) && !static

package mlxc

import (
	"fmt"
	"testing"

	"github.com/ebitengine/purego"
)

// TestArgumentsArrive calls functions of the C convention, made in Go, with as
// many integers as a call may have, and with floats beside integers.
func TestArgumentsArrive(t *testing.T) {
	var got string
	integers := purego.NewCallback(func(a, b, c, d, e, f, g, h, i, j, k, l, m, n uintptr) uintptr {
		got = fmt.Sprint(a, b, c, d, e, f, g, h, i, j, k, l, m, n)
		return 1<<40 + 5
	})
	floats := purego.NewCallback(func(a uintptr, x float32, b uintptr) uintptr {
		got = fmt.Sprint(a, x, b)
		return 7
	})
	l := &Library{}
	l.functions[0], l.functions[1] = integers, floats
	c := l.NewCalls()
	for range 100 {
		if r := c.call(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1<<50, 14); r != 1<<40+5 {
			t.Fatalf("result %d", r)
		}
		if want := "1 2 3 4 5 6 7 8 9 10 11 12 1125899906842624 14"; got != want {
			t.Fatalf("arguments %s, want %s", got, want)
		}
		if r := c.callFloat(1, 1.5, 21, 22); r != 7 || got != "21 1.5 22" {
			t.Fatalf("result %d, arguments %s, want 7 and 21 1.5 22", r, got)
		}
	}
}
