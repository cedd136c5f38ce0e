package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hark/audio"
	"hark/engine/backend/cpu"
	"hark/engine/model"
	_ "hark/engine/model/all"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// small are shapes with every trait of the published ones.
func small() []shape {
	ears := tower{hidden: 64, f: 256, layers: 2, heads: 2, out: 96, channels: [2]int{8, 4}, clipped: true}
	eyes := tower{hidden: 64, f: 128, layers: 2, heads: 2, dim: 32, positions: 64, clipped: true, standardize: true}
	return []shape{
		{name: "shared", audio: &ears, vision: &eyes, text: text{
			vocab: vocab, hidden: 64, f: 128, layers: 6, heads: 2, period: 3, kvHeads: 1, fullKVHeads: 1, dim: 32, fullDim: 64,
			window: 16, context: 256, shared: 3, doubleWide: true, ple: 64, softCap: 30}},
		{name: "mixture", text: text{
			vocab: vocab, hidden: 64, f: 128, layers: 3, heads: 4, period: 3, kvHeads: 2, fullKVHeads: 1, dim: 32, fullDim: 64,
			window: 16, context: 256, keyIsValue: true, experts: 4, topExperts: 2, expertF: 64, softCap: 30}},
		{name: "gemma3", gemma3: true, text: text{
			vocab: vocab, hidden: 64, f: 128, layers: 3, heads: 2, period: 3, kvHeads: 1, fullKVHeads: 1, dim: 64, fullDim: 64,
			window: 16, context: 256}},
	}
}

// spread fails unless all values are finite and of a size that a trained
// model's could have.
func spread(t *testing.T, what string, values []float32) {
	t.Helper()
	var sum float64
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	if rms := math.Sqrt(sum / float64(len(values))); !(rms > 0.1 && rms < 20) {
		t.Errorf("%s: root mean square %v, want about 1", what, rms)
	}
}

func TestWrittenCheckpointsRun(t *testing.T) {
	scheme, err := weights.NewScheme("affine", 4, 32)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range small() {
		t.Run(s.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := write(folder, &s, &scheme, s.tokenizer()); err != nil {
				t.Fatal(err)
			}
			src, err := weights.Dir(folder)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			b := cpu.New(&cpu.Options{Threads: 2})
			defer b.Close()
			m, err := model.Open(src, b)
			if err != nil {
				t.Fatal(err)
			}
			info := m.Info()
			if info.Vocab != s.text.vocab || m.Tokenizer().Len() != s.text.vocab || info.Hears != (s.audio != nil) || info.Sees != (s.vision != nil) {
				t.Errorf("%+v of %s", info, s.name)
			}
			ids := m.Tokenizer().Encode("Shapes 12 äöü\n")
			if text := m.Tokenizer().Decode(ids); text != "Shapes 12 äöü\n" {
				t.Errorf("text comes back as %q", text)
			}
			kv := b.NewKV(m.KVLayers())
			defer kv.Free()
			spread(t, "logits", b.Read(nil, m.Forward([]model.Row{{KV: kv, IDs: append([]token.ID{2}, ids...), Logits: 1}})))
			b.EndStep()
			media(t, m, b)
		})
	}
}

// media encodes half a second of sound and a small picture.
func media(t *testing.T, m model.Model, b tensor.Backend) {
	info := m.Info()
	if info.Hears {
		rows := make([]float32, 50*128)
		for i := range rows {
			rows[i] = float32(i%17) - 8
		}
		ear := m.NewAudio()
		spread(t, "audio", b.Read(nil, ear.Push(audio.Features{Data: rows, Width: 128})))
		ear.Close()
		b.EndStep()
	}
	if info.Sees {
		img := &vision.Image{Width: 96, Height: 96, Pix: make([]byte, 96*96*3)}
		for i := range img.Pix {
			img.Pix[i] = byte(i)
		}
		patches, err := m.Cut(img, 0)
		if err != nil {
			t.Fatal(err)
		}
		spread(t, "vision", b.Read(nil, m.EncodePicture(patches)))
		b.EndStep()
	}
}

func TestSameFlagsGiveTheSameBytes(t *testing.T) {
	s := small()[1]
	s.text.vocab = 512
	var files [2][]byte
	for i := range files {
		folder := t.TempDir()
		if err := write(folder, &s, nil, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(folder, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = data
	}
	if !slices.Equal(files[0], files[1]) {
		t.Error("two runs wrote different weights")
	}
}

func TestCutKeepsTheShareOfSharedLayers(t *testing.T) {
	for _, c := range []struct{ layers, want int }{{0, 20}, {35, 20}, {20, 11}, {10, 5}, {5, 0}} {
		s := shapes[0]
		if err := s.cut(c.layers, 0, -1); err != nil || s.text.shared != c.want || s.vision != nil || s.audio == nil {
			t.Errorf("%d layers: %d share keys, error %v, want %d", c.layers, s.text.shared, err, c.want)
		}
	}
	s := shapes[2]
	for _, c := range [][3]int{{4, 0, 0}, {31, 0, 0}, {0, 4, 0}, {0, 0, 28}, {0, 0, -2}, {-1, 0, 0}} {
		if err := s.cut(c[0], c[1], c[2]); err == nil {
			t.Errorf("cut to %v layers is no error", c)
		}
	}
}
