//go:build mlx

package mlx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
)

// randomPick draws options in which everything happens: all kinds, often none
// of a limit, and numbers near their ends.
func randomPick(rng *rand.Rand, vocab int) tensor.Pick {
	p := tensor.Pick{Uniform: rng.Float64()}
	if rng.IntN(5) > 0 {
		p.Temperature = 0.1 + 1.5*rng.Float32()
	}
	if rng.IntN(2) == 0 {
		p.TopK = 1 + rng.IntN(70)
	}
	if rng.IntN(8) == 0 {
		p.TopK = 1 + rng.IntN(vocab+5)
	}
	if rng.IntN(2) == 0 {
		p.TopP = []float32{0.01, 0.5, 0.95, 1}[rng.IntN(4)]
	}
	if rng.IntN(3) == 0 {
		p.MinP = 0.3 * rng.Float32()
	}
	if rng.IntN(6) == 0 {
		p.Uniform = []float64{0, 0.99999, 0.999999}[rng.IntN(3)]
	}
	if rng.IntN(2) == 0 {
		p.Suppress = []int32{3, int32(vocab) + 7, -1, int32(rng.IntN(vocab))}
	}
	return p
}

// drawOf is a pick as package sample takes it.
func drawOf(p tensor.Pick) sample.Draw {
	d := sample.Draw{Temperature: p.Temperature, TopK: p.TopK, TopP: p.TopP, MinP: p.MinP, Uniform: p.Uniform}
	for _, id := range p.Suppress {
		d.Suppress = append(d.Suppress, token.ID(id))
	}
	return d
}

// next goes from -3e-5 to 4e-5, in steps that are small next to 0.
func next(by float64) float64 {
	switch {
	case by < -1e-10:
		return by / 1.01
	case by < 0:
		return 1e-10
	}
	return by * 1.01
}

// nextTo reports whether the host picks id as well with a number that differs by
// rounding, or with limits that do.
func nextTo(d sample.Draw, logits []float32, id token.ID) bool {
	for by := -3e-5; by < 4e-5; by = next(by) {
		for _, p := range []float32{-1e-5, 0, 1e-5} {
			other := d
			other.Uniform = min(max(d.Uniform+by, 0), 1-1e-12)
			other.TopP, other.MinP = d.TopP*(1+p), d.MinP*(1+p)
			if got, err := other.Pick(logits); err == nil && got == id {
				return true
			}
		}
	}
	return false
}

// TestPicksAsTheHost compares picks of the device with those of package sample,
// over many seeds, options, sizes and kinds of logits, several rows at once.
// They may differ only next to a border.
func TestPicksAsTheHost(t *testing.T) {
	b := open(t, Options{})
	picked, apart := 0, 0
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 3))
		vocab := []int{640, 4096, 1000, 37, 5, 1 << 14}[seed%6]
		n := 1 + rng.IntN(5)
		spread, steps := 0.1+5*rng.Float64(), rng.IntN(3) == 0
		logits, how := make([]float32, n*vocab), make([]tensor.Pick, n)
		for i := range logits {
			logits[i] = float32(spread * rng.NormFloat64())
			if steps { // as bfloat16 has them: many are equal
				logits[i] = float32(math.Round(4*float64(logits[i])) / 4)
			}
			if rng.IntN(50) == 0 {
				logits[i] = float32(math.Inf(-1))
			}
		}
		for i := range how {
			how[i] = randomPick(rng, vocab)
		}
		ids := b.ReadPicked(nil, b.Pick(b.Input(logits, n, vocab), how))
		b.EndStep()
		for i, id := range ids {
			row, d := logits[i*vocab:][:vocab], drawOf(how[i])
			want, err := d.Pick(row)
			if err != nil {
				t.Fatalf("seed %d, row %d: %v", seed, i, err)
			}
			picked++
			if token.ID(id) == want {
				continue
			}
			if apart++; how[i].Temperature == 0 || !nextTo(d, row, token.ID(id)) {
				t.Errorf("seed %d, row %d, %d tokens: %d, want %d, by %+v", seed, i, vocab, id, want, how[i])
			}
		}
	}
	t.Logf("%d of %d picks fall to the other side of a border", apart, picked)
	if apart > picked/100 {
		t.Errorf("%d of %d picks differ", apart, picked)
	}
}

// TestPicksOfALargeVocabulary: the vocabulary of the released models.
func TestPicksOfALargeVocabulary(t *testing.T) {
	b := open(t, Options{})
	rng := rand.New(rand.NewPCG(8, 3))
	const vocab = 1 << 18
	logits := make([]float32, vocab)
	for i := range logits {
		logits[i] = float32(4 * rng.NormFloat64())
	}
	for _, p := range []tensor.Pick{
		{}, {Temperature: 1, TopK: 64, TopP: 0.95}, {Temperature: 1}, {Temperature: 0.7, TopP: 0.9}, {Temperature: 1, MinP: 0.05},
	} {
		for range 3 {
			p.Uniform = rng.Float64()
			id := token.ID(b.ReadPicked(nil, b.Pick(b.Input(logits, 1, vocab), []tensor.Pick{p}))[0])
			b.EndStep()
			d := drawOf(p)
			if want, _ := d.Pick(logits); id != want && !nextTo(d, logits, id) {
				t.Errorf("%d, want %d, by %+v", id, want, p)
			}
		}
	}
}

