//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package weights

import "os"

// mapFile reads a file, for systems without a mapping in package syscall.
func mapFile(path string) (data []byte, release func() error, err error) {
	data, err = os.ReadFile(path)
	return data, nil, err
}
