//go:build !(linux || darwin || freebsd)

package host

func freeDisk(string) (int64, error) { return 0, ErrUnknown }
