// Package mlxc is a thin binding of mlx-c, the C interface of MLX (Apple's
// array library for Metal, CUDA and processors). The library is opened at run
// time, so that nobody needs it who does not use it, and its functions are
// called without cgo: a graph operation costs well under a microsecond and
// allocates nothing.
//
// Arrays are handles that their owner frees; Calls counts them. Nothing is
// computed until Eval. Errors of MLX come back through Calls.Err; none ends the
// process.
//
// A build with the tag static opens no library.
//
// Start reading at Open and Calls.
package mlxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// ErrMissing is what Open says where there is no mlx-c.
var ErrMissing = errors.New("no mlx-c on this machine")

// ErrVersion is what Open says of a library that this binding does not fit.
var ErrVersion = errors.New("another version of MLX")

// series are the versions of MLX whose mlx-c has the functions as they are
// declared here. mlx-c itself does not say its version.
var series = []string{"0.32."}

// Library is an opened mlx-c. It stays open until the process ends: MLX has
// threads of its own.
type Library struct {
	// Path is the file that was opened.
	Path string
	// Version is that of MLX, "0.32.2".
	Version string

	functions [functionCount]uintptr
	free      uintptr // of the C library
	setenv    uintptr // of the C library
}

var opened struct {
	sync.Mutex
	libraries map[string]*Library
}

// Open opens the library in the file path, or with "" the first that is found:
// beside the program, in Homebrew's and the system's folders, and where the
// system's loader looks, which LD_LIBRARY_PATH and DYLD_LIBRARY_PATH extend.
// It may be called again and returns the same.
func Open(path string) (*Library, error) {
	opened.Lock()
	defer opened.Unlock()
	if l := opened.libraries[path]; l != nil {
		return l, nil
	}
	var tried []string
	for _, file := range candidates(path) {
		l, err := load(file)
		if err == nil {
			if opened.libraries == nil {
				opened.libraries = make(map[string]*Library)
			}
			opened.libraries[path] = l
			return l, nil
		}
		if !errors.Is(err, ErrMissing) || path != "" {
			return nil, fmt.Errorf("mlx: %w", err)
		}
		tried = append(tried, file)
	}
	return nil, fmt.Errorf("mlx: %w (looked for %s)", ErrMissing, strings.Join(tried, ", "))
}

// Known returns the files that Open tries, those that are there.
func Known() []string {
	var there []string
	for _, file := range candidates("") {
		if _, err := os.Stat(file); err == nil {
			there = append(there, file)
		}
	}
	return there
}

// candidates returns where the library may be, the likeliest first.
func candidates(path string) []string {
	if path != "" {
		return []string{path}
	}
	name := "libmlxc.so"
	folders := []string{"/usr/local/lib", "/usr/lib"}
	if runtime.GOOS == "darwin" {
		name = "libmlxc.dylib"
		folders = []string{"/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"}
	}
	list := []string{name} // the loader's own places come first: the user may set them
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		list = append(list, filepath.Join(filepath.Dir(self), name))
	}
	for _, folder := range folders {
		list = append(list, filepath.Join(folder, name))
	}
	return list
}

// fits reports whether the binding is made for that version of MLX.
func fits(version string) error {
	for _, s := range series {
		if strings.HasPrefix(version, s) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is %q, hark is made for %sx", ErrVersion, version, strings.Join(series, "x, "))
}

// NewCalls returns the means to call l from one goroutine at a time.
func (l *Library) NewCalls() *Calls { return &Calls{lib: l} }

// Library returns the library that is called.
func (c *Calls) Library() *Library { return c.lib }

// last is what MLX said of the last error. MLX tells it before the call that
// failed returns.
var last struct {
	sync.Mutex
	message string
}

// failed notes the error that MLX told of, unless there is one already.
func (c *Calls) failed() {
	last.Lock()
	message := last.message
	last.message = ""
	last.Unlock()
	if message == "" {
		message = "MLX failed without a word"
	}
	if at := strings.LastIndex(message, " at /"); at > 0 {
		message = message[:at] // the place in the source of mlx-c
	}
	if c.err == nil {
		c.err = errors.New(message)
	}
}

// Err returns the first error since it was asked last, and forgets it.
func (c *Calls) Err() error {
	err := c.err
	c.err = nil
	return err
}