// TestPicksAreRefused: a row without a token that can be says so, and the others
// are picked.
func TestPicksAreRefused(t *testing.T) {
	b := open(t, Options{})
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	logits := []float32{1, 2, 3, 4, nan, 0, 0, 0, inf, 0, 0, 0, -inf, -inf, -inf, -inf, -inf, 0, 1, -inf}
	for _, p := range []tensor.Pick{{}, {Temperature: 1, Uniform: 0.5}, {Temperature: 1, TopK: 2, Uniform: 0.999}, {Temperature: 1, TopP: 0.3}} {
		how := []tensor.Pick{p, p, p, p, p}
		ids := b.ReadPicked(nil, b.Pick(b.Input(logits, 5, 4), how))
		b.EndStep()
		if !slices.Equal(ids[1:4], []int32{-1, -1, -1}) || ids[0] < 0 || ids[4] < 1 {
			t.Errorf("%v by %+v", ids, p)
		}
	}
	all := tensor.Pick{Suppress: []int32{0, 1, 2, 3}}
	if ids := b.ReadPicked(nil, b.Pick(b.Input(logits[:4], 1, 4), []tensor.Pick{all})); ids[0] != -1 {
		t.Errorf("token %d, all are suppressed", ids[0])
	}
	b.EndStep()
}

// TestGoesOnWithWhatItPicked: rows of ids that were not read are those of the
// ids, a picked token is read while what was begun behind it still computes, and
// what a cache was cut by comes back.
func TestGoesOnWithWhatItPicked(t *testing.T) {
	b := open(t, Options{})
	d := newDecoder(t, b)
	kv, other := b.NewKV(d.layers), b.NewKV(d.layers)
	b.Read(nil, d.step(5, kv, other))
	b.EndStep()
	logits := d.step(1, kv, other)
	values := b.Read(nil, logits)
	evaluations := b.Work().Evaluations
	ids := b.Keep(b.Pick(logits, make([]tensor.Pick, 2)))
	b.Begin()
	for _, index := range [][]int{{0, 1}, {1}, {1, 0, 1}} {
		x := b.Keep(b.EmbedPicked(d.embed, ids, index, 2))
		b.Begin()
		chosen := b.ReadPicked(nil, ids)
		if len(b.flights) == 0 {
			t.Error("what was begun behind the ids is over with them")
		}
		for i, id := range chosen {
			if want, _ := (&sample.Draw{}).Pick(values[i*vocabulary:][:vocabulary]); token.ID(id) != want {
				t.Errorf("row %d: %d, want %d", i, id, want)
			}
		}
		var list []int32
		for _, i := range index {
			list = append(list, chosen[i])
		}
		want := b.Read(nil, b.Embed(d.embed, list, 2))
		if got := b.Read(nil, x); !slices.Equal(got, want) {
			t.Errorf("rows %v of what was picked are not those of %v", index, list)
		}
		b.Free(x)
	}
	if n := b.Work().Evaluations - evaluations; n != 1+3+3+3 {
		t.Errorf("%d evaluations", n)
	}
	b.Free(ids)
	b.EndStep()

	n := kv.Len()
	d.step(1, kv)
	b.Begin()
	kv.Truncate(n)
	f := kv.Fork()
	d.step(1, f) // goes its own way
	b.Extend(kv, n+1)
	got := b.Read(nil, d.step(1, kv))
	d.step(1, other)
	b.EndStep()
	if want := b.Read(nil, d.step(1, other)); !slices.Equal(got, want) {
		t.Error("a cache that was cut and extended says something else")
	}
	b.EndStep()
	for _, c := range []tensor.KV{kv, other, f} {
		c.Free()
	}
}

// TestLargeCachesAreWrittenInPlace: a step that writes into large caches is begun
// when the one before is over, and no later.
func TestLargeCachesAreWrittenInPlace(t *testing.T) {
	b := open(t, Options{})
	b.inPlace = 1
	d := newDecoder(t, b)
	kv := b.NewKV(d.layers)
	ids := b.Keep(b.Pick(d.step(1, kv), make([]tensor.Pick, 1)))
	b.Begin()
	for range 5 {
		next := b.Keep(b.Pick(d.step(1, kv), make([]tensor.Pick, 1)))
		before := b.Work().Evaluations
		if b.Begin(); b.Work().Evaluations != before {
			t.Error("a step was begun while another had the cache")
		}
		b.ReadPicked(nil, ids)
		if b.Work().Evaluations != before+1 || len(b.flights) != 1 {
			t.Error("a step was not begun when the one before was over")
		}
		b.Free(ids)
		b.EndStep()
		ids = next
	}
	b.ReadPicked(nil, ids)
	b.Free(ids)
	kv.Free()
}
