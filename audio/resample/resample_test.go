package resample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hark/audio"
)

func newStream(t testing.TB, from, to audio.Rate) *Stream {
	t.Helper()
	s, err := New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// whole returns what a new stream makes of in, with its end.
func whole(t testing.TB, from, to audio.Rate, in []float32) []float32 {
	t.Helper()
	s := newStream(t, from, to)
	out := slices.Clone(s.Push(in))
	return append(out, s.Flush()...)
}

// tone returns n samples of a sine of the given frequency.
func tone(rate audio.Rate, hz float64, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// ratios are pairs of rates of every kind: 3:1, phone, CD, coprime (which
// interpolate), the largest ratios.
var ratios = [][2]audio.Rate{
	{48000, 16000}, {24000, 16000}, {16000, 24000}, {44100, 16000}, {8000, 16000}, {22050, 16000},
	{16000, 48000}, {44100, 48000}, {16000, 16000}, {192000, 4000}, {4000, 192000}, {44101, 16000}, {16000, 15999}, {47999, 4001},
}

func TestPushPiecesEqualWhole(t *testing.T) {
	t.Parallel()
	for i, ratio := range ratios {
		from, to := ratio[0], ratio[1]
		random := rand.New(rand.NewPCG(uint64(i), 1))
		in := make([]float32, min(9000, 40000*int(from)/int(to)))
		for i := range in {
			in[i] = random.Float32()*2 - 1
		}
		want := whole(t, from, to, in)
		s := newStream(t, from, to)
		for range 2 { // the stream is used again after Flush
			var got []float32
			for rest := in; len(rest) > 0; {
				n := random.IntN(min(len(rest), 1000) + 1)
				got = append(got, s.Push(rest[:n])...)
				rest = rest[n:]
			}
			got = append(got, s.Flush()...)
			if !slices.Equal(got, want) {
				t.Fatalf("%d to %d, seed %d: pieces differ from the whole", from, to, i)
			}
		}
	}
}

func TestLengthIsExact(t *testing.T) {
	t.Parallel()
	for _, ratio := range ratios {
		from, to := ratio[0], ratio[1]
		s := newStream(t, from, to) // one stream after the other
		for _, n := range []int{0, 1, 2, 3, 7, 100, 479, 480, 1000} {
			want := (n*int(to) + int(from) - 1) / int(from)
			if got := len(s.Push(make([]float32, n))) + len(s.Flush()); got != want {
				t.Errorf("%d to %d: %d samples become %d, want %d", from, to, n, got, want)
			}
		}
	}
}

// TestTonesKeepTimeAndLevel compares the middle of a resampled sine with the
// sine at the times of the output, which proves level, phase and alignment.
func TestTonesKeepTimeAndLevel(t *testing.T) {
	t.Parallel()
	for _, ratio := range ratios {
		from, to := ratio[0], ratio[1]
		nyquist := float64(min(from, to)) / 2
		for _, part := range []float64{0.02, 0.3, 0.7} {
			hz := part * nyquist
			out := whole(t, from, to, tone(from, hz, int(from)/10))
			edge := int(float64(to) * 80 / float64(min(from, to)))
			var signal, noise float64
			for k := edge; k < len(out)-edge; k++ {
				want := 0.5 * math.Sin(2*math.Pi*hz*float64(k)/float64(to))
				signal += want * want
				noise += (float64(out[k]) - want) * (float64(out[k]) - want)
			}
			if ratio := 10 * math.Log10(signal/noise); ratio < 90 {
				t.Errorf("%d to %d: %.0f Hz has %.1f dB of signal to noise, want 90", from, to, hz, ratio)
			}
		}
	}
}

// level returns the level of a tone after resampling, in dB to what went in.
func level(t *testing.T, from, to audio.Rate, hz float64) float64 {
	t.Helper()
	out := whole(t, from, to, tone(from, hz, int(from)/10))
	edge := int(float64(to) * 80 / float64(min(from, to)))
	power := 0.0
	for _, v := range out[edge : len(out)-edge] {
		power += float64(v) * float64(v)
	}
	return 10 * math.Log10(power/float64(len(out)-2*edge)/0.125)
}

func TestBandEdges(t *testing.T) {
	t.Parallel()
	for _, ratio := range ratios {
		from, to := ratio[0], ratio[1]
		if from == to {
			continue
		}
		nyquist := float64(min(from, to)) / 2
		if got := level(t, from, to, 0.9*nyquist); math.Abs(got) > 0.4 {
			t.Errorf("%d to %d: %.2f dB at 0.9 of Nyquist", from, to, got)
		}
		for _, part := range []float64{1.04, 1.1, 1.3, 1.75} {
			if hz := part * nyquist; hz < float64(from)/2 {
				if got := level(t, from, to, hz); got > -90 {
					t.Errorf("%d to %d: %.0f Hz folds back at %.1f dB", from, to, hz, got)
				}
			}
		}
	}
}

func TestConstantStaysConstant(t *testing.T) {
	t.Parallel()
	for _, ratio := range ratios {
		in := make([]float32, min(20000, 40000*int(ratio[0])/int(ratio[1])))
		for i := range in {
			in[i] = 0.25
		}
		out := whole(t, ratio[0], ratio[1], in)
		for k := len(out) / 3; k < 2*len(out)/3; k++ {
			if math.Abs(float64(out[k])-0.25) > 3e-7 {
				t.Fatalf("%d to %d: sample %d = %g, want 0.25", ratio[0], ratio[1], k, out[k])
			}
		}
	}
}

// TestDelayIsWhatIsHeldBack pushes a tenth of a second and counts what is
// missing.
func TestDelayIsWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	for _, ratio := range ratios {
		s := newStream(t, ratio[0], ratio[1])
		in := int(ratio[0]) / 10
		given := len(s.Push(make([]float32, in)))
		missing := time.Duration(in)*time.Second/time.Duration(ratio[0]) - time.Duration(given)*time.Second/time.Duration(ratio[1])
		step := time.Second / time.Duration(min(ratio[0], ratio[1]))
		if d := missing - s.Delay(); d < -step || d > step {
			t.Errorf("%d to %d: %v held back, Delay says %v", ratio[0], ratio[1], missing, s.Delay())
		}
		if limit := 41 * step; s.Delay() > limit {
			t.Errorf("%d to %d: Delay = %v, want at most %v", ratio[0], ratio[1], s.Delay(), limit)
		}
	}
}

// TestTablesAreBounded walks over awkward pairs of rates.
func TestTablesAreBounded(t *testing.T) {
	t.Parallel()
	for _, ratio := range append(ratios, [2]audio.Rate{191999, 4001}, [2]audio.Rate{4001, 191999}, [2]audio.Rate{4001, 4003}) {
		s := newStream(t, ratio[0], ratio[1])
		if s.filter != nil && cap(s.filter.table) > maxTable {
			t.Errorf("%d to %d: table of %d values", ratio[0], ratio[1], cap(s.filter.table))
		}
	}
}

func TestNewRefusesRatesOutOfRange(t *testing.T) {
	t.Parallel()
	for _, ratio := range [][2]audio.Rate{{0, 16000}, {16000, 0}, {-1, 16000}, {3999, 16000}, {16000, 192001}} {
		if s, err := New(ratio[0], ratio[1]); err == nil || s != nil {
			t.Errorf("New(%d, %d) = %v, %v", ratio[0], ratio[1], s, err)
		}
	}
}

func TestPushDoesNotAllocateOnceWarm(t *testing.T) {
	s, in := newStream(t, 48000, 16000), make([]float32, 960)
	s.Push(make([]float32, 9600))
	if n := testing.AllocsPerRun(100, func() { s.Push(in) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func BenchmarkPush(b *testing.B) {
	for _, ratio := range [][2]audio.Rate{{48000, 16000}, {24000, 16000}, {44100, 16000}, {8000, 16000}, {44101, 16000}} {
		b.Run(fmt.Sprintf("from=%d/to=%d", ratio[0], ratio[1]), func(b *testing.B) {
			s, in := newStream(b, ratio[0], ratio[1]), tone(ratio[0], 440, int(ratio[0])/50)
			for b.Loop() {
				s.Push(in)
			}
			b.ReportMetric(float64(b.N)*0.02/b.Elapsed().Seconds(), "x-realtime")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, ratio := range [][2]audio.Rate{{48000, 16000}, {44100, 16000}, {44101, 16000}} {
		b.Run(fmt.Sprintf("from=%d/to=%d", ratio[0], ratio[1]), func(b *testing.B) {
			for b.Loop() {
				newStream(b, ratio[0], ratio[1])
			}
		})
	}
}
