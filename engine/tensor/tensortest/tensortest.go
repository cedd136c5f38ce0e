// Package tensortest checks that a backend keeps the contract of package
// tensor: every operation against plain float64 arithmetic, and the
// properties that the engine builds on, among them that a batch of sequences
// equals each sequence alone.
//
// Start reading at Run.
package tensortest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hark/engine/tensor"
)

// Run tests b, which it leaves open. Results may err by a few parts in 10^5
// of the terms they sum.
func Run(t *testing.T, b tensor.Backend) {
	for _, test := range []struct {
		name string
		run  func(*T)
	}{
		{"Layout", testLayout},
		{"Lifetime", testLifetime},
		{"Sweep", testSweep},
		{"Arithmetic", testArithmetic},
		{"Activations", testActivations},
		{"Norms", testNorms},
		{"Linear", testLinear},
		{"Embed", testEmbed},
		{"Weight", testWeight},
		{"Experts", testExperts},
		{"Rope", testRope},
		{"Attention", testAttention},
		{"AttentionBatch", testAttentionBatch},
		{"AttentionAhead", testAttentionAhead},
		{"KVPieces", testKVPieces},
		{"KVFork", testKVFork},
		{"KVTruncate", testKVTruncate},
		{"KVLayers", testKVLayers},
		{"KVCut", testKVCut},
		{"KVCutEnd", testKVCutEnd},
		{"KVCutWindow", testKVCutWindow},
		{"KVCuttable", testKVCuttable},
		{"KV8", testKV8},
		{"KVSave", testKVSave},
		{"KVDamage", testKVDamage},
		{"KVSchedules", testKVSchedules},
		{"FullAttention", testFullAttention},
		{"LocalAttention", testLocalAttention},
		{"Subsample", testSubsample},
		{"CausalConv", testCausalConv},
		{"Pool", testPool},
		{"Shapes", testShapes},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &T{T: t, b: b, rng: rand.New(rand.NewPCG(7, uint64(len(test.name))))}
			test.run(h)
			b.EndStep()
		})
	}
}

// T is one test: its backend and its random numbers, which are the same in
// every run.
type T struct {
	*testing.T
	b   tensor.Backend
	rng *rand.Rand
}

// tolerance is the error allowed per unit of magnitude.
const tolerance = 2e-5

// normal returns n values of a normal distribution, scaled.
func (t *T) normal(n int, scale float32) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(t.rng.NormFloat64()) * scale
	}
	return values
}

// input makes a tensor of normal values and returns them too.
func (t *T) input(shape ...int) (tensor.Tensor, []float32) {
	values := t.normal(size(shape), 1)
	return t.b.Input(values, shape...), values
}

func size(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// shape fails unless x has that shape.
func (t *T) shape(what string, x tensor.Tensor, want ...int) {
	t.Helper()
	if got := x.Shape(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: shape %v, want %v", what, got, want)
	}
}

// near fails unless x holds want, each value within tolerance times
// 1+|want|, or times its magnitude where magnitudes are given.
func (t *T) near(what string, x tensor.Tensor, want, magnitude []float64) {
	t.Helper()
	got := t.b.Read(nil, x)
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		bound := 1 + math.Abs(want[i])
		if magnitude != nil {
			bound = magnitude[i] + 1e-6
		}
		if d := math.Abs(float64(v) - want[i]); !(d <= tolerance*bound) {
			t.Fatalf("%s: value %d = %v, want %v within %.2g", what, i, v, want[i], tolerance*bound)
		}
	}
}

// exact fails unless x holds want, bit for bit but for the sign of zero.
func (t *T) exact(what string, x tensor.Tensor, want []float32) {
	t.Helper()
	got := t.b.Read(nil, x)
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if v != want[i] {
			t.Fatalf("%s: value %d = %v, want %v", what, i, v, want[i])
		}
	}
}

// alike fails unless two results agree within tolerance.
func (t *T) alike(what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if d := math.Abs(float64(v - want[i])); !(d <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: value %d = %v, want %v", what, i, v, want[i])
		}
	}
}

// panics fails unless f panics with *tensor.ShapeError.
func (t *T) panics(what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		switch p := recover().(type) {
		case nil:
			t.Errorf("%s did not panic", what)
		case *tensor.ShapeError:
		default:
			t.Errorf("%s panicked with %v, want a *tensor.ShapeError", what, p)
		}
	}()
	f()
}

// wide converts to float64.
func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// mapped applies f to each value.
func mapped(x []float32, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(float64(v))
	}
	return y
}
