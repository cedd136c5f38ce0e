// Package host says what this machine has left: space on a disk and memory.
//
// Start reading at Memory.
package host

import "errors"

// ErrUnknown is returned where the system has no way to tell.
var ErrUnknown = errors.New("host: not known on this system")

// Memory returns the bytes of memory of this machine, or of the container that
// the process runs in where that has less, and how many of them could be used
// now without others being pushed out. The error is ErrUnknown, wrapped, where
// the system does not say.
func Memory() (total, available int64, err error) { return memory() }

// FreeDisk returns the bytes that the user may still write on the disk that
// holds path, which must exist. The error is ErrUnknown, wrapped, where the
// system does not say.
func FreeDisk(path string) (int64, error) { return freeDisk(path) }
