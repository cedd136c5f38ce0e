//go:build (!amd64 && !arm64) || purego

package kernel

func roundedBatches() bool { return false }

// roundedTwo and roundedFour are not called.
func roundedTwo(*roundedArgs)  {}
func roundedFour(*roundedArgs) {}

func roundedOne(a *roundedArgs) { roundedOneGeneric(a) }

func roundRow(dst *int8, scales, sums, x *float32, blocks, group int, split bool) {
	roundRowGeneric(dst, scales, sums, x, blocks, group, split)
}
