//go:build mlx

package mlx

import (
	"flag"
	"os"
	"testing"

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
