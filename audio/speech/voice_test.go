//go:build voice

package speech

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests need espeak-ng: make unit.

func open(t testing.TB) Speaker {
	t.Helper()
	s, err := Open(OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEspeakSpeaks(t *testing.T) {
	s := open(t)
	sound, _, err := say(t.Context(), s, "Thirteen plus five is **eighteen**.", Options{Voice: "marin"})
	if err != nil {
		t.Fatal(err)
	}
	seconds := float64(len(sound.Samples)) / float64(s.Rate())
	if seconds < 1 || seconds > 3 || len(sound.Words) != 5 || sound.Words[4].Text != "eighteen**." {
		t.Errorf("%.2f s, words %+v", seconds, sound.Words)
	}
}

// The library of espeak-ng 1.51 tells by its events where these words begin,
// in samples at 22050.
func TestWordsBeginWhereTheLibrarySaysSo(t *testing.T) {
	s := open(t)
	for _, tt := range []struct {
		text   string
		starts []int64
	}{
		{"Thirteen plus five is eighteen.", []int64{0, 9315, 15926, 22403, 25603}},
		{"Well, the cat sat on the mat, and of the three it was best.",
			[]int64{0, 11426, 13819, 20676, 26981, -1, 31748, 43504, 47048, -1, 51968, 56665, 60196, 64415}},
	} {
		sound, _, err := say(t.Context(), s, tt.text, Options{})
		if err != nil || len(sound.Words) != len(tt.starts) {
			t.Fatalf("%d words, %v", len(sound.Words), err)
		}
		var off []float64
		for i, want := range tt.starts {
			if want >= 0 {
				off = append(off, math.Abs(float64(sound.Words[i].Start-want))/22.05)
			}
		}
		slices.Sort(off)
		if median, worst := off[len(off)/2], off[len(off)-1]; median > 50 || worst > 150 {
			t.Errorf("%q: off by %.0f ms in the median, %.0f at worst", tt.text, median, worst)
		} else {
			t.Logf("%q: off by %.0f ms in the median, %.0f at worst", tt.text, median, worst)
		}
	}
}

func TestSpeedAndLanguages(t *testing.T) {
	s := open(t)
	length := func(text string, o Options) int {
		sound, _, err := say(t.Context(), s, text, o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		return len(sound.Samples)
	}
	text := "The weather is mild and the sky is clear today."
	slow, normal, fast := length(text, Options{Speed: 0.5}), length(text, Options{}), length(text, Options{Speed: 1.5})
	if r := float64(slow) / float64(normal); r < 1.7 || r > 2.3 {
		t.Errorf("half the speed takes %.2f of the time", r)
	}
	if r := float64(fast) / float64(normal); r < 0.55 || r > 0.8 {
		t.Errorf("1.5 times the speed takes %.2f of the time", r)
	}
	if german := length(text, Options{Language: "de"}); german == normal {
		t.Error("German sounds like English")
	}
	for _, text := range []string{"Привет, как дела?", "你好，世界。", "안녕하세요.", "Καλημέρα σας.", "नमस्ते।", "Guten Tag, wie ist das Wetter und der Wind?"} {
		if length(text, Options{}) < s.Rate()/4 {
			t.Errorf("%q is not spoken", text)
		}
	}
}

func TestNoTwoVoicesSoundAlike(t *testing.T) {
	s := open(t)
	type mark struct{ pitch, timbre float64 }
	marks := map[string]mark{}
	for _, name := range append(s.Voices(), "") {
		sound, _, err := say(t.Context(), s, "Thirteen plus five is eighteen, and the weather is mild.", Options{Voice: name})
		if err != nil {
			t.Fatal(err)
		}
		m := mark{pitch(sound.Samples, s.Rate()), timbre(sound.Samples)}
		for other, o := range marks {
			if math.Abs(m.pitch/o.pitch-1) < 0.06 && math.Abs(m.timbre/o.timbre-1) < 0.08 {
				t.Errorf("%q and %q sound alike: %+v, %+v", name, other, m, o)
			}
		}
		marks[name] = m
		t.Logf("%-8s %.0f Hz, timbre %.3f", name, m.pitch, m.timbre)
	}
}

// pitch returns the median fundamental frequency, by autocorrelation.
func pitch(x []float32, rate int) float64 {
	var all []float64
	for i := 0; i+2048 < len(x); i += 1024 {
		w := x[i : i+1024]
		best, at := 0., 0
		var power float64
		for _, v := range w {
			power += float64(v * v)
		}
		for lag := rate / 400; lag < rate/60; lag++ {
			var sum float64
			for k, v := range w {
				sum += float64(v * x[i+k+lag])
			}
			if sum > best {
				best, at = sum, lag
			}
		}
		if power > 1 && best > power/2 {
			all = append(all, float64(rate)/float64(at))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// timbre returns the part of the power that a first difference lets through:
// more for a bright voice.
func timbre(x []float32) float64 {
	var power, high float64
	for i := 1; i < len(x); i++ {
		power += float64(x[i] * x[i])
		high += float64((x[i] - x[i-1]) * (x[i] - x[i-1]))
	}
	return math.Sqrt(high / power)
}

func TestCancelledSpeechLeavesNothing(t *testing.T) {
	s := open(t)
	long := strings.Repeat("This is a long text that nobody will hear to its end. ", 200)
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(i)*2*time.Millisecond, cancel)
		begin := time.Now()
		_, _, err := say(ctx, s, long, Options{})
		if err == nil {
			t.Error("said all")
		}
		if took := time.Since(begin) - time.Duration(i)*2*time.Millisecond; took > 100*time.Millisecond {
			t.Logf("stopped after %v", took)
		}
		timer.Stop()
		cancel()
	}
}

func BenchmarkSay(b *testing.B) {
	s := open(b)
	text := "Thirteen plus five is eighteen, and the weather is mild."
	var samples int
	for b.Loop() {
		sound, _, err := say(b.Context(), s, text, Options{})
		if err != nil {
			b.Fatal(err)
		}
		samples += len(sound.Samples)
	}
	b.ReportMetric(float64(samples)/float64(s.Rate())/b.Elapsed().Seconds(), "x-realtime")
}
