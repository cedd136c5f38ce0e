//go:build portaudio && !linux

package duplex

import "syscall"

// duplicate makes one descriptor mean what another does.
func duplicate(from, to int) error { return syscall.Dup2(from, to) }
