//go:build goldens

package convert

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/weights"
)

// goldens is where make goldens puts them.
const goldens = "../../.cache/goldens"

// TestTensorsAreThoseOfMLX converts what mlx-vlm has converted, and compares
// every byte of every tensor.
func TestTensorsAreThoseOfMLX(t *testing.T) {
	for _, variant := range []string{"e", "dense", "moe", "unified", "gemma3"} {
		for _, layout := range []struct {
			name      string
			bits      int
			group     int
			overrides []string
		}{
			{"mlx-q4g64", 4, 64, nil},
			{"mlx-q4g32", 4, 32, nil},
			{"mlx-q8g64", 8, 64, nil},
			{"mlx-mixed", 4, 64, []string{".mlp.=8g64", "router=8g64"}},
		} {
			if variant == "gemma3" && layout.name != "mlx-q8g64" {
				continue // the only one with the names of released text models
			}
			t.Run(variant+"/"+layout.name, func(t *testing.T) {
				t.Parallel()
				scheme, err := weights.NewScheme("affine", layout.bits, layout.group)
				if err != nil {
					t.Fatal(err)
				}
				o := Options{Scheme: scheme}
				for _, text := range layout.overrides {
					if text == "router=8g64" && variant != "moe" {
						continue // a pattern that matches nothing is an error
					}
					override, err := ParseOverride(text, scheme)
					if err != nil {
						t.Fatal(err)
					}
					o.Overrides = append(o.Overrides, override)
				}
				out := filepath.Join(t.TempDir(), "out")
				convert(t, filepath.Join(goldens, variant, "hf-bf16"), out, &o)
				want := filepath.Join(goldens, variant, layout.name)
				compareTensors(t, out, want)
				compareQuantization(t, out, want)
			})
		}
	}
}

// compareTensors demands the same names, types, shapes and bytes.
func compareTensors(t *testing.T, got, want string) {
	t.Helper()
	a, b := open(t, got), open(t, want)
	if names := a.Names(); !slices.Equal(names, b.Names()) {
		for _, name := range names {
			if _, ok := b.Entry(name); !ok {
				t.Errorf("%s: not in the reference", name)
			}
		}
		for _, name := range b.Names() {
			if _, ok := a.Entry(name); !ok {
				t.Errorf("%s: missing", name)
			}
		}
		return
	}
	for _, name := range a.Names() {
		x, _ := a.Entry(name)
		y, _ := b.Entry(name)
		if x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) {
			t.Errorf("%s: %s %v, want %s %v", name, x.DType, x.Shape, y.DType, y.Shape)
		} else if !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// compareQuantization demands that config.json says the same, twice.
func compareQuantization(t *testing.T, got, want string) {
	t.Helper()
	read := func(dir string) (a, b map[string]any) {
		data, err := os.ReadFile(filepath.Join(dir, configFile))
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			A map[string]any `json:"quantization"`
			B map[string]any `json:"quantization_config"`
		}
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		return c.A, c.B
	}
	gotA, gotB := read(got)
	wantA, wantB := read(want)
	for i, pair := range [][2]map[string]any{{gotA, wantA}, {gotB, wantB}} {
		a, _ := json.Marshal(pair[0])
		b, _ := json.Marshal(pair[1])
		if string(a) != string(b) {
			t.Errorf("quantization %d: %s, want %s", i, a, b)
		}
	}
}

// TestOpenSaysWhatHappens counts on the e form.
func TestOpenSaysWhatHappens(t *testing.T) {
	scheme, _ := weights.NewScheme("affine", 4, 64)
	p, err := Open(filepath.Join(goldens, "e", "hf-bf16"), &Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Modules[0].Path != "embed_audio.embedding_projection" {
		t.Errorf("first module is %s", p.Modules[0].Path)
	}
	for _, m := range p.Modules {
		if strings.Contains(m.Path, "tower") {
			t.Errorf("%s is quantized", m.Path)
		}
	}
}
