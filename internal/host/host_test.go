package host

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestFiguresArePlausible(t *testing.T) {
	total, available, err := Memory()
	if err != nil && !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err == nil && (total <= 0 || available < 0 || available > total) {
		t.Errorf("%d bytes of memory, %d available", total, available)
	}
	free, err := FreeDisk(t.TempDir())
	if err != nil && !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err == nil && free <= 0 {
		t.Errorf("%d bytes free", free)
	}
	if _, err := FreeDisk(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a folder that is not there has free space")
	}
}
