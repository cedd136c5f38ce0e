package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestSource checks that every file of the folder is embedded, whole, and
// that asking for it copies nothing.
func TestSource(t *testing.T) {
	src := Source()
	entries, err := os.ReadDir("files")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 7 {
		t.Errorf("%d files in the folder, want 7: demo.go names them one by one", len(entries))
	}
	total := 0
	for _, e := range entries {
		want, err := os.ReadFile(filepath.Join("files", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := src.File(e.Name())
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes embedded differ from the %d of the file", e.Name(), len(got), len(want))
		}
		total += len(got)
	}
	if limit := 30 << 20; total > limit {
		t.Errorf("%d bytes embedded, want at most %d", total, limit)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = src.File("model.safetensors") }); n != 0 {
		t.Errorf("File allocates %v times, want 0", n)
	}
	if src.Name() != Name {
		t.Errorf("Name = %q, want %q", src.Name(), Name)
	}
}
