//go:build !linux

package host

func cpus() (float64, error) { return 0, ErrUnknown }
