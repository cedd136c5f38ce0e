package sample

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hark/engine/token"
)

// random returns n logits between -12 and 12, some of them equal.
func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() * 3)
		if r.IntN(8) == 0 {
			out[i] = float32(r.IntN(5))
		}
	}
	return out
}

// distribution is the slow twin of Pick: the probability of every token, by
// sorting everything in float64.
func distribution(o *Options, logits []float32) []float64 {
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return 0
	})
	if o.TopK > 0 {
		order = order[:min(o.TopK, len(order))]
	}
	weights, total := make([]float64, len(order)), 0.0
	for i, id := range order {
		weights[i] = math.Exp(float64(logits[id]-logits[order[0]]) / float64(o.Temperature))
		total += weights[i]
	}
	p := float64(o.TopP)
	if p == 0 {
		p = 1
	}
	out, mass, kept := make([]float64, len(logits)), 0.0, 0.0
	for i, id := range order {
		if i > 0 && mass >= p*total || weights[i] < float64(o.MinP) {
			break
		}
		mass += weights[i]
		kept += weights[i]
		out[id] = weights[i]
	}
	for i := range out {
		out[i] /= kept
	}
	return out
}

func pick(t testing.TB, s *Sampler, logits []float32) Choice {
	t.Helper()
	c, err := s.Pick(logits)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTokensComeAsOftenAsTheyShould(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range []Options{
		{Temperature: 1},
		{Temperature: 0.7, TopK: 7},
		{Temperature: 1.3, TopP: 0.9},
		{Temperature: 1, TopP: 0.5},
		{Temperature: 1, TopP: 0.999},
		{Temperature: 2, MinP: 0.05},
		{Temperature: 1, TopK: 20, TopP: 0.8, MinP: 0.02},
		{Temperature: 3, TopP: 0.95, MinP: 0.1},
		{Temperature: 1, TopK: 64, TopP: 0.95},
		{Temperature: 100},
		{Temperature: 1, TopP: 1e-6},
	} {
		logits := random(r, 60)
		want := distribution(&o, logits)
		s := New(o)
		const draws = 40000
		count := make([]int, len(logits))
		for range draws {
			count[pick(t, s, logits).ID]++
		}
		for id, p := range want {
			if p == 0 && count[id] > 0 {
				t.Errorf("%+v: token %d was drawn and is not kept", o, id)
			}
			if sigma := math.Sqrt(p * (1 - p) * draws); math.Abs(float64(count[id])-p*draws) > 5*sigma+1 {
				t.Errorf("%+v: token %d came %d times, want %.0f", o, id, count[id], p*draws)
			}
		}
	}
}

// TestKeptTokensAreThoseOfTheTwin compares the last token kept in large
// vocabularies, where frequencies would show nothing.
func TestKeptTokensAreThoseOfTheTwin(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		logits := random(r, 3000)
		o := Options{Temperature: 0.2 + r.Float32(), TopP: 0.5 + r.Float32()*0.499}
		want := 0
		for _, p := range distribution(&o, logits) {
			if p > 0 {
				want++
			}
		}
		best, err := greatest(logits)
		if err != nil {
			t.Fatal(err)
		}
		last := New(o).nucleus(logits, logits[best])
		got := 0
		for i, v := range logits {
			if compare(candidate{v, int32(i)}, last) <= 0 {
				got++
			}
		}
		// Sums of thousands of weights in another order may differ by one.
		if got < want-1 || got > want+1 {
			t.Errorf("seed %d, %+v: %d tokens kept, want %d", seed, o, got, want)
		}
	}
}

func TestTopIsTheSortedBeginning(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		logits := random(r, 1+r.IntN(300))
		if r.IntN(4) == 0 {
			logits[r.IntN(len(logits))] = float32(math.Inf(-1))
		}
		k := 1 + r.IntN(320)
		var all []candidate
		for i, v := range logits {
			if !math.IsInf(float64(v), -1) {
				all = append(all, candidate{v, int32(i)})
			}
		}
		slices.SortFunc(all, compare)
		if got, want := top(nil, logits, k), all[:min(k, len(all))]; !slices.Equal(got, want) {
			t.Fatalf("seed %d: top %d of %d = %v, want %v", seed, k, len(logits), got, want)
		}
	}
}

