package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/engine/backend/mlx/mlxc"
)

// TestDoctorSaysHowToGetMLX: a library that is not there, or is none, is told
// with what helps, and is no failure.
func TestDoctorSaysHowToGetMLX(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "libmlxc.so")
	if f := mlxFinding(t.Context(), gone); f.Status != info || !strings.Contains(f.Detail, "not found") {
		t.Errorf("%+v", f)
	}
	text := filepath.Join(t.TempDir(), "libmlxc.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f := mlxFinding(t.Context(), text); f.Status != info || !strings.Contains(f.Detail, "cannot be opened") {
		t.Errorf("%+v", f)
	}
	if got := mlxAdvice(fmt.Errorf("mlx: x: %w", mlxc.ErrVersion)); !strings.Contains(got, "another version") {
		t.Errorf("advice for another version: %q", got)
	}
}
