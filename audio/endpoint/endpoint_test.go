package endpoint

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

// pause returns a question that is broken off, a pause, the rest of it, and
// silence: 5.2 s. tools/turns/export.py builds the same.
func pause(t testing.TB) []float32 {
	t.Helper()
	data, err := os.ReadFile("../../testdata/samples/question-3.wav")
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
	const at = 20000
	return slices.Concat(clip.Samples[:at], make([]float32, 16000), clip.Samples[at:], make([]float32, 20000))
}

func TestFinishedEqualsTheTrainedModel(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	samples := pause(t)
	if len(want) != len(samples)/Step || len(want) < 100 {
		t.Fatalf("%d reference values for %d steps", len(want), len(samples)/Step)
	}
	s, worst := New(), 0.0
	for i, w := range want {
		s.Push(samples[i*Step:][:Step])
		worst = max(worst, math.Abs(float64(s.Finished())-w))
	}
	if !(worst <= 1e-4) {
		t.Errorf("largest difference %g, want at most 1e-4", worst)
	}
}

func TestPushPiecesEqualWhole(t *testing.T) {
	t.Parallel()
	samples := pause(t)[:40000]
	whole := New()
	whole.Push(samples)
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 6))
		s := New()
		for rest := samples; len(rest) > 0; {
			n := random.IntN(min(len(rest), 1500) + 1)
			s.Push(rest[:n])
			rest = rest[n:]
		}
		if s.Finished() != whole.Finished() {
			t.Fatalf("seed %d: pieces give %g, the whole %g", seed, s.Finished(), whole.Finished())
		}
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	samples := pause(t)[:20000]
	s := New()
	if s.Finished() != 0 {
		t.Errorf("%g before the first sample, want 0", s.Finished())
	}
	s.Push(samples)
	want := s.Finished()
	s.Push(samples[:700])
	s.Reset()
	if s.Finished() != 0 {
		t.Errorf("%g after Reset, want 0", s.Finished())
	}
	if s.Push(samples); s.Finished() != want {
		t.Errorf("%g after Reset, want %g", s.Finished(), want)
	}
}

// TestEstimatesStayProbabilities is about sound that no one trained with:
// silence, full scale, beyond it, and a minute of noise.
func TestEstimatesStayProbabilities(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for name, value := range map[string]func(i int) float32{
		"silence":    func(int) float32 { return 0 },
		"full scale": func(i int) float32 { return float32(1 - i/40%2*2) },
		"beyond":     func(i int) float32 { return 1000 * float32(1-i/40%2*2) },
		"noise":      func(int) float32 { return random.Float32()*2 - 1 },
	} {
		s, piece := New(), make([]float32, Step)
		for step := range 60 * int(Rate) / Step {
			for i := range piece {
				piece[i] = value(step*Step + i)
			}
			s.Push(piece)
			if p := s.Finished(); !(p >= 0 && p <= 1) {
				t.Fatalf("%s: %g after %d steps", name, p, step)
			}
		}
	}
}

// TestAutocorrelationEqualsTheSum compares the pitch bands with the defining
// sum.
func TestAutocorrelationEqualsTheSum(t *testing.T) {
	t.Parallel()
	random, f := rand.New(rand.NewPCG(2, 2)), newFront()
	var held [2 * Step]float32
	for i := range held {
		held[i] = float32(math.Sin(float64(i)/20)) + random.Float32()
	}
	row := f.row(&held)
	low := func(i int) float64 { return (float64(held[2*i]) + float64(held[2*i+1])) / 2 }
	for band, r := range f.ranges {
		want := math.Inf(-1)
		for lag := r[0]; lag <= r[1]; lag++ {
			var cross, own, moved float64
			for i := range span {
				cross += low(i) * low(i+lag)
				own += low(i) * low(i)
				moved += low(i+lag) * low(i+lag)
			}
			want = max(want, cross/math.Sqrt((own+quiet)*(moved+quiet)))
		}
		if got := float64(row[2*bands+band]); math.Abs(got-want) > 1e-5 {
			t.Errorf("band %d = %g, want %g", band, got, want)
		}
	}
}

func TestWeightsFillTheFile(t *testing.T) {
	t.Parallel()
	matrices := narrow*width + 3*memory*(narrow+memory) + middle*memory + middle
	rows := narrow + 2*3*memory + middle + 1
	if want := matrices + 4*(2*rows+2*width); len(packed) != want {
		t.Errorf("%d bytes, want %d", len(packed), want)
	}
	if len(packed) > 180<<10 {
		t.Errorf("%d bytes, want at most 180 KiB", len(packed))
	}
}

func TestPushDoesNotAllocate(t *testing.T) {
	s, samples := New(), make([]float32, Step)
	if n := testing.AllocsPerRun(20, func() { s.Push(samples) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func BenchmarkPush(b *testing.B) {
	s, samples := New(), pause(b)[16000:][:Step]
	for b.Loop() {
		s.Push(samples)
	}
	seconds := float64(Step) / float64(audio.ModelRate)
	b.ReportMetric(100*b.Elapsed().Seconds()/(float64(b.N)*seconds), "%-of-a-core")
}
