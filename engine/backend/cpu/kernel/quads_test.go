package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// TestQuadsAgreeWithPlainGo compares the kernels for 1, 2 and 4 rows with their
// twin over what they read, and rounding bit by bit.
func TestQuadsAgreeWithPlainGo(t *testing.T) {
	if !quadsOn() {
		t.Log("rows do not go by quads here: the twin alone") // it computes what follows too
	}
	rng := rand.New(rand.NewPCG(47, 1))
	for i := range 96 {
		f, group, rows, blocks := Format(i%2), []int{32, 64}[i/2%2], 1+i/4%4, 1+rng.IntN(12)
		r := Rounded{Format: f, Rows: rows, N: blocks * quadGroups * group, Group: group, quads: true}
		q := r.quadRow()
		r.Data = make([]int8, tile*q.stride)
		x := fill(rng, make([]float32, rows*r.N))
		for row := range rows {
			r.roundQuads(x[row*r.N:], row)
			twin := make([]int8, q.stride)
			two := Rounded{Format: f, Rows: 1, N: r.N, Group: group, Data: twin, quads: true}
			roundQuadsGeneric(&twin[0], two.firstFactor(0), &x[row*r.N], r.N/roundedBlock, group, f == Q4)
			if !slices.Equal(twin, r.Data[row*q.stride:][:q.stride]) {
				t.Fatalf("%s, group %d, n=%d: rounded to other values than plain Go", formatNames[f], group, r.N)
			}
		}
		const outs = 2 * tile
		w, _ := randomPacked(rng, f, outs, r.N, group, 0)
		a := quadArgs{
			x: &r.Data[0], xFactors: r.firstFactor(0), xStride: q.stride, dstStride: 4 * outs, stride: w.Stride, quads: q.quads,
			codes: &w.Data[0], group: group, format: f, factors: 4 * q.quads * quadGroups, tiles: outs / tile, rows: rows, brain: i%3 > 0,
		}
		a.table = &make([]float32, quadTable*q.quads)[0]
		a.scales, a.biases = firstByte(w.Scales), firstByte(w.Biases)
		if a.brain {
			scales, biases := brains(w.Scales), brains(w.Biases)
			a.factors, a.scales, a.biases = a.factors/2, &scales[0], &biases[0]
		}
		got, want := make([]float32, rows*outs), make([]float32, rows*outs)
		a.dst = &got[0]
		quads(&a)
		a.dst = &want[0]
		quadsGeneric(&a)
		for k := range got {
			if d := math.Abs(float64(got[k] - want[k])); d > 2e-3+1e-6*math.Abs(float64(want[k])) {
				t.Fatalf("%s, group %d, n=%d, %d rows: result %d is %v, plain Go has %v", formatNames[f], group, r.N, rows, k, got[k], want[k])
			}
		}
	}
}

func firstByte(values []float32) *byte { return (*byte)(unsafe.Pointer(&values[0])) }
