//go:build (!amd64 && !arm64) || purego

package roof

func stream(data []byte) uint64   { return streamGeneric(data) }
func multiply(rounds int) float32 { return multiplyGeneric(rounds) }
