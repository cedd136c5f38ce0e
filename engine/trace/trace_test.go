package trace_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"

	"hark/audio/wav"
	"hark/engine/backend/cpu"
	_ "hark/engine/model/all"
	"hark/engine/model/modeltest"
	"hark/engine/token"
	"hark/engine/trace"
	"hark/engine/weights"
	"hark/vision"
	"hark/vision/resize"
)

const (
	tiny  = "../../testdata/tiny/"
	bound = 1e-3
)

func source(t *testing.T) weights.Source {
	t.Helper()
	src, err := weights.Dir(tiny + "e/hf-bf16")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func golden(t *testing.T) *modeltest.Golden {
	t.Helper()
	g, err := modeltest.ReadGolden(tiny + "e/golden-hf.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// media are the picture and the clip of the goldens.
func media(t *testing.T) (*vision.Image, []float32) {
	t.Helper()
	data, err := os.ReadFile(tiny + "assets/test.png")
	if err != nil {
		t.Fatal(err)
	}
	img, err := vision.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	const width, height = 480, 288 // as the reference resizes it
	img = &vision.Image{Width: width, Height: height, Pix: resize.Bicubic(img.Pix, img.Width, img.Height, width, height)}
	if data, err = os.ReadFile(tiny + "assets/test.wav"); err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img, clip.Samples
}

// read writes a result and reads it back.
func read(t *testing.T, r *trace.Result) *weights.Checkpoint {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	c, err := weights.Open(weights.Memory("trace", map[string][]byte{"model.safetensors": b.Bytes()}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLogitsAndLayersEqualTheReference(t *testing.T) {
	g := golden(t)
	img, clip := media(t)
	want := g.Floats("mm.both.logits")
	r, err := trace.Run(source(t), cpu.New(nil), &trace.Input{
		IDs: g.IDs("mm.both.input_ids"), Pictures: []*vision.Image{img}, Clips: [][]float32{clip}, Layers: true, Steps: 2,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	prompt := r.Logits[:len(g.IDs("mm.both.input_ids"))*r.Vocab] // generated positions follow
	if d := modeltest.Compare(g.Part("mm.both.logits", prompt), want); d.Max > bound {
		t.Errorf("logits: %v", d)
	}
	if got, want := r.Generated[0], g.IDs("mm.both.greedy_ids")[0]; got != want || len(r.Generated) != 2 {
		t.Errorf("generated %v, want two from %d", r.Generated, want)
	}
	c := read(t, r)
	l := weights.NewLoader(c, nil)
	for name, reference := range map[string]string{
		"audio.embeds": "audio.soft", "vision.embeds": "vision.soft", "audio.mel": "audio.features",
		"audio.layers.1.out": "audio.layer.1", "vision.layers.0.out": "vision.layer.0",
	} {
		e, ok := c.Entry(name)
		if !ok {
			t.Errorf("no %s in the file", name)
			continue
		}
		if d := modeltest.Compare(g.Part(reference, l.Floats(name, e.Shape...)), g.Floats(reference)); d.Max > bound {
			t.Errorf("%s: %v", name, d)
		}
	}
	if e, _ := c.Entry("text.layers.4.out"); len(e.Shape) != 2 || e.Shape[0] != len(r.IDs) {
		t.Errorf("text.layers.4.out is %v for %d positions", e.Shape, len(r.IDs))
	}
}

func TestOnePlaceholderStandsForAll(t *testing.T) {
	g := golden(t)
	_, clip := media(t)
	ids := g.IDs("mm.audio.input_ids")
	var short []token.ID
	for i, id := range ids {
		if i == 0 || id != ids[i-1] {
			short = append(short, id)
		}
	}
	r, err := trace.Run(source(t), cpu.New(nil), &trace.Input{IDs: short, Clips: [][]float32{clip}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.IDs) != len(ids) {
		t.Fatalf("%d positions, want %d", len(r.IDs), len(ids))
	}
	want := g.Floats("mm.audio.logits")
	if d := modeltest.Compare(g.Part("mm.audio.logits", r.Logits), want); d.Max > bound {
		t.Errorf("logits: %v", d)
	}
}

func TestTheFirstValueThatIsNotFiniteIsNamed(t *testing.T) {
	_, clip := media(t)
	clip[3000] = float32(math.NaN())
	_, err := trace.Run(source(t), cpu.New(nil), &trace.Input{IDs: golden(t).IDs("mm.audio.input_ids"), Clips: [][]float32{clip}}, nil)
	var bad *trace.NotFinite
	if !errors.As(err, &bad) || bad.Name != "audio.mel" {
		t.Errorf("error %v, want NotFinite in audio.mel", err)
	}
}

func TestWrongInputIsRefused(t *testing.T) {
	g := golden(t)
	img, clip := media(t)
	for name, in := range map[string]*trace.Input{
		"no ids":            {},
		"unknown id":        {IDs: []token.ID{640}},
		"medium missing":    {IDs: g.IDs("mm.audio.input_ids")},
		"medium left over":  {IDs: g.IDs("text.input_ids"), Pictures: []*vision.Image{img}},
		"wrong run":         {IDs: g.IDs("mm.audio.input_ids")[:10], Clips: [][]float32{clip[:16000]}},
		"clip without tone": {IDs: g.IDs("mm.audio.input_ids"), Clips: [][]float32{clip[:100]}},
	} {
		if _, err := trace.Run(source(t), cpu.New(nil), in, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
