//go:build (!amd64 && !arm64) || purego

package kernel

func packedOne(Format) int  { return tile }
func packedFour(Format) int { return tile }

func dotOne(f Format, a *packedArgs)  { packedGeneric(f, a, 1, tile) }
func dotFour(f Format, a *packedArgs) { packedGeneric(f, a, tile, tile) }
