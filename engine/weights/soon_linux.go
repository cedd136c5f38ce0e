package weights

import (
	"os"
	"syscall"
	"unsafe"
)

// populateRead reads pages and puts them into the page table, so that the first
// computation has no faults either. Kernels before 5.14 do not know it.
const populateRead = 22

// soon asks the system to read mapped memory.
func soon(data []byte) {
	page := uintptr(os.Getpagesize())
	before := uintptr(unsafe.Pointer(&data[0])) % page
	all := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&data[0]), -int(before))), len(data)+int(before))
	// Both are hints: without them the pages come when they are touched.
	_ = syscall.Madvise(all, syscall.MADV_WILLNEED)
	_ = syscall.Madvise(all, populateRead)
}
