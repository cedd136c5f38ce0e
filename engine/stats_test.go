package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
)

// TestSecondTurnReadsOnlyWhatIsNew counts positions: a second turn reads in
// what is new and the last token of the answer, which nobody has read in yet.
func TestSecondTurnReadsOnlyWhatIsNew(t *testing.T) {
	bubble(t, nil, func(t *testing.T, e *engine.Engine) {
		ids := golden(t).IDs("text.input_ids")
		s := sequence(t, e)
		set(t, s, engine.Tokens(ids[:40]))
		held, answer := cached(t, s, 5)
		synctest.Wait()
		if st := e.Stats(); held != 0 || st.Read != 40 || st.Decoded != 5 || st.Positions != 44 {
			t.Errorf("first turn: %d cached, %d read, %d decoded, %d positions; want 0, 40, 5, 44", held, st.Read, st.Decoded, st.Positions)
		}
		next := slices.Concat(ids[:40], answer, ids[40:60])
		set(t, s, engine.Tokens(next))
		held, _ = cached(t, s, 3)
		synctest.Wait()
		st := e.Stats()
		if want := 40 + len(answer) - 1; held != want || int(st.Kept) != want {
			t.Errorf("second turn: %d cached, %d kept, want all %d but the last token", held, st.Kept, want)
		}
		if n := st.Read - 40; n != 21 {
			t.Errorf("second turn reads in %d positions, want the 20 new ones and the last token", n)
		}
	})
}

// TestSecondSessionReadsNothingOfTheInstructions opens sessions with the same
// instructions while the first is there and after it left, long ago.
func TestSecondSessionReadsNothingOfTheInstructions(t *testing.T) {
	bubble(t, nil, func(t *testing.T, e *engine.Engine) {
		ids := golden(t).IDs("text.input_ids")
		system := engine.Tokens(ids[:50])
		first := sequence(t, e)
		set(t, first, system, engine.Tokens(ids[50:60]))
		greedy(t, first, 3)
		for i := range 3 {
			synctest.Wait()
			before := e.Stats()
			s := sequence(t, e)
			set(t, s, system, same(100, 7))
			greedy(t, s, 2)
			synctest.Wait() // until the step is counted
			st := e.Stats()
			if read, lent := st.Read-before.Read, st.Borrowed-before.Borrowed; i == 0 && (read != 7 || lent != 50) || i > 0 && read > 7 {
				t.Errorf("session %d reads in %d positions and borrows %d; only 7 are new", i+2, read, lent)
			}
			s.Close()
			first.Close()
			for j := range 20 { // many others in between
				o := sequence(t, e)
				set(t, o, same(200, 30+j))
				greedy(t, o, 1)
				o.Close()
			}
		}
	})
}

// TestStatsCountTheWork adds up.
func TestStatsCountTheWork(t *testing.T) {
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
		for at := 0; at < len(samples); at += 1600 {
			if err := clip.Push(samples[at:min(at+1600, len(samples))]); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		clip.End()
		set(t, s, before, clip, after)
		for range s.Generate(t.Context(), engine.Generate{Max: 4, Discard: true}) {
		}
		st := e.Stats()
		if want := int64(len(before) + clip.Tokens() + len(after)); st.Read != want || st.Positions != want+3 {
			t.Errorf("%d positions read in, %d in all, want %d and %d", st.Read, st.Positions, want, want+3)
		}
		if st.Decoded != 4 || st.Discarded != 4 || st.Answering != 4 {
			t.Errorf("%d decoded, %d thrown away, %d rows; want 4 of each", st.Decoded, st.Discarded, st.Answering)
		}
		if n := st.Lag.Count(); n < 10 || n > int64(clip.Tokens()) || st.Lag.Max != 0 {
			t.Errorf("%d steps heard, with up to %v of delay in a world where nothing takes time", n, st.Lag.Max)
		}
		if st.StepTime.Count() != st.Steps || st.Rows < st.Steps/2 || st.Load != 0 {
			t.Errorf("%d steps, %d timed, %d rows, load %v", st.Steps, st.StepTime.Count(), st.Rows, st.Load)
		}
	})
}

func TestQuantilesAreWithinTheirBucket(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	bounds := engine.Bounds()
	if bounds[0] != 50*time.Microsecond || !slices.IsSorted(bounds) {
		t.Fatalf("bounds %v", bounds)
	}
	var h engine.Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	var all []time.Duration
	for range 5000 {
		d := time.Duration(rng.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
		got, want := h.Quantile(q), all[int(q*float64(len(all)-1))]
		if got < want*2/3 || got > want*3/2 {
			t.Errorf("seed %d: quantile %v is %v, want %v", seed, q, got, want)
		}
	}
	if h.Max != all[len(all)-1] || h.Count() != 5000 {
		t.Errorf("max %v of %d, want %v of 5000", h.Max, h.Count(), all[len(all)-1])
	}
}
