//go:build goldens

package gemma3

import (
	"path/filepath"
	"testing"
)

// TestMadeGoldens runs the checkpoints that tools/goldens/make.sh made: in
// float32 and bfloat16 against transformers, and in two quantized layouts, one
// as mlx-vlm and one as mlx-lm names tensors, against mlx-vlm with float32
// activations and against transformers on the dequantized weights.
func TestMadeGoldens(t *testing.T) {
	const dir = "../../../.cache/goldens/gemma3"
	file := filepath.Join(dir, "golden-hf.safetensors")
	for _, layout := range []string{"hf-f32", "hf-bf16"} {
		t.Run(layout, func(t *testing.T) { golden(t, filepath.Join(dir, layout), file, file, "") })
	}
	for _, quant := range []string{"q4g64", "q8g64"} {
		for _, prefix := range []string{"mlx.", "dequantized."} {
			t.Run(quant+"/"+prefix, func(t *testing.T) {
				golden(t, filepath.Join(dir, "mlx-"+quant), filepath.Join(dir, "golden-mlx-"+quant+".safetensors"), file, prefix)
			})
		}
	}
}
