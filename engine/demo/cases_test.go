package demo_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/audio/wav"
	"hark/engine"
	"hark/engine/backend/backendtest"
	"hark/engine/backend/cpu"
	"hark/engine/chat"
	"hark/engine/demo"
	_ "hark/engine/model/all"
	"hark/engine/tensor"
	"hark/engine/weights"
	"hark/vision"
)

var checkpoint = flag.String("checkpoint", "", "folder of the demo model's bf16 checkpoint, to be asked instead of the embedded model")

const samples = "../../testdata/samples"

// sample is one line of cases.json.
type sample struct {
	Name, System, Text, Audio, Image, Want string
	Reference                              string `json:"reference_answer"`
}

// TestAnswersAsTheReference asks every sample case, greedy. The reference is
// the bf16 checkpoint in transformers with float32 activations; the embedded
// model has 8-bit weights, so one of the 28 may differ.
func TestAnswersAsTheReference(t *testing.T) {
	answersAsTheReference(t, backendtest.New(0))
}

// TestRoundedAnswersAsTheReference does so as hark runs unless it is told to be
// exact.
func TestRoundedAnswersAsTheReference(t *testing.T) {
	answersAsTheReference(t, cpu.New(&cpu.Options{Rounded: true}))
}

func answersAsTheReference(t *testing.T, b tensor.Backend) {
	t.Helper()
	src, allowed := demo.Source(), 1
	if *checkpoint != "" {
		var err error
		if src, err = weights.Dir(*checkpoint); err != nil {
			t.Fatal(err)
		}
		allowed = 0
	}
	e, err := engine.Open(src, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	data, err := os.ReadFile(filepath.Join(samples, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []sample
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, c := range cases {
		if got := ask(t, e, c); got == c.Reference {
			same++
		} else {
			t.Logf("%s: %q, the reference says %q", c.Name, got, c.Reference)
		}
	}
	t.Logf("%d of %d as the reference", same, len(cases))
	if len(cases) < 28 || same < len(cases)-allowed {
		t.Errorf("%d of %d cases as the reference, want all but %d of 28", same, len(cases), allowed)
	}
}

// ask shows, plays and asks what the case says and returns the answer.
func ask(t *testing.T, e *engine.Engine, c sample) string {
	t.Helper()
	var content []chat.Content
	var media []engine.Part
	add := func(kind chat.Kind, p engine.Part) {
		content = append(content, chat.Content{Kind: kind, Media: len(media)})
		media = append(media, p)
	}
	if c.Image != "" {
		p := picture(t, e, c.Image)
		defer p.Close()
		add(chat.Image, p)
	}
	if c.Audio != "" {
		clip := sound(t, e, c.Audio)
		defer clip.Close()
		add(chat.Audio, clip)
	}
	if c.Text != "" {
		content = append(content, chat.Content{Kind: chat.Text, Text: c.Text})
	}
	messages := []chat.Message{{Role: chat.User, Content: content}}
	if c.System != "" {
		messages = append([]chat.Message{{Role: chat.System, Content: []chat.Content{{Kind: chat.Text, Text: c.System}}}}, messages...)
	}
	prompt, err := e.Prompt(messages, media, chat.Options{Generate: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Set(prompt); err != nil {
		t.Fatal(err)
	}
	var answer strings.Builder
	for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 96}) {
		if err != nil {
			t.Fatal(err)
		}
		answer.WriteString(tok.Text)
	}
	return strings.TrimSpace(answer.String())
}

func picture(t *testing.T, e *engine.Engine, name string) *engine.Picture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	img, err := vision.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.NewPicture(img, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sound(t *testing.T, e *engine.Engine, name string) *engine.Clip {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	w, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	if err := clip.Push(w.Samples); err != nil {
		t.Fatal(err)
	}
	clip.End()
	return clip
}
