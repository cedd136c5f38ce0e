package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"hark/engine/backend/cpu/isa"
)

// TestTilesAreDots compares the plain Go twin, and tiles as they are used, with dots of the values one by one.
func TestTilesAreDots(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 1))
	for _, group := range []int{32, 64} {
		for groups := 1; groups < 10; groups++ {
			a := tilesExample(rng, groups, group, 3)
			got, used := make([]float32, 3*tileValues), make([]float32, 3*tileValues)
			a.dst = &got[0]
			tilesGeneric(a)
			a.dst = &used[0]
			tiles(a)
			if !slices.Equal(got, used) {
				t.Fatalf("%d groups of %d: tiles differ from their twin", groups, group)
			}
			codes := unsafe.Slice(a.codes, groups*group*tileRows)
			for i, v := range got {
				block, row, o := i/tileValues, i/tileRows%tileRows, i%tileRows
				x := codesAt(a.x, block*a.xStep, groups*group*tileRows)
				xf, wf := at(a.xFactors, block*a.xStep/4, groups*tileFactors), at(a.factors, 0, groups*tileFactors)
				want := float32(0)
				for k := range groups * group {
					g, in := k/group, k%group
					s := xf[g*tileFactors+row] * wf[g*tileFactors+o]
					want += s * float32(codes[o*a.stride+k]) * float32(x[g*group*tileRows+in/4*64+row*4+in%4])
				}
				for g := range groups {
					want += xf[g*tileFactors+tileRows+row] * wf[g*tileFactors+tileRows+o]
				}
				if v != want {
					t.Fatalf("%d groups of %d: row %d of block %d, output %d is %v, want %v", groups, group, row, block, o, v, want)
				}
			}
		}
	}
}

// TestTileCodesWidens compares the ways to widen codes of 4 bits.
func TestTileCodesWidens(t *testing.T) {
	rng := rand.New(rand.NewPCG(62, 1))
	for _, group := range []int{32, 64} {
		for groups := 1; groups < 6; groups++ {
			stride := groups*group/2 + 3
			codes := make([]byte, tileRows*stride)
			for i := range codes {
				codes[i] = byte(rng.Uint32())
			}
			want, got := make([]byte, groups*group*tileRows), make([]byte, groups*group*tileRows)
			tileCodesGeneric(&want[0], &codes[0], stride, groups, group)
			each(t, func(t *testing.T) {
				clear(got)
				tileCodes(&got[0], &codes[0], stride, groups, group)
				if !slices.Equal(got, want) {
					t.Errorf("%d groups of %d: other codes than in plain Go", groups, group)
				}
			})
		}
	}
}

// TestProductsByTilesAreThoseOfQuads compares products of many rows by tiles and by quads, where there are quads: by the
// processor's tiles they have the same bits.
func TestProductsByTilesAreThoseOfQuads(t *testing.T) {
	defer isa.Use(isa.Current())
	for _, twin := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(63, 1))
		for i := range 60 {
			isa.Use(isa.Current())
			f, group, rows, outs, n := Format(i%2), []int{32, 64}[i/2%2], 30+i%40, 1+i%50, 64*(1+rng.IntN(20))
			w, _ := randomRounded(rng, f, outs, n, group, i%3 > 0)
			x := Matrix{fill(rng, make([]float32, rows*n)), n}
			scratch := make([]float32, w.ScratchRounded(n))
			tilesOn = false
			byQuads := round(f, x, rows, n, group)
			want := make([]float32, rows*outs)
			MatMulRounded(Matrix{want, outs}, byQuads, w, scratch, 0, rows, outs)
			tilesOn = true // by the twin where the processor has none
			if twin {
				tilesOff()
			}
			r := round(f, x, rows, n, group)
			r.Tile(0, r.Blocks())
			got, check := guarded(t, rows*outs, 0)
			first := rows / 32 * 16 // in two calls, as workers do
			MatMulRounded(Matrix{got, outs}, r, w, scratch, 0, first, outs)
			MatMulRounded(Matrix{got[first*outs:], outs}, r, w, scratch, first, rows-first, outs)
			check()
			for k, v := range got {
				if d := math.Abs(float64(v - want[k])); d > 1e-4*(1+math.Abs(float64(want[k])))*math.Sqrt(float64(n)) || !twin && tilesReal() && d != 0 {
					t.Fatalf("%s, group %d, n=%d, %d rows, %d outputs: value %d is %v, by quads %v", formatNames[f], group, n, rows, outs, k, v, want[k])
				}
			}
		}
	}
}

// BenchmarkTiles multiplies rows by tiles and by quads.
func BenchmarkTiles(b *testing.B) {
	const outs, n = 1536, 1536
	defer isa.Use(isa.Current())
	for _, f := range []Format{Q4, Q8} {
		for _, group := range []int{32, 64} {
			for _, rows := range []int{32, 64, 512} {
				for _, by := range []string{"quads", "tiles"} {
					b.Run(fmt.Sprintf("w=%s/group=%d/rows=%d/by=%s", formatNames[f], group, rows, by), func(b *testing.B) {
						isa.Use(isa.Current())
						tilesOn = tilesOn && by == "tiles"
						rng := rand.New(rand.NewPCG(1, 1))
						w, _ := randomRounded(rng, f, outs, n, group, true)
						r := round(f, Matrix{fill(rng, make([]float32, rows*n)), n}, rows, n, group)
						scratch, dst := make([]float32, w.ScratchRounded(n)), make([]float32, rows*outs)
						for b.Loop() {
							r.Tile(0, r.Blocks())
							MatMulRounded(Matrix{dst, outs}, r, w, scratch, 0, rows, outs)
						}
						gflops(b, rows*outs*n)
					})
				}
			}
		}
	}
}
