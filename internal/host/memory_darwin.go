package host

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// memory reads the size of the memory. How much of it is available cannot be
// read without C; macOS pushes out what others do not use, so three quarters
// are a fair guess, the share that Metal may take as well.
func memory() (total, available int64, err error) {
	raw, err := syscall.Sysctl("hw.memsize")
	if err != nil {
		return 0, 0, fmt.Errorf("host: %w: %w", ErrUnknown, err)
	}
	var word [8]byte // Sysctl cuts off a zero at the end
	copy(word[:], raw)
	total = int64(binary.LittleEndian.Uint64(word[:]))
	return total, total / 4 * 3, nil
}
