//go:build mlx

package mlx

import (
	"flag"
	"testing"

	"hark/engine/tensor/tensortest"
)

var library = flag.String("mlx-lib", "../../../.cache/mlx/site/mlx/lib/libmlxc.so", "mlx-c, as tools/mlx/make.sh makes it")

func open(t testing.TB, o Options) *Backend {
	t.Helper()
	if o.Library == "" {
		o.Library = *library
	}
	o.Device = CPU
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
