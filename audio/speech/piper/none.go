//go:build !(linux || darwin) || !(amd64 || arm64) || static

package piper

import (
	"context"
	"fmt"
)

// systemRuntimes are none: this build opens no library.
var systemRuntimes []string

// session is of no use in this build.
type session struct{}

func openSession([]string, string, int) (*session, error) {
	return nil, fmt.Errorf("%w: this build of hark opens no libraries", ErrNoRuntime)
}

func (*session) close() error { return nil }

func (*session) run(context.Context, *inputs) ([]float32, error) { return nil, ErrNoRuntime }
