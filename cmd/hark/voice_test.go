package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/audio/speech"
)

func TestVoicesThatAreNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	log := slog.New(slog.DiscardHandler)
	for _, name := range []string{speech.Auto, speech.None} {
		if s, err := (&voiceFlags{Voice: name}).openVoice(log); s != nil || err != nil {
			t.Errorf("--voice %s: %v, %v", name, s, err)
		}
	}
	for _, name := range []string{speech.Espeak, "parrot", "piper:/nowhere.onnx"} {
		s, err := (&voiceFlags{Voice: name}).openVoice(log)
		if s != nil || err == nil || !strings.Contains(err.Error(), "--voice "+name) {
			t.Errorf("--voice %s: %v, %v", name, s, err)
		}
	}
}

// A voice that is installed but broken does not keep hark from starting.
func TestBrokenVoiceIsPassedOver(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(config, "hark", "voices")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.onnx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := installedVoice(); filepath.Base(got) != "a.onnx" {
		t.Errorf("installedVoice = %q", got)
	}
	var lines strings.Builder
	s, err := (&voiceFlags{Voice: speech.Auto}).openVoice(slog.New(slog.NewTextHandler(&lines, nil)))
	if s != nil || err != nil || !strings.Contains(lines.String(), "cannot be used") {
		t.Errorf("%v, %v, log %q", s, err, lines.String())
	}
}
