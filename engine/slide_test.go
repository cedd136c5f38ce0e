package engine_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/engine/model"
	"hark/engine/sample"
)

// words answers with n tokens and their logits as far as they can be seen.
func words(t *testing.T, s *engine.Sequence, n int) (out []said) {
	t.Helper()
	for tok, err := range s.Generate(t.Context(), engine.Generate{Sample: sample.Options{LogProbs: 1}, Max: n}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, said{tok.ID, tok.Logprob})
	}
	return out
}

// conversation is one that lost its oldest turn: instructions, the lost turn,
// later turns, the next one.
func conversation(t *testing.T) (system, lost, later, next engine.Tokens) {
	ids := golden(t).IDs("text.input_ids")
	return engine.Tokens(ids[:20]), engine.Tokens(slices.Concat(ids[20:50], ids[5:25])),
		engine.Tokens(slices.Concat(ids[30:60], ids[:50])), engine.Tokens(ids[40:52])
}

// TestSlideKeepsWhatFollowsTheGap drops the oldest turn: only what is new is
// read in, and in idle time the prompt is read in exactly.
func TestSlideKeepsWhatFollowsTheGap(t *testing.T) {
	for _, piece := range []int{9, 64} {
		watch(t, engine.Options{Piece: piece, PrefixBytes: -1}, func(t *testing.T, e *engine.Engine, w *watched) {
			system, lost, later, next := conversation(t)
			fresh := sequence(t, e)
			set(t, fresh, system, later, next)
			want := words(t, fresh, 6)
			fresh.Close()

			s := sequence(t, e)
			defer s.Close()
			set(t, s, system, lost, later)
			synctest.Wait()
			before := e.Stats()
			n, err := s.Slide([]engine.Part{system, later, next})
			if err != nil {
				t.Fatal(err)
			}
			if n != len(system)+len(later) {
				t.Errorf("%d positions kept, want %d", n, len(system)+len(later))
			}
			first := words(t, s, 6)
			st := e.Stats()
			if read := st.Read - before.Read; read != int64(1+len(next)) || st.Slid != 1 {
				t.Errorf("%d positions read in after %d slides, only %d are new", read, st.Slid, 1+len(next))
			}
			if slices.Equal(first, want) {
				t.Error("what was moved is bit by bit what would be read in: the test tests nothing")
			}
			if err := s.Rewind(len(system) + len(later) + len(next)); err != nil {
				t.Fatal(err)
			}

			// Nothing happens beside others, and nothing before it has been
			// quiet for a while.
			other := sequence(t, e)
			set(t, other, same(10, 4))
			greedy(t, other, 30)
			if n := e.Stats().Refreshed; n != 0 {
				t.Error("read in again while somebody listened to an answer")
			}
			other.Close()
			bounded := true
			w.forward = func(rows []model.Row) { bounded = bounded && len(rows) == 1 && len(rows[0].IDs) <= piece }
			<-time.After(400 * time.Millisecond)
			synctest.Wait()
			if n := e.Stats().Refreshed; n != 0 {
				t.Error("read in again before it was quiet for half a second")
			}
			<-time.After(time.Second)
			synctest.Wait()
			if n := e.Stats().Refreshed; n != 1 || !bounded {
				t.Errorf("refreshed %d times after a quiet second, in bounded pieces: %v", n, bounded)
			}
			if got := words(t, s, 6); !slices.Equal(got, want) {
				t.Errorf("after it was read in again %v, in a fresh sequence %v", got, want)
			}
		})
	}
}

// TestSlideThatCannotIsSet drops so much that layers with a window have
// forgotten what stands before the gap, with too little behind it to fill the
// window, then almost nothing, then nothing.
func TestSlideThatCannotIsSet(t *testing.T) {
	bubble(t, &engine.Options{PrefixBytes: -1}, func(t *testing.T, e *engine.Engine) {
		system, lost, later, next := conversation(t)
		lost = slices.Repeat(lost, 30)
		for _, tail := range []engine.Tokens{later[:22], later[:3], {}} {
			s := sequence(t, e)
			set(t, s, system, lost, tail)
			synctest.Wait()
			if _, err := s.Slide([]engine.Part{system, tail, next}); err != nil {
				t.Fatal(err)
			}
			got := words(t, s, 5)
			if n := e.Stats().Slid; n != 0 {
				t.Errorf("slid %d times with %d positions behind the gap", n, len(tail))
			}
			fresh := sequence(t, e)
			set(t, fresh, system, tail, next)
			if want := words(t, fresh, 5); !slices.Equal(got, want) {
				t.Errorf("%d positions behind the gap: %v, in a fresh sequence %v", len(tail), got, want)
			}
			s.Close()
			fresh.Close()
		}
	})
}

// TestSlidCachesAreNotLent has another sequence ask for what one was slid to.
func TestSlidCachesAreNotLent(t *testing.T) {
	bubble(t, nil, func(t *testing.T, e *engine.Engine) {
		system, lost, later, next := conversation(t)
		alone := sequence(t, open(t, &engine.Options{PrefixBytes: -1}))
		set(t, alone, system, later, next)
		want := words(t, alone, 5)
		s := sequence(t, e)
		set(t, s, system, lost, later)
		synctest.Wait()
		if _, err := s.Slide([]engine.Part{system, later, next}); err != nil {
			t.Fatal(err)
		}
		words(t, s, 2)
		for range 2 {
			o := sequence(t, e)
			set(t, o, system, later, next)
			if got := words(t, o, 5); !slices.Equal(got, want) {
				t.Errorf("beside a slid sequence %v, alone %v", got, want)
			}
			o.Close()
			s.Close() // the second time it was parked
		}
	})
}

// TestSlideInSpeech slides while a clip grows at the end, again and again, with
// rewinds, and is exact in the end.
func TestSlideInSpeech(t *testing.T) {
	bubble(t, &engine.Options{Piece: 7, PrefixBytes: -1}, func(t *testing.T, e *engine.Engine) {
		system, lost, later, next := conversation(t)
		samples := sound(t)
		clip, err := e.NewClip()
		if err != nil {
			t.Fatal(err)
		}
		defer clip.Close()
		s := sequence(t, e)
		before, after := prompt(t, e, clip)
		set(t, s, system, lost, later, lost, before, clip)
		if err := clip.Push(samples[:9000]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		read := e.Stats().Read
		if _, err := s.Slide([]engine.Part{system, later, lost, before, clip}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Slide([]engine.Part{system, lost, before, clip}); err != nil {
			t.Fatal(err)
		}
		if err := clip.Push(samples[9000:]); err != nil {
			t.Fatal(err)
		}
		clip.End()
		if _, err := s.Slide([]engine.Part{system, lost, before, clip, after, next}); err != nil {
			t.Fatal(err)
		}
		words(t, s, 3)
		if st := e.Stats(); st.Slid != 2 || st.Read-read > int64(clip.Tokens()+len(after)+len(next)) {
			t.Errorf("slid %d times and read in %d positions", st.Slid, st.Read-read)
		}
		if err := s.Rewind(len(system) + len(lost) + len(before) + clip.Tokens() + len(after) + len(next)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		got := words(t, s, 5)
		fresh := sequence(t, e)
		set(t, fresh, system, lost, before, clip, after, next)
		if want := words(t, fresh, 5); !slices.Equal(got, want) {
			t.Errorf("after a minute %v, in a fresh sequence %v", got, want)
		}
	})
}
