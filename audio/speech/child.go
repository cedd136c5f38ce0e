package speech

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// The limits of a child process: one that goes beyond them is killed.
const (
	childTimeout = 20 * time.Second      // of its life
	childOutput  = 64 << 20              // bytes that it writes
	childWait    = 50 * time.Millisecond // for its pipes, once it is killed
)

// startChild starts a program that takes text and writes bytes, which wait
// returns. It must be called. The end of ctx kills the child.
func startChild(ctx context.Context, program, text string, args ...string) (wait func() ([]byte, error), err error) {
	ctx, cancel := context.WithTimeout(ctx, childTimeout)
	cmd := exec.CommandContext(ctx, program, args...)
	out, complaint := &limited{room: childOutput}, &limited{room: 1 << 10}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), out, complaint
	cmd.Env = slices.DeleteFunc(cmd.Environ(), func(s string) bool { return strings.HasPrefix(s, "HARK_") }) // keys are nobody's business
	cmd.WaitDelay = childWait
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("speech: %w", err)
	}
	return func() ([]byte, error) {
		defer cancel()
		err := cmd.Wait()
		switch {
		case out.full:
			return nil, errTooMuch
		case ctx.Err() != nil:
			return nil, fmt.Errorf("speech: %w", ctx.Err())
		case err != nil:
			return nil, fmt.Errorf("speech: %s: %w: %s", program, err, firstLine(complaint.data.String()))
		}
		return out.data.Bytes(), nil
	}, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

var errTooMuch = errors.New("speech: a child process writes without end")

// limited is a buffer that refuses more than it has room for, which breaks the
// pipe of the child that writes to it.
type limited struct {
	data bytes.Buffer
	room int
	full bool
}

// Write takes data.
func (l *limited) Write(p []byte) (int, error) {
	if l.data.Len()+len(p) > l.room {
		l.full = true
		return 0, errTooMuch
	}
	return l.data.Write(p)
}
