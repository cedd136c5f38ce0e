package frame

import (
	"math/rand/v2"
	"slices"
	"testing"

	"hark/audio"
)

func push(t *testing.T, s audio.FrontEnd, samples []float32, cuts ...int) []float32 {
	t.Helper()
	var rows []float32
	add := func(f audio.Features) {
		if want := int64(len(rows) / Width); f.Start != want || f.Width != Width || f.Hop != Width {
			t.Fatalf("features start %d width %d hop %d, want %d, %d, %d", f.Start, f.Width, f.Hop, want, Width, Width)
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

// TestRowsAreTheSamplesAndZeros covers counts, content and pieces: whatever
// the cuts, the rows are the samples, filled up to a multiple of 640.
func TestRowsAreTheSamplesAndZeros(t *testing.T) {
	t.Parallel()
	s := New() // one stream after the other on the same object
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 3))
		n := random.IntN(4000)
		if seed < 8 {
			n = []int{0, 1, 639, 640, 641, 1279, 1280, 1281}[seed]
		}
		want := make([]float32, (n+Width-1)/Width*Width)
		for i := range n {
			want[i] = random.Float32()*2 - 1
		}
		cuts := make([]int, random.IntN(40))
		for i := range cuts {
			cuts[i] = random.IntN(n + 1)
		}
		slices.Sort(cuts)
		if got := push(t, s, want[:n], cuts...); !slices.Equal(got, want) {
			t.Fatalf("seed %d: rows of %d samples differ", seed, n)
		}
	}
}

func TestPushDoesNotAllocateOnceWarm(t *testing.T) {
	s, samples := New(), make([]float32, 320)
	s.Push(make([]float32, 1280))
	if n := testing.AllocsPerRun(100, func() { s.Push(samples) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func TestForkGoesOnAlone(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	a, b := make([]float32, 3000), make([]float32, 2000)
	for i := range a {
		a[i] = random.Float32()
	}
	for i := range b {
		b[i] = random.Float32()
	}
	for _, cut := range []int{0, 1, 639, 640, 2000} {
		s := New()
		head := slices.Clone(s.Push(a[:cut]).Data)
		f := s.Fork()
		fork := append(slices.Clone(f.Push(b).Data), f.Flush().Data...)
		rest := append(slices.Clone(s.Push(a[cut:]).Data), s.Flush().Data...)
		if !slices.Equal(slices.Concat(head, rest), push(t, New(), a)) {
			t.Errorf("cut %d: the stream noticed its fork", cut)
		}
		if !slices.Equal(slices.Concat(head, fork), push(t, New(), slices.Concat(a[:cut], b))) {
			t.Errorf("cut %d: the fork is not a copy", cut)
		}
	}
}
