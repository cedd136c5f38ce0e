package cpu

import (
	"os"
	"strings"
	"syscall"
)

// hugePage is the usual size of huge pages.
const hugePage = 2 << 20

// hugePages maps memory in huge pages, size a multiple of theirs, or returns nil where
// the system has none to give.
func hugePages(size int) []byte {
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || strings.Contains(string(mode), "[never]") {
		return nil
	}
	data, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	if syscall.Madvise(data, syscall.MADV_HUGEPAGE) != nil {
		freePages(data)
		return nil
	}
	return data
}

func freePages(data []byte) { _ = syscall.Munmap(data) } // what was mapped can be unmapped
