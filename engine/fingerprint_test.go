package engine

import (
	"runtime/debug"
	"testing"

	"hark/engine/tensor"
)

// precise is a backend of which nothing is known but how it computes.
type precise struct {
	tensor.Backend
	name  string
	bytes int
}

func (p precise) Precision() string { return p.name }
func (p precise) ValueBytes() int   { return p.bytes }

// TestSavedCachesAreOfWhatComputes: a cache of one precision is not read by
// another, nor one of another form.
func TestSavedCachesAreOfWhatComputes(t *testing.T) {
	seen := map[contentKey]string{}
	for _, precision := range []string{"cpu avx2", "cpu avx2 rounded", "cpu avx512", "mlx 1 gpu", "mlx 1 gpu bfloat16"} {
		for _, bits := range []int{0, 8} {
			e := &Engine{backend: precise{name: precision}, opts: Options{KVBits: bits}}
			key, err := e.saveKey("model")
			if err != nil {
				t.Fatal(err)
			}
			if other, taken := seen[key]; taken {
				t.Errorf("%s with %d bits has the key of %s", precision, bits, other)
			}
			seen[key] = precision
			if again, _ := e.saveKey("model"); again != key {
				t.Errorf("%s: another key the second time", precision)
			}
		}
	}
}

// TestBuildsThatAreNotStampedAreToldByTheirContent: without a revision, or with
// changes behind it, the stamp is of no use.
func TestBuildsThatAreNotStampedAreToldByTheirContent(t *testing.T) {
	build := func(settings ...string) string {
		info := &debug.BuildInfo{GoVersion: "go1.26"}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return stamp(info)
	}
	if s := build("GOARCH", "arm64"); s != "" {
		t.Errorf("no revision: %q", s)
	}
	if s := build("vcs.revision", "abc", "vcs.modified", "true"); s != "" {
		t.Errorf("changed: %q", s)
	}
	one, other := build("vcs.revision", "abc", "vcs.modified", "false"), build("vcs.revision", "abd", "vcs.modified", "false")
	if one == "" || one == other {
		t.Errorf("%q and %q", one, other)
	}
}

// TestBytesOfAPositionAreThoseOfTheDevice: bfloat16 takes half.
func TestBytesOfAPositionAreThoseOfTheDevice(t *testing.T) {
	layer := tensor.KVLayer{Heads: 2, Dim: 64}
	for bytes, want := range map[int]int64{2: 512, 4: 1024} {
		if n := (&Engine{backend: precise{bytes: bytes}}).positionBytes(layer); n != want {
			t.Errorf("%d bytes a number: %d a position, want %d", bytes, n, want)
		}
	}
}
