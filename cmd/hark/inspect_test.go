package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCheckpointsAreFoundInTheCache(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HF_HUB_CACHE", root)
	base := filepath.Join(root, "models--someone--tiny")
	snapshot := filepath.Join(base, "snapshots", "abc123")
	for _, dir := range []string{snapshot, filepath.Join(base, "refs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{
		filepath.Join(base, "refs", "main"): "abc123\n", filepath.Join(snapshot, "config.json"): "{}", filepath.Join(snapshot, "model.safetensors"): "x",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src, err := checkpoint("someone/tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if src.Name() != snapshot {
		t.Errorf("found %s, want %s", src.Name(), snapshot)
	}
	var wrong usageError
	for _, name := range []string{"someone/else", "nowhere", "/no/such/folder", "../tiny", "a/b/c", filepath.Join(base, "refs", "main")} {
		if _, err := checkpoint(name); !errors.As(err, &wrong) {
			t.Errorf("%q: %v, want an error of the user", name, err)
		}
	}
}

func TestInspectOfABrokenCheckpointIsTheUsersError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type":"gemma4"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var wrong usageError
	if err := (&inspectCommand{Model: dir}).Run(); !errors.As(err, &wrong) {
		t.Errorf("%v, want an error of the user", err)
	}
}
