//go:build (amd64 || arm64) && !purego

package cpu

// pause does nothing n times, n at least 1, and tells the processor so.
func pause(n int)
