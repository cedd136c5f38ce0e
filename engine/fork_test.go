package engine_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"hark/engine"
	"hark/engine/sample"
	"hark/engine/token"
)

// bubble runs a test with an engine in a bubble of its own: when synctest.Wait
// returns, the engine has done all that there was to do.
func bubble(t *testing.T, o *engine.Options, test func(t *testing.T, e *engine.Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, open(t, o)) })
}

// spoken answers a prompt with a clip of its own.
func spoken(t *testing.T, e *engine.Engine, samples []float32, n int) []token.ID {
	t.Helper()
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	defer clip.Close()
	if err := clip.Push(samples); err != nil {
		t.Fatal(err)
	}
	clip.End()
	before, after := prompt(t, e, clip)
	s := sequence(t, e)
	defer s.Close()
	set(t, s, before, clip, after)
	return greedy(t, s, n)
}

// TestForkAnswersWhileTheSpeakerGoesOn answers what was said so far from a
// fork, which reads in only what is new there, and then all of it.
func TestForkAnswersWhileTheSpeakerGoesOn(t *testing.T) {
	bubble(t, &engine.Options{PrefixBytes: -1}, func(t *testing.T, e *engine.Engine) {
		samples := sound(t)
		half := len(samples) / 2
		wantHalf := spoken(t, e, samples[:half], 8)
		wantWhole := golden(t).IDs("mm.audio.greedy_ids")
		clip, err := e.NewClip()
		if err != nil {
			t.Fatal(err)
		}
		defer clip.Close()
		s := sequence(t, e)
		before, after := prompt(t, e, clip)
		set(t, s, before, clip)
		if err := clip.Push(samples[:half]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		read := e.Stats().Read
		guess, fork := fork(t, s), clip.Fork()
		defer fork.Close()
		fork.End()
		sure := (half - 1) / 160 / 4 // soft tokens that the rest could not change
		if n := set(t, guess, before, fork, after); n != len(before)+sure {
			t.Errorf("Set with the fork keeps %d positions, want %d", n, len(before)+sure)
		}
		if got := greedy(t, guess, 8); !slices.Equal(got, wantHalf) {
			t.Errorf("half of it: %v, want %v", got, wantHalf)
		}
		if n := e.Stats().Read - read; n > int64(1+len(after)) {
			t.Errorf("the fork read in %d positions, only %d were new", n, 1+len(after))
		}
		guess.Close()
		if err := clip.Push(samples[half:]); err != nil {
			t.Fatal(err)
		}
		clip.End()
		set(t, s, before, clip, after)
		if got := greedy(t, s, len(wantWhole)); !slices.Equal(got, wantWhole) {
			t.Errorf("all of it: %v, want %v", got, wantWhole)
		}
	})
}

func fork(t *testing.T, s *engine.Sequence) *engine.Sequence {
	t.Helper()
	f, err := s.Fork()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestAbandonedSpeculationNeverHappened compares a conversation in which
// answers were begun too early with one in which they were not: the tokens,
// their logits bit by bit, what was read in, kept and held.
func TestAbandonedSpeculationNeverHappened(t *testing.T) {
	type outcome struct {
		tokens []engine.Token
		stats  engine.Stats
	}
	run := func(speculate bool) (out outcome) {
		bubble(t, nil, func(t *testing.T, e *engine.Engine) {
			samples := sound(t)
			clip, err := e.NewClip()
			if err != nil {
				t.Fatal(err)
			}
			defer clip.Close()
			s := sequence(t, e)
			before, after := prompt(t, e, clip)
			set(t, s, before, clip)
			var spent int64
			for at := 0; at < len(samples); at += 4000 {
				if err := clip.Push(samples[at:min(at+4000, len(samples))]); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if !speculate {
					continue
				}
				read := e.Stats().Read
				guess, fork := fork(t, s), clip.Fork()
				guess.SetClass(engine.Speculative)
				fork.End()
				set(t, guess, before, fork, after)
				greedy(t, guess, 5)
				guess.Close()
				fork.Close()
				synctest.Wait()
				spent += e.Stats().Read - read
			}
			clip.End()
			set(t, s, before, clip, after)
			for range 2 {
				for tok, err := range s.Generate(t.Context(), engine.Generate{Sample: sample.Options{LogProbs: 1}, Max: 6}) {
					if err != nil {
						t.Fatal(err)
					}
					out.tokens = append(out.tokens, tok)
				}
				if err := s.Append([]engine.Part{after}); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			st := e.Stats()
			if speculate && (spent == 0 || st.Discarded == 0 || st.Discarded != st.Decoded-int64(len(out.tokens))) {
				t.Errorf("%d positions were read for speculations; %d of %d tokens count as thrown away", spent, st.Discarded, st.Decoded)
			}
			out.stats = engine.Stats{Read: st.Read - spent, KVBytes: st.KVBytes, PrefixBytes: st.PrefixBytes, Prefixes: st.Prefixes, Sequences: st.Sequences}
		})
		return out
	}
	want, got := run(false), run(true)
	if !slices.EqualFunc(got.tokens, want.tokens, func(a, b engine.Token) bool {
		return a.ID == b.ID && a.Logprob == b.Logprob && a.Cached == b.Cached && a.Stop == b.Stop
	}) {
		t.Errorf("with abandoned answers %+v, without %+v", got.tokens, want.tokens)
	}
	if got.stats != want.stats {
		t.Errorf("with abandoned answers %+v, without %+v", got.stats, want.stats)
	}
}

// TestForkInTheMiddleOfAnAnswer forks at a token that was read, while the
// answer has run on.
func TestForkInTheMiddleOfAnAnswer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, e *engine.Engine) {
		ids := golden(t).IDs("text.input_ids")
		s := sequence(t, e)
		set(t, s, engine.Tokens(ids))
		want := greedy(t, s, 8)
		set(t, s, engine.Tokens(ids))
		var f *engine.Sequence
		n := 0
		for _, err := range s.Generate(t.Context(), engine.Generate{Sample: sample.Options{LogProbs: 1}, Max: 8}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 3 {
				synctest.Wait() // the engine has run on
				f = fork(t, s)
				break
			}
		}
		if got := f.Len(); got != len(ids)+3 {
			t.Errorf("the fork holds %d positions, want %d", got, len(ids)+3)
		}
		for _, s := range []*engine.Sequence{s, f} {
			if got := greedy(t, s, 5); !slices.Equal(got, want[3:]) {
				t.Errorf("went on with %v, want %v", got, want[3:])
			}
		}
	})
}

