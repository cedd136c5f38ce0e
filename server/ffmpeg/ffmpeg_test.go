package ffmpeg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// stand returns a program that is a shell script in the place of ffmpeg, which
// need not be installed.
func stand(t *testing.T, script string) *Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var mp4 = []byte("\x00\x00\x00\x1cftypM4A and so on")

func TestChildReadsTheFileAndNothingElse(t *testing.T) {
	p := stand(t, `case "$*" in *"-f mov -i /dev/fd/3"*) ;; *) exit 1;; esac; /bin/cat /dev/fd/3; /usr/bin/env | /usr/bin/wc -l >&2`)
	samples, err := p.Sound(t.Context(), mp4, 10)
	if err != nil || len(samples) != len(mp4)/2 {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	left, err := filepath.Glob("/dev/shm/hark-*")
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestChildrenAreBounded(t *testing.T) {
	if _, err := stand(t, "echo; exec /bin/cat /dev/zero").Sound(t.Context(), mp4, 1); !errors.Is(err, ErrTooLong) {
		t.Errorf("endless output: %v", err)
	}
	if _, err := stand(t, "/usr/bin/head -c 40000 /dev/zero").Sound(t.Context(), mp4, 1); !errors.Is(err, ErrTooLong) {
		t.Errorf("1.25 s of at most 1: %v", err)
	}
	if _, err := stand(t, "echo moov atom not found >&2; exit 1").Sound(t.Context(), mp4, 1); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "moov") {
		t.Errorf("a broken file: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := stand(t, "exec /bin/sleep 60").Sound(ctx, mp4, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("a child that hangs: %v after %v", err, time.Since(start))
	}
}

func TestFramesAreSpreadEvenly(t *testing.T) {
	p := stand(t, `i=0; while [ $i -lt 100 ]; do printf '\377\330%d\377\331' $i; i=$((i+1)); done`)
	frames, err := p.Frames(t.Context(), mp4, 60)
	if err != nil || len(frames) != maxFrames {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for k, f := range frames {
		want := k * 100 / maxFrames
		if f.At != time.Duration(want)*time.Second/2 || !strings.HasPrefix(string(f.JPEG), "\xff\xd8") || !strings.HasSuffix(string(f.JPEG), "\xff\xd9") {
			t.Errorf("frame %d at %v: %q", k, f.At, f.JPEG)
		}
	}
	if _, err := p.Frames(t.Context(), mp4, 49); !errors.Is(err, ErrTooLong) {
		t.Errorf("50 s of at most 49: %v", err)
	}
	if _, err := stand(t, "exit 0").Frames(t.Context(), mp4, 60); !errors.Is(err, ErrInvalid) {
		t.Errorf("no frames: %v", err)
	}
}

func TestOtherFormatsAndNoProgram(t *testing.T) {
	p := stand(t, "exit 0")
	for _, file := range []string{"#EXTM3U\nfile:///etc/passwd", "ffconcat version 1.0", "", "RIFF\x00\x00\x00\x00WAVE"} {
		if _, err := p.Sound(t.Context(), []byte(file), 1); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", file, err)
		}
	}
	if _, err := Find("no-such-program"); !errors.Is(err, ErrMissing) {
		t.Errorf("no program: %v", err)
	}
	if _, err := (*Program)(nil).Sound(t.Context(), mp4, 1); !errors.Is(err, ErrMissing) {
		t.Errorf("no program: %v", err)
	}
}
