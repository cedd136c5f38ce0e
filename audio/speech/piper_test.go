//go:build piper

package speech

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// These tests need a voice of Piper and ONNX Runtime: make piper.

func openVoice(t testing.TB) Speaker {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("PIPER"), "*.onnx"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no voice in %q", os.Getenv("PIPER"))
	}
	s, err := Open(OpenOptions{Piper: found[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestPiperSpeaks(t *testing.T) {
	s := openVoice(t)
	text := "Well, thirteen plus five is **eighteen**. Is that right?"
	sound, _, err := say(t.Context(), s, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	seconds := float64(len(sound.Samples)) / float64(s.Rate())
	var power float64
	for _, x := range sound.Samples {
		power += float64(x * x)
	}
	rms := math.Sqrt(power / float64(len(sound.Samples)))
	if seconds < 2 || seconds > 6 || rms < 0.01 || len(sound.Words) != 9 {
		t.Errorf("%.2f s, RMS %.3f, words %+v", seconds, rms, sound.Words)
	}
	for i, w := range sound.Words {
		if text[w.From:w.To] != w.Text || i > 0 && w.Start < sound.Words[i-1].End-1 || w.End > int64(len(sound.Samples)) {
			t.Errorf("word %+v", w)
		}
	}
	t.Logf("%.2f s, RMS %.3f, words %+v", seconds, rms, sound.Words)
	slow, _, err := say(t.Context(), s, text, Options{Speed: 0.5})
	if r := float64(len(slow.Samples)) / float64(len(sound.Samples)); err != nil || r < 1.6 || r > 2.4 {
		t.Errorf("half the speed takes %.2f of the time, %v", r, err)
	}
}

func TestPiperStops(t *testing.T) {
	s := openVoice(t)
	text := "This is a rather long sentence which takes some time to make, because it has very many words that are all to be said, one behind the other."
	for i := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*20)*time.Millisecond)
		begin := time.Now()
		_, _, err := say(ctx, s, text, Options{})
		cancel()
		if err == nil {
			break // it was faster
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		t.Logf("stopped %v late", time.Since(begin)-time.Duration(i*20)*time.Millisecond)
	}
}

func TestPiperIsUsedSideBySide(t *testing.T) {
	s := openVoice(t)
	done := make(chan error)
	for range 4 {
		go func() {
			_, _, err := say(t.Context(), s, "One two three.", Options{})
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkPiper(b *testing.B) {
	s := openVoice(b)
	var samples int
	for b.Loop() {
		sound, _, err := say(b.Context(), s, "Thirteen plus five is eighteen, and the weather is mild.", Options{})
		if err != nil {
			b.Fatal(err)
		}
		samples += len(sound.Samples)
	}
	b.ReportMetric(float64(samples)/float64(s.Rate())/b.Elapsed().Seconds(), "x-realtime")
}
