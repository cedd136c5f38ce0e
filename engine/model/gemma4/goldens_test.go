//go:build goldens

package gemma4

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var made = flag.String("made", "../../../.cache/goldens", "folder of checkpoints and goldens that tools/goldens/tiny.py made, with any seed, size or layouts")

// TestMadeGoldens runs every checkpoint that tools/goldens/make.sh made: each
// form of the model in float32 against transformers, and in each quantized
// layout against mlx-vlm with float32 activations (text) and against
// transformers on the dequantized weights.
func TestMadeGoldens(t *testing.T) {
	variants := 0
	for _, variant := range []string{"e", "dense", "moe", "unified"} {
		dir := filepath.Join(*made, variant)
		layouts, err := os.ReadDir(dir)
		if err != nil {
			t.Fatalf("make goldens first: %v", err)
		}
		for _, l := range layouts {
			name, quantized := strings.CutPrefix(l.Name(), "mlx-")
			switch {
			case !l.IsDir():
			case quantized:
				file := filepath.Join(dir, "golden-mlx-"+name+".safetensors")
				for _, prefix := range []string{"mlx.", "dequantized."} {
					t.Run(variant+"/"+l.Name()+"/"+strings.TrimSuffix(prefix, "."), func(t *testing.T) {
						golden(t, filepath.Join(dir, l.Name()), file, filepath.Join(dir, "golden-hf.safetensors"), prefix)
					})
				}
				variants++
			default:
				t.Run(variant+"/"+l.Name(), func(t *testing.T) {
					file := filepath.Join(dir, "golden-hf.safetensors")
					golden(t, filepath.Join(dir, l.Name()), file, file, "")
				})
				variants++
			}
		}
	}
	if variants < 4 {
		t.Errorf("%d checkpoints, want those of at least one layout of each form", variants)
	}
}
