package main

import (
	"os"
	"path/filepath"
	"testing"

	"hark/audio/flac"
	"hark/audio/pcm"
	"hark/audio/wav"
)

// Files of every format that the server takes are heard here, too.
func TestChatHearsOtherFormatsThanWAV(t *testing.T) {
	from := filepath.Join("..", "..", "testdata", "samples", "question-0.wav")
	want, err := readSound(from)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	steps := make([]int16, len(clip.Samples))
	for i, v := range clip.Samples {
		steps[i] = int16(v * 32768)
	}
	data, err = flac.Encode(clip.Rate, steps)
	to := filepath.Join(t.TempDir(), "question.flac")
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := readSound(to)
	if err != nil || string(pcm.Append(nil, pcm.PCM16, got)) != string(pcm.Append(nil, pcm.PCM16, want)) {
		t.Errorf("%d samples, %v, want the %d of the WAV", len(got), err, len(want))
	}
}
