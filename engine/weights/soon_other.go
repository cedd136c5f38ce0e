//go:build !linux

package weights

import "sync/atomic"

// touched keeps the reads.
var touched atomic.Uint32

// page is no larger than that of any system.
const page = 4096

// soon touches mapped memory, a byte of each page.
func soon(data []byte) {
	sum := byte(0)
	for i := 0; i < len(data); i += page {
		sum += data[i]
	}
	touched.Store(uint32(sum))
}
