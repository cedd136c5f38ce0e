package engine_test

import (
	"slices"
	"testing"

	"hark/engine"
	"hark/engine/token"
)

// cached generates and returns what the first token says was in the cache.
func cached(t *testing.T, s *engine.Sequence, n int) (held int, ids []token.ID) {
	t.Helper()
	for tok, err := range s.Generate(t.Context(), engine.Generate{Max: n}) {
		if err != nil {
			t.Fatal(err)
		}
		if ids == nil {
			held = tok.Cached
		}
		ids = append(ids, tok.ID)
	}
	return held, ids
}

func TestPrefixIsSharedBetweenSequences(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	system := ids[:50]
	plain := open(t, &engine.Options{PrefixBytes: -1})
	e := open(t, nil)
	for i, closed := range []bool{false, false, true, true} {
		prompt := engine.Tokens(slices.Concat(system, ids[52+i:70]))
		alone := sequence(t, plain)
		set(t, alone, prompt)
		held, want := cached(t, alone, 6)
		if held != 0 {
			t.Errorf("a sequence of its own found %d positions", held)
		}
		alone.Close()
		s := sequence(t, e)
		set(t, s, prompt)
		held, got := cached(t, s, 6)
		if !slices.Equal(got, want) {
			t.Errorf("sequence %d: %v, alone %v", i, got, want)
		}
		if i > 0 && held < len(system) {
			t.Errorf("sequence %d found %d positions, the common prefix has %d", i, held, len(system))
		}
		if closed {
			s.Close()
		}
	}
}

func TestSecondTurnIsCachedButForTheLastToken(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	s := sequence(t, open(t, nil))
	set(t, s, engine.Tokens(ids[:40]))
	_, answer := cached(t, s, 5)
	next := slices.Concat(ids[:40], answer, ids[40:60])
	set(t, s, engine.Tokens(next[:50])) // read in early
	set(t, s, engine.Tokens(next))
	held, _ := cached(t, s, 1)
	if want := 40 + len(answer) - 1; held != want {
		t.Errorf("%d positions were cached, want all %d of the first turn but the last token's", held, want)
	}
}

func TestMediaAreSharedByContent(t *testing.T) {
	e, samples := open(t, nil), sound(t)
	want := golden(t).IDs("mm.audio.greedy_ids")
	for i := range 2 {
		clip, err := e.NewClip()
		if err != nil {
			t.Fatal(err)
		}
		if err := clip.Push(samples); err != nil {
			t.Fatal(err)
		}
		clip.End()
		before, after := prompt(t, e, clip)
		s := sequence(t, e)
		set(t, s, before, clip, after)
		held, got := cached(t, s, len(want))
		if !slices.Equal(got, want) {
			t.Errorf("clip %d: %v, want %v", i, got, want)
		}
		if i == 1 && held < len(before)+clip.Tokens() {
			t.Errorf("%d positions were cached of a prompt that was answered before", held)
		}
		s.Close()
		clip.Close()
	}
}

func TestPrefixesStayWithinTheirMemory(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	e := open(t, &engine.Options{PrefixBytes: 200_000})
	for i := range 30 {
		s := sequence(t, e)
		set(t, s, engine.Tokens(slices.Concat(ids[i:i+20], ids[:40])))
		cached(t, s, 2)
		s.Close()
	}
	s := sequence(t, e)
	set(t, s, engine.Tokens(slices.Concat(ids[:20], ids[:40])))
	if held, _ := cached(t, s, 1); held != 0 {
		t.Errorf("%d positions of the oldest prompt are still held", held)
	}
}
