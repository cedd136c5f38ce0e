//go:build !amd64 || purego

package kernel

func quadsOn() bool { return false }

func quads(a *quadArgs) { quadsGeneric(a) }

func roundQuads(dst *int8, factors, x *float32, blocks, group int, split bool) {
	roundQuadsGeneric(dst, factors, x, blocks, group, split)
}
