//go:build !mlx

package backendtest

import (
	"hark/engine/backend/cpu"
	"hark/engine/tensor"
)

// New returns a backend of so many threads, 0 for all. The caller closes it.
func New(threads int) tensor.Backend { return cpu.New(&cpu.Options{Threads: threads}) }

// Rounding is how far the logarithms of probabilities may lie apart where only
// the company of a row in its step differs.
func Rounding() float64 { return 0 }
