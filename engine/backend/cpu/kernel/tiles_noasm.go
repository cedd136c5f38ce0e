//go:build !amd64 || purego

package kernel

// tilesOn reports whether products of many rows go by tiles.
var tilesOn bool

func tiles(a *tileArgs) { tilesGeneric(a) }

func tileCodes(dst, codes *byte, stride, groups, group int) {
	tileCodesGeneric(dst, codes, stride, groups, group)
}
