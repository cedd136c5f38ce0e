//go:build mlx

package backendtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"hark/engine/backend/mlx"
	"hark/engine/tensor"
)

// New returns a backend on the device that MLX finds: Metal on a Mac. The
// caller closes it.
func New(int) tensor.Backend {
	b, err := mlx.New(&mlx.Options{Library: Library()})
	if err != nil {
		panic(fmt.Sprintf("backendtest: tools/mlx/make.sh first: %v", err))
	}
	graphics.Store(!strings.HasSuffix(b.Device(), " cpu"))
	return b
}

// Library returns what tools/mlx/make.sh makes, or "" on a machine where it is
// not there: then the usual places are looked through.
func Library() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		path := filepath.Join(dir, ".cache/mlx/site/mlx/lib/libmlxc.so")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		break
	}
	return ""
}

// Rounding is how far the logarithms of probabilities may lie apart where only
// the company of a row in its step differs. On graphics processors kernels
// change with the number of rows; on MLX's processor device nothing may differ.
func Rounding() float64 {
	if graphics.Load() {
		return 1e-3
	}
	return 0
}

// graphics is whether New found a graphics processor.
var graphics atomic.Bool
