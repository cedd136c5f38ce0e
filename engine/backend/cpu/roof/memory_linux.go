package roof

import "syscall"

// memory maps memory in huge pages where there are any: the roof is that of
// the machine, not that of its page tables.
func memory(size int) ([]byte, func()) {
	data, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, size), func() {}
	}
	// Without huge pages the small ones serve.
	_ = syscall.Madvise(data, syscall.MADV_HUGEPAGE)
	return data, func() { _ = syscall.Munmap(data) } // what New mapped can be unmapped
}
