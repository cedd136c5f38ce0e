package cpu

import "hark/engine/tensor"

// KVBytes returns the memory that a cache of these layers holds after that
// many positions, what KV.Bytes says then.
func KVBytes(layers []tensor.KVLayer, positions int) int64 {
	count := int64((positions + pagePositions - 1) / pagePositions)
	var n int64
	for _, l := range layers {
		kv := layerKV{KVLayer: l}
		n += count * int64(kv.size()) * 4
	}
	return n
}
