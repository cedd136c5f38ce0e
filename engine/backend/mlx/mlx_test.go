//go:build mlx

package mlx

import (
	"flag"
	"os"
	"testing"

	"hark/engine/tensor"
	"hark/engine/tensor/tensortest"
)

var (
	library = flag.String("mlx-lib", built(), "file of mlx-c; without it what tools/mlx/make.sh makes, or else what the usual places have")
	device  = flag.String("mlx-device", "cpu", "what MLX computes on: cpu or gpu")
	fuse    = flag.Bool("mlx-fuse", false, "compile closures to kernels on processors too")
)

// built returns what tools/mlx/make.sh makes, "" if it is not there.
func built() string {
	const path = "../../../.cache/mlx/site/mlx/lib/libmlxc.so"
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func open(t testing.TB, o Options) *Backend {
	t.Helper()
	o.Library, o.Device = *library, Device(*device)
	b, err := New(&o)
	if err != nil {
		t.Fatalf("tools/mlx/make.sh first: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// TestContract runs the conformance tests of all backends.
func TestContract(t *testing.T) { tensortest.Run(t, open(t, Options{})) }

// TestContractCompiled runs them with every formula as a closure, as on a
// graphics processor; with -mlx-fuse the closures are compiled to kernels, which
// takes a compiler of C++ on processors.
func TestContractCompiled(t *testing.T) {
	b := open(t, Options{})
	b.fuse = true
	b.c.Fuse(b.gpu || *fuse)
	tensortest.Run(t, b)
}

// TestFormulas: chains of pointwise operations are one kernel, whatever becomes
// of what they consist of, and say what the operations say.
func TestFormulas(t *testing.T) {
	b := open(t, Options{})
	run := func(fused bool) (results [][]float32, applied int64) {
		b.fuse = fused
		b.c.Fuse(b.gpu || *fuse)
		before := b.c.Counts()["mlx_closure_apply"]
		x, y := b.Input([]float32{-3, -1, 0.5, 2, 4, 6}, 2, 3), b.Input([]float32{1, 2, 3, -4, -5, 8}, 2, 3)
		row := b.Input([]float32{2, -1, 0.5}, 3)
		see := func(x tensor.Tensor) { results = append(results, b.Read(nil, x)) }
		see(b.Clamp(b.GatedGELU(b.Clamp(x, -2, 3), b.Clamp(y, -3, 2)), -1, 1))
		see(b.Add(x, b.Scale(y, 0.5)))
		see(b.Scale(b.Add(x, y), 0.5))
		see(b.Add(b.Mul(b.Activate(tensor.SiLU, b.Clamp(x, -2, 3)), row), row))
		sum := b.Add(x, y)
		twice := b.Scale(sum, 2)
		see(sum)
		b.Free(x)
		b.Free(sum)
		see(twice)
		long := b.Add(y, y)
		for range 40 {
			long = b.Scale(b.Add(long, y), 0.5)
		}
		see(long)
		mark := b.Mark()
		see(b.Sweep(mark, b.Reshape(b.Clamp(b.Add(y, y), -1, 9), 3, 2)))
		kept := b.Keep(b.Scale(y, 3))
		b.Scale(y, 7) // nobody asks for it
		b.EndStep()
		see(kept)
		b.Free(kept)
		b.EndStep()
		return results, b.c.Counts()["mlx_closure_apply"] - before
	}
	want, none := run(false)
	got, applied := run(true)
	if none != 0 || applied < 8 {
		t.Errorf("%d and %d closures", none, applied)
	}
	for i := range want {
		for j := range want[i] {
			if d := want[i][j] - got[i][j]; !(d < 1e-5 && d > -1e-5) {
				t.Errorf("result %d, value %d: %v as one, %v apart", i, j, got[i][j], want[i][j])
			}
		}
	}
}
