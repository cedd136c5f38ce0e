package cpu

import "hark/engine/tensor"

// KVBytes returns the memory that a cache of these layers holds after that
// many positions, stored one by one: what KV.Bytes says then.
func KVBytes(layers []tensor.KVLayer, positions int) int64 {
	count := (positions + pagePositions - 1) / pagePositions
	var n int64
	for _, l := range layers {
		gone := 0
		if l.Window > 0 {
			gone = max(0, positions-1-l.Window-rewindable) / pagePositions
		}
		kv := layerKV{KVLayer: l}
		n += int64(count-gone) * kv.bytes()
	}
	return n
}
