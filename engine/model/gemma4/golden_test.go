package gemma4

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/audio/wav"
	"hark/engine/backend/backendtest"
	"hark/engine/model/modeltest"
	"hark/engine/tensor"
	"hark/engine/weights"
	"hark/vision"
	"hark/vision/resize"
)

const tiny = "../../../testdata/tiny"

func backend() tensor.Backend { return backendtest.New(0) }

// picture is the one that the goldens were made with, in the size that the
// reference resizes it to.
func picture(t *testing.T) *vision.Image {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(tiny, "assets", "test.png"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := vision.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	const width, height = 480, 288
	return &vision.Image{Width: width, Height: height,
		Pix: resize.Bicubic(img.Pix, img.Width, img.Height, width, height)}
}

// samples are the clip that the goldens were made with.
func samples(t *testing.T) []float32 {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(tiny, "assets", "test.wav"))
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return clip.Samples
}

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
	c := modeltest.Case{Source: src, Golden: g, Prompts: p, Prefix: prefix, Picture: picture(t), Samples: samples(t), Backend: backend}
	if g.Has("text.logits_bf16_scale") && strings.HasSuffix(dir, "bf16") {
		c.Logits = "text.logits_bf16_scale"
	}
	modeltest.Run(t, c)
}

// TestCommittedGoldens runs the checkpoints in the repository. Their weights
// are bfloat16, widened on load, so that the token table's scale is rounded;
// where that makes a difference a golden of its own says so.
func TestCommittedGoldens(t *testing.T) {
	for _, variant := range []string{"e", "dense", "moe", "unified"} {
		t.Run(variant, func(t *testing.T) {
			file := filepath.Join(tiny, variant, "golden-hf.safetensors")
			golden(t, filepath.Join(tiny, variant, "hf-bf16"), file, file, "")
		})
	}
}
