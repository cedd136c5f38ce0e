//go:build amd64 && !purego

package kernel

import (
	"math/rand/v2"
	"slices"
	"sync"

	"hark/engine/backend/cpu/isa"
)

// tilesOn reports whether products of many rows go by tiles, tilesHave whether by those of the processor and not by
// their twin.
var tilesOn, tilesHave bool

func init() {
	isa.Register(func(l isa.Level) {
		tilesHave = l == isa.AVX512 && isa.HasAMX() && tilesRight()
		tilesOn = tilesHave
	})
}

// tilesRight reports whether the processor's tiles give what their twin gives, over
// whole numbers, of which all sums are exact. They are not used otherwise.
var tilesRight = sync.OnceValue(func() bool {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, group := range []int{32, 64} {
		for groups := 1; groups < 10; groups++ {
			a := tilesExample(rng, groups, group, 2)
			want := make([]float32, 2*tileValues)
			got := slices.Clone(want)
			a.dst = &want[0]
			tilesGeneric(a)
			a.dst = &got[0]
			tilesAMX(a)
			if !slices.Equal(got, want) {
				return false
			}
		}
	}
	return true
})

// tiles computes a.blocks blocks.
func tiles(a *tileArgs) {
	if tilesHave {
		tilesAMX(a)
	} else {
		tilesGeneric(a)
	}
}

// tileCodes widens codes of 4 bits.
func tileCodes(dst, codes *byte, stride, groups, group int) {
	if level == isa.AVX512 {
		tileCodesAVX512(dst, codes, stride, groups, group)
	} else {
		tileCodesGeneric(dst, codes, stride, groups, group)
	}
}

//go:noescape
func tilesAMX(a *tileArgs)

//go:noescape
func tileCodesAVX512(dst, codes *byte, stride, groups, group int)
