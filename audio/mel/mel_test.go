package mel

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"hark/audio"
	"hark/audio/wav"
)

// noise returns n samples: tones over noise, with a silent stretch.
func noise(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	samples := make([]float32, n)
	for i := range samples {
		if i > n/3 && i < n/3+900 {
			continue
		}
		t := float64(i) / 16000
		samples[i] = float32(0.4*math.Sin(2*math.Pi*310*t) + 0.2*math.Sin(2*math.Pi*(200+900*t)*t) + 0.05*random.NormFloat64())
	}
	return samples
}

// push returns the rows of samples, cut at the given places, as one slice.
func push(t *testing.T, s audio.FrontEnd, samples []float32, cuts ...int) []float32 {
	t.Helper()
	var rows []float32
	add := func(f audio.Features) {
		if want := int64(len(rows) / Bins); f.Start != want || f.Width != Bins || f.Hop != Hop {
			t.Fatalf("features start %d width %d hop %d, want %d, %d, %d", f.Start, f.Width, f.Hop, want, Bins, Hop)
		}
		rows = append(rows, f.Data...)
	}
	at := 0
	for _, cut := range append(cuts, len(samples)) {
		add(s.Push(samples[at:cut]))
		at = cut
	}
	add(s.Flush())
	return rows
}

// reference computes the rows as gemma4.md 11.1 states them, in float64 and
// with the defining sum of the transform.
func reference(samples []float32) []float32 {
	rows := max(0, (len(samples)-1)/160)
	edges := make([]float64, 130)
	for i := range edges {
		mel := 2595 * math.Log10(1+8000.0/700) / 129 * float64(i)
		edges[i] = 700 * (math.Pow(10, mel/2595) - 1)
	}
	var out []float32
	for row := range rows {
		var x [320]float64
		for n := range x {
			if at := 160*row - 160 + n; at >= 0 {
				x[n] = float64(samples[at]) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/320))
			}
		}
		var magnitude [257]float64
		for k := range magnitude {
			var sum complex128
			for n, v := range x {
				sum += complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*n%512)/512))
			}
			magnitude[k] = cmplx.Abs(sum)
		}
		for m := range 128 {
			sum := 0.0
			for k, v := range magnitude {
				hz := float64(k) * 31.25
				up := (hz - edges[m]) / (edges[m+1] - edges[m])
				down := (edges[m+2] - hz) / (edges[m+2] - edges[m+1])
				sum += v * max(0, min(up, down))
			}
			out = append(out, float32(math.Log(sum+0.001)))
		}
	}
	return out
}

func TestRowsEqualExactArithmetic(t *testing.T) {
	t.Parallel()
	samples := noise(6000, 1)
	got, want := push(t, New(), samples), reference(samples)
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	worst := 0.0
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	if worst > 1e-6 {
		t.Errorf("largest difference %g, want at most 1e-6", worst)
	}
}

func TestPushPiecesEqualWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		samples := noise(random.IntN(5000), seed)
		whole := push(t, New(), samples)
		cuts := make([]int, random.IntN(60))
		for i := range cuts {
			cuts[i] = random.IntN(len(samples) + 1)
		}
		slices.Sort(cuts)
		if got := push(t, New(), samples, cuts...); !slices.Equal(got, whole) {
			t.Fatalf("seed %d: pieces differ from the whole", seed)
		}
	}
}

// TestRowCount walks over lengths round the ends of rows.
func TestRowCount(t *testing.T) {
	t.Parallel()
	s := New() // one stream after the other on the same object
	for _, n := range []int{0, 1, 159, 160, 161, 320, 321, 480, 481, 640, 641, 801, 16000, 16001} {
		want := 0
		if n > 0 {
			want = (n - 1) / 160
		}
		if got := len(push(t, s, make([]float32, n))) / Bins; got != want {
			t.Errorf("%d samples: %d rows, want %d", n, got, want)
		}
	}
}

func TestSilenceIsTheFloor(t *testing.T) {
	t.Parallel()
	want := float32(math.Log(0.001))
	for i, v := range push(t, New(), make([]float32, 1000)) {
		if v != want {
			t.Fatalf("value %d = %g, want %g", i, v, want)
		}
	}
}

func TestFilterZeroIsEmpty(t *testing.T) {
	t.Parallel()
	filters, _ := bank()
	for m, f := range filters {
		if (f.n == 0) != (m == 0) {
			t.Errorf("filter %d has %d bins", m, f.n)
		}
	}
}

func TestPushDoesNotAllocateOnceWarm(t *testing.T) {
	s, samples := New(), noise(320, 3)
	s.Push(noise(3200, 2))
	if n := testing.AllocsPerRun(100, func() { s.Push(samples) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func BenchmarkPush(b *testing.B) {
	s, samples := New(), noise(320, 3)
	for b.Loop() {
		s.Push(samples)
	}
	b.ReportMetric(float64(b.N)*0.02/b.Elapsed().Seconds(), "x-realtime")
}

// TestRowsEqualTheReference compares with transformers' feature extractor,
// which works in float32 and is itself off by up to 5e-4 near silence.
func TestRowsEqualTheReference(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../vad/testdata/speech.wav")
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/transformers.f32")
	if err != nil {
		t.Fatal(err)
	}
	got := push(t, New(), clip.Samples[5000:21000])
	if 4*len(got) != len(golden) {
		t.Fatalf("%d values, want %d", len(got), len(golden)/4)
	}
	worst := 0.0
	for i, v := range got {
		want := math.Float32frombits(binary.LittleEndian.Uint32(golden[4*i:]))
		worst = max(worst, math.Abs(float64(v-want)))
	}
	if !(worst <= 1e-3) {
		t.Errorf("largest difference %g, want at most 1e-3", worst)
	}
	t.Logf("largest difference %g", worst)
}

// TestForkGoesOnAlone pushes different samples to a stream and to its fork.
func TestForkGoesOnAlone(t *testing.T) {
	t.Parallel()
	a, b := noise(5000, 1), noise(4000, 2)
	for _, cut := range []int{0, 1, 159, 160, 161, 777, 3000} {
		s := New()
		head := slices.Clone(s.Push(a[:cut]).Data)
		f := s.Fork()
		fork := slices.Clone(f.Push(b).Data)
		if got, want := append(slices.Clone(head), s.Push(a[cut:]).Data...), push(t, New(), a); !slices.Equal(got, want) {
			t.Errorf("cut %d: the stream noticed its fork", cut)
		}
		if got, want := append(head, fork...), push(t, New(), slices.Concat(a[:cut], b)); !slices.Equal(got, want) {
			t.Errorf("cut %d: the fork is not a copy", cut)
		}
	}
}
