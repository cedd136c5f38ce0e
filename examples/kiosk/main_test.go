package main

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hark/audio/wav"
)

const samples = "../../testdata/samples/"

// TestTheKioskHearsSeesAndTurnsPages holds two turns with the model that hark
// carries: a spoken question, then a written wish that takes a tool.
func TestTheKioskHearsSeesAndTurnsPages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "answer.wav")
	var out strings.Builder
	err := run(t.Context(), options{
		instructions: instructions, in: samples + "kiosk-4.wav", ask: "Show me the menu page.", out: file,
	}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"agent: The cookie costs 6 euros.\n", "[the screen shows: menu]\n", `[show_page {"page":"menu"}: {"ok": true}]`, "agent: Here is the menu page.\n", "user:  "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the kiosk said\n%s\nwant %q in it", &out, want)
		}
	}
	if _, err := exec.LookPath("espeak-ng"); err == nil {
		loud(t, file)
	}
}

func TestTheKioskSeesAPicture(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), options{
		instructions: "You are a helpful assistant that can hear and see.",
		in:           samples + "picture-spoken-6.wav", picture: samples + "picture-spoken-6.png",
	}, &out)
	if want := "agent: I see a camera.\n"; err != nil || !strings.Contains(out.String(), want) {
		t.Errorf("the kiosk said\n%s%v\nwant %q in it", &out, err, want)
	}
}

func TestAMissingFileIsSaidBeforeAnybodySpeaks(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), options{in: "no.wav"}, &out); !errors.Is(err, fs.ErrNotExist) || out.Len() > 0 {
		t.Errorf("run = %v, %q", err, &out)
	}
}

// loud demands more than two seconds of a voice in a WAV file.
func loud(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, s := range clip.Samples {
		sum += float64(s) * float64(s)
	}
	if seconds := float64(len(clip.Samples)) / float64(clip.Rate); seconds < 2 || math.Sqrt(sum/float64(len(clip.Samples))) < 0.01 {
		t.Errorf("the voice is %.1f s long with a mean square of %v", seconds, sum)
	}
}
