package isa

import (
	"sync"
	"syscall"

	"golang.org/x/sys/cpu"
)

// HasAMX reports whether this process may use tiles of 8-bit integers (AMX).
// Linux gives their registers to those who ask, for all threads of a process at
// once. Source: Linux, Documentation/arch/x86/xstate.rst.
var HasAMX = sync.OnceValue(func() bool {
	const (
		request  = 0x1023 // ARCH_REQ_XCOMP_PERM
		tileData = 18
	)
	if !HasVNNI() || !cpu.X86.HasAMXTile || !cpu.X86.HasAMXInt8 {
		return false
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, request, tileData, 0)
	return errno == 0
})
