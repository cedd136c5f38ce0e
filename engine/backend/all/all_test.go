package all

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"hark/engine/backend/mlx/mlxc"
)

func TestOpenStartsTheProcessorAndTheBest(t *testing.T) {
	for _, name := range []string{"", Auto, "cpu"} {
		b, err := Open(name, &Options{Threads: 1})
		if err != nil {
			t.Fatalf("Open(%q): %v", name, err)
		}
		if b.Device() == "" {
			t.Errorf("Open(%q) names no device", name)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestOpenListsTheNamesItKnows(t *testing.T) {
	_, err := Open("abacus", nil)
	if err == nil || !strings.Contains(err.Error(), "cpu") || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("Open = %v, want an error with the name asked for and those known", err)
	}
}

// TestAutoFallsToTheProcessor: a library that was asked for and is not there
// costs one line; asked for by name, the backend is an error.
func TestAutoFallsToTheProcessor(t *testing.T) {
	var lines []string
	gone := filepath.Join(t.TempDir(), "libmlxc.so")
	o := &Options{Threads: 1, Library: gone, Notice: func(line string) { lines = append(lines, line) }}
	b, err := Open(Auto, o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.Device(), "cpu") {
		t.Errorf("auto opened %s", b.Device())
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "mlx is not used") || strings.Contains(lines[0], "\n") {
		t.Errorf("told %q, want one line", lines)
	}
	if _, err := Open("mlx", o); !errors.Is(err, mlxc.ErrMissing) {
		t.Errorf("Open(mlx) = %v, want that mlx-c is missing", err)
	}
}
