package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"hark/engine"
	"hark/engine/sample"
	"hark/engine/token"
)

// TestMemoryIsBounded fills the memory of the caches: prefixes give way, then
// prompts and sequences are refused, then an answer ends; what leaves makes
// room again.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 1 << 20
	bubble(t, &engine.Options{MaxBytes: limit}, func(t *testing.T, e *engine.Engine) {
		within := func() {
			t.Helper()
			synctest.Wait()
			if st := e.Stats(); st.KVBytes+st.PrefixBytes > limit {
				t.Errorf("%d bytes in caches, %d in prefixes, want at most %d in all", st.KVBytes, st.PrefixBytes, limit)
			}
		}
		for i := range 8 { // prefixes of many prompts
			s := sequence(t, e)
			set(t, s, same(token.ID(10+i), 200))
			greedy(t, s, 2)
			s.Close()
			within()
		}
		kept := e.Stats().Prefixes
		var all []*engine.Sequence
		var refused error
		for i := 0; refused == nil; i++ {
			s, err := e.Open()
			if err == nil {
				all = append(all, s)
				_, err = s.Set([]engine.Part{same(token.ID(30+i), 200)})
			}
			refused = err
			within()
		}
		if !errors.Is(refused, engine.ErrMemory) {
			t.Fatalf("%v, want ErrMemory", refused)
		}
		if n := e.Stats().Prefixes; n >= kept || kept == 0 {
			t.Errorf("%d prefixes are kept of %d while prompts were refused", n, kept)
		}
		if len(all) < 3 {
			t.Fatalf("only %d sequences fit", len(all))
		}
		for _, err := range all[0].Generate(t.Context(), engine.Generate{Max: 3}) {
			if err != nil {
				t.Error(err)
			}
		}
		// An answer that outgrows the memory ends as if the context were full.
		var last engine.Token
		for tok, err := range all[1].Generate(t.Context(), engine.Generate{Sample: noStops(e)}) {
			if err != nil {
				t.Fatal(err)
			}
			last = tok
		}
		if last.Stop != engine.StopLength || all[1].Len() >= e.Model().Context {
			t.Errorf("the answer ended by %q at %d positions", last.Stop, all[1].Len())
		}
		within()
		if _, err := all[0].Fork(); !errors.Is(err, engine.ErrMemory) {
			t.Errorf("fork without memory: %v, want ErrMemory", err)
		}
		clipWithoutMemory(t, e, all[2])
		within()
		for _, s := range all[2:] {
			s.Close()
		}
		if _, err := all[0].Set([]engine.Part{same(5, 10)}); err != nil {
			t.Errorf("a shorter prompt: %v", err)
		}
		s := sequence(t, e)
		set(t, s, same(90, 200))
		if got := greedy(t, s, 2); len(got) == 0 {
			t.Error("no answer after others left")
		}
		within()
		for _, s := range all {
			s.Close()
		}
		s.Close()
		synctest.Wait()
		big, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer big.Close()
		if _, err := big.Set([]engine.Part{same(7, 4000)}); !errors.Is(err, engine.ErrMemory) {
			t.Errorf("a prompt beyond all memory: %v, want ErrMemory", err)
		}
		if n := big.Len(); n != 0 {
			t.Errorf("a refused prompt left %d positions", n)
		}
	})
}

// noStops keeps an answer from ending by itself.
func noStops(e *engine.Engine) sample.Options {
	return sample.Options{Suppress: e.Model().Stops}
}

// clipWithoutMemory has a clip outgrow the memory: it is refused with what is
// to follow it.
func clipWithoutMemory(t *testing.T, e *engine.Engine, s *engine.Sequence) {
	t.Helper()
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	defer clip.Close()
	before, after := prompt(t, e, clip)
	set(t, s, before, clip)
	if err := clip.Push(make([]float32, 25*16000)); err != nil {
		t.Fatal(err)
	}
	clip.End()
	synctest.Wait()
	if _, err := s.Set([]engine.Part{before, clip, after}); !errors.Is(err, engine.ErrMemory) {
		t.Errorf("behind a long clip: %v, want ErrMemory", err)
	}
}
