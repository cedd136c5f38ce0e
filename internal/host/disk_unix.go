//go:build linux || darwin || freebsd

package host

import (
	"fmt"
	"syscall"
)

func freeDisk(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("host: %s: %w", path, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