func TestSameSeedSameTokens(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var steps [][]float32
	for range 200 {
		steps = append(steps, random(r, 500))
	}
	run := func(seed uint64) (ids []token.ID) {
		s := New(Options{Temperature: 1.5, TopP: 0.9, Seed: seed, Presence: 0.5})
		for _, logits := range steps {
			c := pick(t, s, logits)
			s.Observe(c.ID)
			ids = append(ids, c.ID)
		}
		return ids
	}
	if a, b := run(7), run(7); !slices.Equal(a, b) {
		t.Error("one seed gave two answers")
	}
	if slices.Equal(run(7), run(8)) {
		t.Error("two seeds gave one answer")
	}
}

func TestZeroOptionsPickTheFirstOfTheLikeliest(t *testing.T) {
	t.Parallel()
	c := pick(t, New(Options{}), []float32{1, 3, float32(math.Inf(-1)), 3})
	if c.ID != 1 || c.Top != nil || c.Logprob != 0 {
		t.Errorf("Pick = %+v, want token 1 alone", c)
	}
	c = pick(t, New(Options{LogProbs: 1}), []float32{1, 3, float32(math.Inf(-1)), 3})
	want := 3 - math.Log(math.Exp(1)+2*math.Exp(3))
	if math.Abs(float64(c.Logprob)-want) > 1e-5 {
		t.Errorf("Logprob = %v, want %v", c.Logprob, want)
	}
	if c := pick(t, New(Options{Temperature: 1e-9, TopK: 3}), []float32{1, 3, 2}); c.ID != 1 {
		t.Errorf("Pick at almost no temperature = %d, want 1", c.ID)
	}
}

func TestAlternativesAreTheModelsOwn(t *testing.T) {
	t.Parallel()
	logits := []float32{0, 2, 1, 2}
	s := New(Options{LogProbs: 3, Bias: map[token.ID]float32{2: 50}, Suppress: []token.ID{1, -4, 99}})
	c := pick(t, s, logits)
	if c.ID != 2 {
		t.Errorf("ID = %d, want 2, which the bias lifts", c.ID)
	}
	lse := math.Log(1 + math.Exp(1) + 2*math.Exp(2))
	for i, want := range []Alternative{{1, float32(2 - lse)}, {3, float32(2 - lse)}, {2, float32(1 - lse)}} {
		if got := c.Top[i]; got.ID != want.ID || math.Abs(float64(got.Logprob-want.Logprob)) > 1e-5 {
			t.Errorf("Top[%d] = %v, want %v", i, got, want)
		}
	}
	if len(c.Top) != 3 || math.Abs(float64(c.Logprob-c.Top[2].Logprob)) > 1e-6 {
		t.Errorf("Choice = %+v", c)
	}
	if c := pick(t, New(Options{LogProbs: 9}), logits); len(c.Top) != 4 {
		t.Errorf("%d alternatives of 4 tokens, want all", len(c.Top))
	}
}

func TestPenaltiesLowerWhatWasObserved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		want []float32
	}{
		{Options{Repetition: 2}, []float32{2, -2, 1}},
		{Options{Presence: 0.5}, []float32{3.5, -1.5, 1}},
		{Options{Frequency: 0.5}, []float32{3, -1.5, 1}},
		{Options{Repetition: 2, Presence: 1, Frequency: 1}, []float32{-1, -4, 1}},
		{Options{Presence: 1, Bias: map[token.ID]float32{0: 3, 7: 1}, Mask: func(l []float32) { l[2] = -9 }}, []float32{6, -2, -9}},
		{Options{Bias: map[token.ID]float32{1: 1}}, []float32{4, 0, 1}},
	} {
		s := New(c.o)
		for _, id := range []token.ID{0, 1, 0, 55} {
			s.Observe(id)
		}
		logits := []float32{4, -1, 1}
		got, err := s.adjust(logits)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: adjusted logits %v, %v, want %v", c.o, got, err, c.want)
		}
		s.restore(got)
		if !slices.Equal(logits, []float32{4, -1, 1}) {
			t.Error("the caller's logits were changed")
		}
	}
}

func TestUnusableLogitsAreErrors(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		logits []float32
		o      Options
		want   string
	}{
		{[]float32{1, nan, 2}, Options{}, "logit of token 1 of 3 is NaN"},
		{[]float32{nan}, Options{Temperature: 1}, "logit of token 0 of 1 is NaN"},
		{[]float32{1, inf}, Options{}, "logit of token 1 of 2 is +Inf"},
		{[]float32{-inf, -inf}, Options{}, "no token of 2 is possible"},
		{nil, Options{}, "no token of 0 is possible"},
		{[]float32{1, 2}, Options{Suppress: []token.ID{0, 1}}, "no token of 2 is possible"},
		{[]float32{1, 2}, Options{Mask: func(l []float32) { l[0] = nan }}, "is NaN"},
	} {
		if _, err := New(c.o).Pick(c.logits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Pick(%v) = %v, want %q", c.logits, err, c.want)
		}
	}
}

