//go:build (linux || darwin) && (amd64 || arm64) && !static

package mlxc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Available says that this build can open a library.
const Available = true

// load opens a file and looks all functions up.
func load(file string) (*Library, error) {
	if strings.Contains(file, "/") {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMissing, err)
		}
	}
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		if !strings.Contains(file, "/") {
			return nil, fmt.Errorf("%w: %w", ErrMissing, err)
		}
		return nil, fmt.Errorf("%s cannot be opened: %w", file, err)
	}
	l := &Library{Path: file}
	for i, name := range names {
		at, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s has no %s: %w", file, name, ErrVersion)
		}
		l.functions[i] = at
	}
	libc, err := purego.Dlopen(map[string]string{"linux": "libc.so.6", "darwin": "/usr/lib/libSystem.B.dylib"}[runtime.GOOS], purego.RTLD_LAZY)
	if err != nil {
		return nil, fmt.Errorf("the C library: %w", err)
	}
	if l.free, err = purego.Dlsym(libc, "free"); err != nil {
		return nil, fmt.Errorf("the C library: %w", err)
	}
	if l.setenv, err = purego.Dlsym(libc, "setenv"); err != nil {
		return nil, fmt.Errorf("the C library: %w", err)
	}
	c := l.NewCalls()
	c.call(fnSetErrorHandler, errorHandler(), 0, 0)
	if l.Version = c.version(); l.Version == "" {
		return nil, fmt.Errorf("%s does not say its version: %w", file, ErrVersion)
	}
	if err := fits(l.Version); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c.suggest()
	return l, nil
}

// errorHandler is the C function that MLX tells errors. One serves all
// libraries: callbacks are never released.
var errorHandler = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(message unsafe.Pointer, _ uintptr) {
		text := text((*byte)(message))
		last.Lock()
		last.message = text
		last.Unlock()
	})
})

// maxText bounds the text that is taken from C.
const maxText = 4096

// text copies a C string, what is longer than maxText cut.
func text(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for n < maxText && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// textAt is text at an address that C returned.
func textAt(at uintptr) string { return text((*byte)(pointer(at))) }

// pointer is memory of C at an address. It is not Go's, so that the collector
// does not care.
func pointer(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

// traced are the functions behind closures, by the number that MLX hands back.
var traced struct {
	sync.Mutex
	count     uintptr
	functions map[uintptr]func(results *uintptr, operands uintptr) bool
}

// tracing is the C function that MLX calls to trace a closure. One serves all:
// callbacks are never released.
var tracing = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(results *uintptr, operands, number uintptr) int32 {
		traced.Lock()
		f := traced.functions[number]
		traced.Unlock()
		if f == nil || !f(results, operands) {
			return 1
		}
		return 0
	})
})

// newClosure makes a closure of MLX that runs f, which makes its results of its
// operands, until release is called. f may be called on another goroutine, with
// Calls of its own.
func (c *Calls) newClosure(f func(c *Calls, in []Array) []Array) (closure uintptr, release func()) {
	l, s := c.lib, c.stream
	traced.Lock()
	defer traced.Unlock()
	if traced.functions == nil {
		traced.functions = map[uintptr]func(*uintptr, uintptr) bool{}
	}
	traced.count++
	number := traced.count
	traced.functions[number] = func(results *uintptr, operands uintptr) bool {
		inner := l.NewCalls()
		inner.stream = s
		return inner.trace(results, operands, f)
	}
	return c.call(fnClosureNewFuncPayload, tracing(), number, 0), func() {
		traced.Lock()
		delete(traced.functions, number)
		traced.Unlock()
	}
}
