//go:build (!amd64 && !arm64) || purego

package cpu

import "sync/atomic"

// pause does nothing n times.
func pause(n int) {
	for range n {
		spun.Add(1)
	}
}

var spun atomic.Int32