func TestValidateNamesWhatIsOutOfRange(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for _, o := range []Options{
		{Temperature: -1}, {Temperature: nan}, {Temperature: 101}, {TopK: -1}, {TopP: 1.1}, {MinP: -0.1}, {MinP: nan},
		{Repetition: -1}, {Presence: nan}, {Frequency: 1e9}, {LogProbs: -1}, {LogProbs: 1 << 20},
		{Bias: map[token.ID]float32{1: nan}}, {Bias: map[token.ID]float32{1: float32(math.Inf(1))}},
	} {
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "sample: ") {
			t.Errorf("Validate(%+v) = %v, want an error", o, err)
		}
	}
	good := Options{Temperature: 1, TopK: 64, TopP: 0.95, Bias: map[token.ID]float32{3: float32(math.Inf(-1))}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if err := new(Options).Validate(); err != nil {
		t.Error(err)
	}
}

func TestExpIsWithinItsBound(t *testing.T) {
	t.Parallel()
	for i := range 870000 {
		x := -float32(i) / 10000
		got, want := float64(exp(x)), math.Exp(float64(x))
		if math.Abs(got-want) > 3e-7*want {
			t.Fatalf("exp(%v) = %v, want %v, off by %.2g", x, got, want, got/want-1)
		}
	}
	for _, x := range []float32{-88, -1e30, float32(math.Inf(-1))} {
		if exp(x) != 0 {
			t.Errorf("exp(%v) = %v, want 0", x, exp(x))
		}
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	logits := random(rand.New(rand.NewPCG(1, 1)), 5000)
	for _, o := range []Options{{}, {Temperature: 1, TopK: 64, TopP: 0.95}, {Temperature: 1, TopP: 0.9, Presence: 1, Suppress: []token.ID{4}}} {
		s := New(o)
		s.Observe(3)
		for range 30 {
			pick(t, s, logits)
		}
		if n := testing.AllocsPerRun(20, func() { pick(t, s, logits) }); n != 0 {
			t.Errorf("%+v: %v allocations", o, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	const vocabulary = 262144
	r := rand.New(rand.NewPCG(1, 1))
	logits := make([]float32, vocabulary)
	for i := range logits {
		logits[i] = float32(r.NormFloat64()*3 - 5)
	}
	logits[4711] = 21
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"greedy", Options{}},
		{"gemma", Options{Temperature: 1, TopK: 64, TopP: 0.95}},
		{"topP", Options{Temperature: 1, TopP: 0.95}},
		{"all", Options{Temperature: 1}},
		{"hotTopP", Options{Temperature: 4, TopP: 0.95}},
		{"penalties", Options{Temperature: 1, TopK: 64, Repetition: 1.1, Suppress: []token.ID{1, 2}}},
		{"logprobs", Options{Temperature: 1, TopK: 64, LogProbs: 20}},
	} {
		b.Run("options="+c.name, func(b *testing.B) {
			s := New(c.o)
			for id := range token.ID(2000) {
				s.Observe(id)
			}
			for b.Loop() {
				pick(b, s, logits)
			}
		})
	}
}

// TestPickLeavesLogitsAsTheyWere changes some tokens twice, and meets an error.
func TestPickLeavesLogitsAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewPCG(71, 1))
	for _, o := range []Options{
		{Suppress: []token.ID{3, 3, 5000}},
		{Presence: 1, Frequency: 2, Repetition: 1.5, Bias: map[token.ID]float32{1: 4, 3: -2}, Suppress: []token.ID{3}, Temperature: 1, TopK: 5, LogProbs: 2},
		{Bias: map[token.ID]float32{7: 2}, Mask: func(logits []float32) { logits[2] = float32(math.Inf(-1)) }, Temperature: 0.7, TopP: 0.9},
	} {
		s := New(o)
		for _, id := range []token.ID{1, 3, 3, 6000} {
			s.Observe(id)
		}
		logits := random(r, 4999)
		before := slices.Clone(logits)
		for range 5 {
			if _, err := s.Pick(logits); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(logits, before) {
				t.Fatal("logits changed")
			}
		}
		logits[3] = float32(math.NaN())
		if _, err := s.Pick(logits); err == nil || !strings.Contains(err.Error(), "token 3 ") {
			t.Errorf("NaN: %v", err)
		}
		if logits[3] == logits[3] || !slices.Equal(logits[4:], before[4:]) || !slices.Equal(logits[:3], before[:3]) {
			t.Error("logits changed by an error")
		}
	}
}
