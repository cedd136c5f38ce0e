//go:build !(linux || darwin) || !(amd64 || arm64) || static

package mlxc

import (
	"fmt"
	"unsafe"
)

// Available says that this build can open a library.
const Available = false

// load opens nothing in this build.
func load(file string) (*Library, error) {
	return nil, fmt.Errorf("%w: this build of hark opens no libraries", ErrMissing)
}

func invoke(*frame) { panic("mlxc: this build opens no libraries") }

func textAt(uintptr) string { return "" }

func pointer(uintptr) unsafe.Pointer { return nil }

func (c *Calls) newClosure(func(*Calls, []Array) []Array) (uintptr, func()) { return 0, func() {} }
