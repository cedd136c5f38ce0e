//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package camera

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// ioctl makes a request of the driver.
func (k *kernel) ioctl(request uintptr, arg []byte) error {
	var failed error
	err := k.conn.Control(func(fd uintptr) { failed = ioctl(fd, request, arg) })
	return errors.Join(err, failed)
}

// ioctl makes a request, again if a signal came between.
func ioctl(fd, request uintptr, arg []byte) error {
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(&arg[0])))
		switch errno {
		case 0:
			return nil
		case syscall.EINTR:
		default:
			return errno
		}
	}
}

func (k *kernel) mmap(offset int64, length int) (m []byte, err error) {
	controlErr := k.conn.Control(func(fd uintptr) {
		m, err = syscall.Mmap(int(fd), offset, length, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	})
	return m, errors.Join(controlErr, err)
}

func (k *kernel) munmap(m []byte) error { return syscall.Munmap(m) }

// wait waits in the poller until try does not say EAGAIN.
func (k *kernel) wait(patience time.Duration, try func() error) error {
	if err := k.file.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return err
	}
	var failed error
	err := k.conn.Read(func(uintptr) bool {
		failed = try()
		return !errors.Is(failed, syscall.EAGAIN)
	})
	if err != nil {
		return err
	}
	return failed
}

func (k *kernel) Close() error { return k.file.Close() }
