package vad

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hark/audio"
	"hark/audio/wav"
)

// speech returns the clip of testdata twice in a row, 3.1 s with two
// utterances.
func speech(t testing.TB) []float32 {
	t.Helper()
	data, err := os.ReadFile("testdata/speech.wav")
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if clip.Rate != Rate {
		t.Fatalf("rate %d, want %d", clip.Rate, Rate)
	}
	return append(slices.Clone(clip.Samples), clip.Samples...)
}

func TestProbabilitiesEqualTheReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/onnxruntime.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	frames := New().Push(speech(t))
	if len(frames) != len(want) || len(want) < 90 {
		t.Fatalf("%d frames, want %d", len(frames), len(want))
	}
	worst, spoken := 0.0, 0
	for i, f := range frames {
		if f.Start != int64(i*Window) {
			t.Fatalf("frame %d starts at %d, want %d", i, f.Start, i*Window)
		}
		worst = max(worst, math.Abs(float64(f.Probability)-want[i]))
		if f.Probability > 0.5 {
			spoken++
		}
	}
	if !(worst <= 1e-4) {
		t.Errorf("largest difference %g, want at most 1e-4", worst)
	}
	if spoken < len(frames)/4 || spoken > len(frames)*3/4 {
		t.Errorf("%d of %d frames are speech: the clip has both", spoken, len(frames))
	}
}

// TestProbabilitiesOfManyClipsEqualTheReference is about several speakers, at
// full level, at 3 % of it, and with noise.
func TestProbabilitiesOfManyClipsEqualTheReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/clips.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Clip          string
		Level, Noise  float32
		Probabilities []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	for _, c := range cases {
		data, err := os.ReadFile("../../testdata/samples/" + c.Clip + ".wav")
		if err != nil {
			t.Fatal(err)
		}
		clip, err := wav.Decode(data, nil)
		if err != nil {
			t.Fatal(err)
		}
		samples, state := slices.Clone(clip.Samples), uint32(1)
		for i := range samples {
			state = state*1664525 + 1013904223
			samples[i] = samples[i]*c.Level + (float32(state>>24)-127.5)/128*c.Noise
		}
		frames := New().Push(samples)
		if len(frames) != len(c.Probabilities) {
			t.Fatalf("%s: %d frames, want %d", c.Clip, len(frames), len(c.Probabilities))
		}
		worst := 0.0
		for i, f := range frames {
			worst = max(worst, math.Abs(float64(f.Probability)-c.Probabilities[i]))
		}
		if !(worst <= 1e-4) {
			t.Errorf("%s, level %g, noise %g: largest difference %g, want at most 1e-4", c.Clip, c.Level, c.Noise, worst)
		}
	}
}

// TestSpectrumEqualsTheSum compares the first layer's input with the defining
// sum of the transform, mirrored end included.
func TestSpectrumEqualsTheSum(t *testing.T) {
	t.Parallel()
	d := New()
	random := rand.New(rand.NewPCG(2, 2))
	for i := range d.held {
		d.held[i] = random.Float32()*2 - 1
	}
	d.spectrum()
	for step := range times {
		for k := range bins {
			var re, im float64
			for n := range 256 {
				at := 128*step + n
				if at >= len(d.held) {
					at = 2*(len(d.held)-1) - at
				}
				v := float64(d.held[at]) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/256))
				re += v * math.Cos(2*math.Pi*float64(k*n%256)/256)
				im += v * math.Sin(2*math.Pi*float64(k*n%256)/256)
			}
			got, want := float64(d.scratch.a[k*(times+2)+step+1]), math.Hypot(re, im)
			if math.Abs(got-want) > 1e-5 {
				t.Fatalf("bin %d of frame %d = %g, want %g", k, step, got, want)
			}
		}
	}
}

func TestWeightsFillTheFile(t *testing.T) {
	t.Parallel()
	w := load()
	n := len(w.gates) + 2*len(w.gateBias) + len(w.out) + 1 // both biases are in the file
	for _, c := range w.conv {
		n += len(c.weight) + len(c.bias)
	}
	if held := len(floats()); n != held {
		t.Errorf("%d values of %d", n, held)
	}
}

func TestPushPiecesEqualWhole(t *testing.T) {
	t.Parallel()
	samples := speech(t)[8000:18000]
	want := slices.Clone(New().Push(samples))
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 6))
		d := New()
		var got []Frame
		for rest := samples; len(rest) > 0; {
			n := random.IntN(min(len(rest), 1500) + 1)
			got = append(got, d.Push(rest[:n])...)
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: pieces differ from the whole", seed)
		}
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	samples := speech(t)[8000:16000]
	d := New()
	want := slices.Clone(d.Push(samples))
	d.Push(samples[:700])
	d.Reset()
	if got := d.Push(samples); !slices.Equal(got, want) {
		t.Error("a detector that was reset differs from a new one")
	}
}

func TestSilenceIsNotSpeech(t *testing.T) {
	t.Parallel()
	for _, f := range New().Push(make([]float32, 8000)) {
		if f.Probability > 0.1 {
			t.Fatalf("sample %d: %g in silence", f.Start, f.Probability)
		}
	}
}

func TestPushDoesNotAllocateOnceWarm(t *testing.T) {
	d, samples := New(), make([]float32, 512)
	d.Push(samples)
	if n := testing.AllocsPerRun(20, func() { d.Push(samples) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func BenchmarkPush(b *testing.B) {
	d, samples := New(), speech(b)[8000:][:Window]
	for b.Loop() {
		d.Push(samples)
	}
	seconds := float64(Window) / float64(audio.ModelRate)
	b.ReportMetric(float64(b.N)*seconds/b.Elapsed().Seconds(), "x-realtime")
}