func TestRewindAndAppend(t *testing.T) {
	bubble(t, nil, func(t *testing.T, e *engine.Engine) {
		ids := golden(t).IDs("text.input_ids")
		s := sequence(t, e)
		set(t, s, engine.Tokens(ids))
		want := greedy(t, s, 6)
		if err := s.Rewind(len(ids) + 2); err != nil {
			t.Fatal(err)
		}
		if got := greedy(t, s, 4); !slices.Equal(got, want[2:]) {
			t.Errorf("rewound into the answer: %v, want %v", got, want[2:])
		}
		if err := s.Rewind(30); err != nil {
			t.Fatal(err)
		}
		if err := s.Append([]engine.Part{engine.Tokens(ids[30:50]), engine.Tokens(ids[50:])}); err != nil {
			t.Fatal(err)
		}
		if got := greedy(t, s, 6); !slices.Equal(got, want) {
			t.Errorf("rewound into the prompt: %v, want %v", got, want)
		}
		for _, n := range []int{-1, s.Len() + 1} {
			if err := s.Rewind(n); err == nil {
				t.Errorf("rewound to %d of %d positions", n, s.Len())
			}
		}
		clip, err := e.NewClip()
		if err != nil {
			t.Fatal(err)
		}
		defer clip.Close()
		if err := s.Append([]engine.Part{clip}); err != nil {
			t.Fatal(err)
		}
		if err := s.Append([]engine.Part{engine.Tokens(ids[:1])}); err == nil {
			t.Error("appended behind a clip that grows")
		}
		if err := clip.Push(make([]float32, 16000)); err != nil {
			t.Fatal(err)
		}
		// A clip that position n cuts goes as a whole.
		if err := s.Rewind(len(ids) + 7); err != nil || s.Len() != len(ids)+6 {
			t.Errorf("%d positions are left of %d and a clip, %v", s.Len(), len(ids)+6, err)
		}
		if err := s.Append([]engine.Part{engine.Tokens(make([]token.ID, e.Model().Context))}); !errors.Is(err, engine.ErrTooLong) {
			t.Errorf("appended a whole context: %v, want ErrTooLong", err)
		}
		s.Close()
		_, err = s.Fork()
		if errs := []error{err, s.Append(nil), s.Rewind(0)}; slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, engine.ErrClosed) }) {
			t.Errorf("of a closed sequence: %v", errs)
		}
	})
}
