//go:build ffmpeg

package ffmpeg

import (
	"bytes"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestRealProgram decodes what ffmpeg itself makes: three seconds of a test
// picture that changes, with a tone.
func TestRealProgram(t *testing.T) {
	p, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.mp4", "x.webm", "x.avi", "x.m4a", "x.aac"} {
		path := filepath.Join(t.TempDir(), name)
		args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=3"}
		video := name == "x.mp4" || name == "x.webm" || name == "x.avi"
		if video {
			args = append(args, "-f", "lavfi", "-i", "testsrc=size=800x400:rate=10:duration=3", "-pix_fmt", "yuv420p")
		}
		if out, err := exec.Command("ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := p.Sound(t.Context(), file, 10)
		if n := len(samples); err != nil || n < 47000 || n > 50000 {
			t.Errorf("%s: %d samples, %v", name, n, err)
		}
		frames, err := p.Frames(t.Context(), file, 10)
		if !video {
			if err == nil {
				t.Errorf("%s has frames", name)
			}
			continue
		}
		if err != nil || len(frames) != 6 || frames[5].At != 2500*time.Millisecond {
			t.Fatalf("%s: %d frames, %v", name, len(frames), err)
		}
		if img, err := jpeg.Decode(bytes.NewReader(frames[5].JPEG)); err != nil || img.Bounds().Dx() != 640 || img.Bounds().Dy() != 320 {
			t.Errorf("%s: %v", name, err)
		}
	}
	tone := make([]int16, 24000)
	for i := range tone {
		tone[i] = int16(i % 48 * 500)
	}
	for _, format := range []string{"mp3", "aac"} {
		file, err := p.Encode(t.Context(), tone, 24000, format)
		if err != nil || len(file) < 1000 {
			t.Errorf("%s: %d bytes, %v", format, len(file), err)
		}
	}
}
