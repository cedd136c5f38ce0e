package engine_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"hark/engine"
	"hark/engine/sample"
	"hark/engine/token"
)

// talk is a conversation of a few turns whose prompts repeat what was said,
// with answers picked in all kinds of ways, some of them broken off. It depends
// on the seed alone, and on what the model answers.
func talk(t *testing.T, e *engine.Engine, ids []token.ID, seed uint64) (all []said) {
	rng := rand.New(rand.NewPCG(seed, 7))
	s, err := e.Open()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer s.Close()
	heard := ids[:3+rng.IntN(len(ids)-3)]
	for range 1 + rng.IntN(3) {
		prompt := slices.Concat(heard, ids[:1+rng.IntN(4)])
		if err := s.Append([]engine.Part{engine.Tokens(prompt)}); err != nil {
			t.Error(err)
			return nil
		}
		o := engine.Generate{Sample: sample.Options{LogProbs: 1}, Max: 1 + rng.IntN(40), Ahead: rng.IntN(12)}
		if rng.IntN(2) == 0 {
			o.Sample = sample.Options{Temperature: 0.2 + rng.Float32(), Seed: rng.Uint64(), TopK: rng.IntN(20), LogProbs: 1}
		}
		if rng.IntN(3) == 0 {
			o.Sample.Repetition, o.Sample.Presence = 1+0.2*rng.Float32(), rng.Float32()
		}
		stop := 1 + rng.IntN(50)
		heard = nil
		for tok, err := range s.Generate(t.Context(), o) {
			if err != nil {
				t.Error(err)
				return nil
			}
			all = append(all, said{tok.ID, tok.Logprob})
			if heard = append(heard, tok.ID); len(heard) == stop {
				break
			}
		}
	}
	return all
}

// TestGuessesChangeNoAnswer compares engines with and without guesses, over
// random conversations, side by side and alone, bit by bit.
func TestGuessesChangeNoAnswer(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	for _, bits := range []int{0, 8} {
		guessing := open(t, &engine.Options{KVBits: bits})
		plain := open(t, &engine.Options{KVBits: bits, Lookup: -1, PrefixBytes: -1})
		for round := range 30 {
			got := make([][]said, 1+round%4)
			var talking sync.WaitGroup
			for i := range got {
				talking.Go(func() { got[i] = talk(t, guessing, ids, uint64(100*round+i)) })
			}
			talking.Wait()
			for i := range got {
				if want := talk(t, plain, ids, uint64(100*round+i)); !sameAnswer(got[i], want) {
					t.Fatalf("%d bits, conversation %d of round %d: %v, without guesses %v", bits, i, round, got[i], want)
				}
			}
		}
		g, p := guessing.Stats(), plain.Stats()
		if g.Right == 0 || g.Right == g.Guessed {
			t.Errorf("%d of %d guesses are right: not both kinds were tried", g.Right, g.Guessed)
		}
		if p.Guessed != 0 {
			t.Errorf("%d guesses without lookup", p.Guessed)
		}
		t.Logf("%d bits: %d tokens in %d rows, %d of %d guesses right", bits, g.Decoded, g.Answering, g.Right, g.Guessed)
	}
}
