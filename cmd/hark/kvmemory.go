package main

import (
	"hark/engine/backend/mlx"
	"hark/engine/tensor"
	"hark/internal/host"
)

// noBound is --kv-memory for caches that may take all there is.
const noBound = -1

// leastKV is what keys and values may take of however full a machine: one
// conversation of some length.
const leastKV = 64 << 20

// kvBytes returns what all caches may take, as engine.Options has it. b has the
// model loaded, whose memory is not available any more.
func (f *modelFlags) kvBytes(b tensor.Backend) int64 {
	switch {
	case f.KVMemory == noBound:
		return 0
	case f.KVMemory > 0:
		return f.KVMemory << 20
	}
	_, available, err := host.Memory()
	known := err == nil
	if d, ok := b.(*mlx.Backend); ok && f.MLXMemory > 0 {
		left := max(0, f.MLXMemory<<20-int64(d.Memory().Active))
		if !known || left < available {
			available, known = left, true
		}
	}
	if !known {
		return 0
	}
	return half(available)
}

// half is the default bound where so many bytes are left: activations, sound and
// pictures want some, and the files of the weights stay in memory where they can.
func half(available int64) int64 { return max(leastKV, available/2) }
