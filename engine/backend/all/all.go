// Package all lists the backends of this build. It is the one place where a
// build is composed of them.
//
// Start reading at Open.
package all

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"hark/engine/backend/cpu"
	"hark/engine/backend/mlx"
	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// Options are the choices of a backend. The zero value works; each backend
// takes what concerns it.
type Options struct {
	// Threads is the number of threads of a backend that computes on the
	// processor; 0 means all.
	Threads int
	// Rounded gives up a little precision for speed: the CPU rounds activations
	// to 8 bits before products, MLX computes in bfloat16.
	Rounded bool
	// Exact keeps full precision where the CPU would round without being asked:
	// where it has fast products of 8-bit integers.
	Exact bool
	// Library is the file of mlx-c; "" looks in the usual places.
	Library string
	// MemoryBytes and CacheBytes bound the memory of MLX; see mlx.Options.
	MemoryBytes, CacheBytes int64
	// Notice is told, in a line, why a better backend was passed over; nil
	// for nobody.
	Notice func(line string)
}

// Auto is the name of the best backend that starts.
const Auto = "auto"

// backends are tried in this order when none is named.
var backends = []struct {
	name string
	open func(o *Options, auto bool) (tensor.Backend, error)
}{
	{"mlx", openMLX},
	{"cpu", func(o *Options, _ bool) (tensor.Backend, error) {
		return cpu.New(&cpu.Options{Threads: o.Threads, Rounded: o.Rounded || !o.Exact && cpu.RoundingPays()}), nil
	}},
}

// openMLX starts MLX; by itself only where it has a graphics processor, since
// it is slow without.
func openMLX(o *Options, auto bool) (tensor.Backend, error) {
	m := &mlx.Options{Library: o.Library, Half: o.Rounded, MemoryBytes: o.MemoryBytes, CacheBytes: o.CacheBytes}
	if auto {
		m.Device = mlx.GPU
	}
	b, err := mlx.New(m)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// expected reports whether people will wonder that a backend does not start:
// they named its library, their machine is made for it, or it is there and
// fails.
func expected(o *Options, err error) bool {
	if errors.Is(err, mlxc.ErrMissing) {
		return o.Library != "" || mlxc.Available && runtime.GOOS == "darwin" && runtime.GOARCH == "arm64"
	}
	return !errors.Is(err, mlx.ErrNoGPU) || o.Library != ""
}

// Names returns the names that Open knows, best first.
func Names() []string {
	var names []string
	for _, b := range backends {
		names = append(names, b.name)
	}
	return names
}

// Open starts the backend of that name, or the first that starts when name is
// "" or Auto. o may be nil.
func Open(name string, o *Options) (tensor.Backend, error) {
	if o == nil {
		o = &Options{}
	}
	auto := name == "" || name == Auto
	for _, b := range backends {
		if !auto && name != b.name {
			continue
		}
		opened, err := b.open(o, auto)
		if err == nil {
			return opened, nil
		}
		if !auto {
			return nil, fmt.Errorf("backend %s: %w", b.name, err)
		}
		if o.Notice != nil && expected(o, err) {
			o.Notice(fmt.Sprintf("%s is not used: %v", b.name, err))
		}
	}
	return nil, fmt.Errorf("backend: %q, want auto or one of %s", name, strings.Join(Names(), ", "))
}
