//go:build !amd64 || !linux

package isa

// HasAMX reports whether this process may use tiles of 8-bit integers (AMX).
// Elsewhere nobody asked the system for them.
func HasAMX() bool { return false }
