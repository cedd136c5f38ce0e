package piper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const good = `{"audio":{"sample_rate":22050},"espeak":{"voice":"en-us"},"inference":{"noise_scale":0.5,"length_scale":1.1,"noise_w":0.7},
	"num_speakers":1,"phoneme_type":"espeak","phoneme_id_map":{"_":[0],"^":[1],"$":[2]," ":[3],"a":[14],"ˈ":[120],"x":[36,37]}}`

func TestPhonemesBecomeIDsWithPaddingBetween(t *testing.T) {
	c, err := parseConfig([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.encode("ˈa☃ x"), []int64{1, 0, 120, 0, 14, 0, 3, 0, 36, 37, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if got, want := c.encode(""), []int64{1, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if v := (&Voice{config: *c}); v.Rate() != 22050 || v.Language() != "en-us" || v.Speakers() != 1 {
		t.Errorf("voice %d, %q, %d", v.Rate(), v.Language(), v.Speakers())
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"22050", "7", "sample_rate"},
		{`"en-us"`, `""`, "espeak.voice"},
		{`"espeak",`, `"text",`, "phoneme_type"},
		{`"^":[1],`, ``, `no "^"`},
		{`"^":[1]`, `"^":[]`, `no "^"`},
		{`"^":[1]`, `"^":"x"`, "cannot unmarshal"},
		{good, `[]`, "cannot unmarshal"},
		{good, ``, "JSON"},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		if _, err := parseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s for %s: %v", tt.new, tt.old, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(good), "ˈa x")
	f.Fuzz(func(t *testing.T, data []byte, phonemes string) {
		if c, err := parseConfig(data); err == nil {
			c.encode(phonemes)
		}
	})
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "v.onnx")
	open := func() error {
		_, err := Open(path, Options{})
		return err
	}
	if err := open(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "configuration") {
		t.Errorf("without a configuration: %v", err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("v.onnx.json", make([]byte, maxConfigBytes+1))
	if err := open(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxConfigBytes)) {
		t.Errorf("with a long configuration: %v", err)
	}
	write("v.onnx.json", []byte(good))
	if err := open(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a voice: %v", err)
	}
	write("v.onnx", []byte("not a network"))
	write("libonnxruntime.so", []byte("not a library"))
	if _, err := Open(path, Options{Runtime: filepath.Join(dir, "libonnxruntime.so")}); !errors.Is(err, ErrNoRuntime) {
		t.Errorf("without a runtime: %v", err)
	}
}

func TestLongTextsAreRefused(t *testing.T) {
	c, err := parseConfig([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	v := &Voice{config: *c}
	if _, err := v.Synthesize(context.Background(), strings.Repeat("a", 2*maxPhonemes), 1, 0); err == nil || !strings.Contains(err.Error(), "phonemes") {
		t.Errorf("%v", err)
	}
}
