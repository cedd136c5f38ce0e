//go:build amd64 && !purego

package kernel

// vnniOff switches AVX-512 VNNI off until package isa switches kernels again,
// and reports whether it was on.
func vnniOff() bool {
	was := vnni
	vnni = false
	return was
}

// tilesOff leaves products by tiles to their twin until package isa switches
// kernels again. tilesReal reports whether they are the processor's.
func tilesOff()       { tilesHave = false }
func tilesReal() bool { return tilesHave }
