//go:build wide

package gemma4

import (
	"path/filepath"
	"testing"
)

// TestRealWidths runs the checkpoints that tools/goldens/wide.py makes: a few
// layers of each published size, as wide as they are, against transformers.
func TestRealWidths(t *testing.T) {
	for _, size := range []string{"E2B", "E4B", "12B", "26B-A4B", "31B"} {
		t.Run(size, func(t *testing.T) {
			dir := filepath.Join("../../../.cache/goldens/wide", size)
			file := filepath.Join(dir, "golden-hf.safetensors")
			golden(t, filepath.Join(dir, "hf-bf16"), file, file, "")
		})
	}
}
