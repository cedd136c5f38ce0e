//go:build !mlx

package backendtest

import (
	"hark/engine/backend/cpu"
	"hark/engine/tensor"
)

// New returns a backend of so many threads, 0 for all. The caller closes it.
func New(threads int) tensor.Backend { return cpu.New(&cpu.Options{Threads: threads}) }
