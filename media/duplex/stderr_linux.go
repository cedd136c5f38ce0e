//go:build portaudio

package duplex

import "syscall"

// duplicate makes one descriptor mean what another does.
func duplicate(from, to int) error { return syscall.Dup3(from, to, 0) }
