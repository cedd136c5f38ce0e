//go:build amd64 && !purego

package kernel

// vnniOff switches AVX-512 VNNI off until package isa switches kernels again,
// and reports whether it was on.
func vnniOff() bool {
	was := vnni
	vnni = false
	return was
}
