package gemma3

import (
	"path/filepath"
	"strings"
	"testing"

	"hark/engine/backend/backendtest"
	"hark/engine/model/modeltest"
	"hark/engine/tensor"
	"hark/engine/weights"
)

const tiny = "../../../testdata/tiny/gemma3"

func backend() tensor.Backend { return backendtest.New(0) }

// golden runs the checkpoint in dir against file; prompts has what was asked.
func golden(t *testing.T, dir, file, prompts, prefix string) {
	src, err := weights.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	g, err := modeltest.ReadGolden(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := modeltest.ReadGolden(prompts)
	if err != nil {
		t.Fatal(err)
	}
	c := modeltest.Case{Source: src, Golden: g, Prompts: p, Prefix: prefix, Backend: backend}
	if g.Has("text.logits_bf16_scale") && strings.HasSuffix(dir, "bf16") {
		c.Logits = "text.logits_bf16_scale"
	}
	modeltest.Run(t, c)
}

// TestCommittedGolden runs the checkpoint in the repository.
func TestCommittedGolden(t *testing.T) {
	file := filepath.Join(tiny, "golden-hf.safetensors")
	golden(t, filepath.Join(tiny, "hf-bf16"), file, file, "")
}
