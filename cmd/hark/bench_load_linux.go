package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// dontNeed asks the system to drop a file's pages from its cache.
const dontNeed = 4

// evict drops the files of a folder from the system's cache, as far as nobody has them mapped.
func evict(folder string) error {
	return eachFile(folder, func(f *os.File, size int64) error {
		if err := f.Sync(); err != nil { // pages that wait to be written stay
			return err
		}
		if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, uintptr(size), dontNeed, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
}

// resident returns the bytes of a folder's files, and how many of them are in memory.
func resident(folder string) (all, in int64, err error) {
	page := int64(os.Getpagesize())
	err = eachFile(folder, func(f *os.File, size int64) error {
		data, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
		if err != nil {
			return err
		}
		pages := make([]byte, (size+page-1)/page)
		_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&data[0])), uintptr(size), uintptr(unsafe.Pointer(&pages[0])))
		for _, p := range pages {
			in += int64(p&1) * page
		}
		all += int64(len(pages)) * page
		if err := syscall.Munmap(data); err != nil || errno == 0 {
			return err
		}
		return errno
	})
	return all, in, err
}

// eachFile opens the files of a folder that hold something.
func eachFile(folder string, f func(file *os.File, size int64) error) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		file, err := os.Open(filepath.Join(folder, e.Name()))
		if err != nil {
			return err
		}
		st, err := file.Stat()
		if err == nil && st.Mode().IsRegular() && st.Size() > 0 {
			err = f(file, st.Size())
		}
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", e.Name(), err)
		}
	}
	return nil
}
