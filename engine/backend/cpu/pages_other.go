//go:build !linux

package cpu

const hugePage = 2 << 20

// hugePages returns nil: whether others have huge pages is theirs to decide.
func hugePages(int) []byte { return nil }

func freePages([]byte) {}
