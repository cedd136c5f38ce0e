//go:build (linux || darwin) && (amd64 || arm64) && !static

package mlxc

import "unsafe"

// trampolineAt is the address of trampoline, set by assembly.
var trampolineAt uintptr

// cgocall runs a function of C on the system stack. Package purego, which
// opens the library, makes the runtime ready for it.
//
//go:linkname cgocall runtime.cgocall
func cgocall(fn uintptr, arg unsafe.Pointer) int32

// invoke makes the call that f describes. f must be on the heap: C may call
// back, and then the stack may move.
func invoke(f *frame) { cgocall(trampolineAt, unsafe.Pointer(f)) }
