package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"hark/audio/wav"
	"hark/engine"
	"hark/engine/backend/backendtest"
	_ "hark/engine/model/all"
	"hark/engine/model/modeltest"
	"hark/engine/token"
	"hark/internal/leak"
	"hark/vision"

	"os"
)

const tiny = "../testdata/tiny/"

func TestMain(m *testing.M) { leak.Main(m) }

// open loads the tiny E-form checkpoint.
func open(t *testing.T, o *engine.Options) *engine.Engine {
	t.Helper()
	return openOn(t, backendtest.New(2), o)
}

func golden(t *testing.T) *modeltest.Golden {
	t.Helper()
	g, err := modeltest.ReadGolden(tiny + "e/golden-hf.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sequence(t *testing.T, e *engine.Engine) *engine.Sequence {
	t.Helper()
	s, err := e.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func set(t *testing.T, s *engine.Sequence, parts ...engine.Part) int {
	t.Helper()
	reused, err := s.Set(parts)
	if err != nil {
		t.Fatal(err)
	}
	return reused
}

// greedy generates n tokens, or fewer if the model stops.
func greedy(t *testing.T, s *engine.Sequence, n int) (ids []token.ID) {
	t.Helper()
	for tok, err := range s.Generate(t.Context(), engine.Generate{Max: n}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tok.ID)
	}
	return ids
}

func sound(t *testing.T) []float32 {
	t.Helper()
	data, err := os.ReadFile(tiny + "assets/test.wav")
	if err != nil {
		t.Fatal(err)
	}
	c, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Samples
}

func TestGreedyEqualsGolden(t *testing.T) {
	g, s := golden(t), sequence(t, open(t, nil))
	set(t, s, engine.Tokens(g.IDs("text.input_ids")))
	if got, want := greedy(t, s, 8), g.IDs("text.greedy_ids"); !slices.Equal(got, want) {
		t.Errorf("greedy ids %v, want %v", got, want)
	}
}

func TestPieceSizeDoesNotMatter(t *testing.T) {
	g := golden(t)
	for _, piece := range []int{1, 7, 33, 1000} {
		s := sequence(t, open(t, &engine.Options{Piece: piece}))
		set(t, s, engine.Tokens(g.IDs("text.input_ids")))
		if got, want := greedy(t, s, 8), g.IDs("text.greedy_ids"); !slices.Equal(got, want) {
			t.Errorf("piece %d: ids %v, want %v", piece, got, want)
		}
	}
}

func TestSetKeepsTheCommonPrefix(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	e := open(t, nil)
	s := sequence(t, e)
	if n := set(t, s, engine.Tokens(ids)); n != 0 {
		t.Errorf("an empty sequence kept %d", n)
	}
	answer := greedy(t, s, 5)
	next := slices.Concat(ids, answer, ids[3:9])
	if n := set(t, s, engine.Tokens(next)); n != len(ids)+len(answer) {
		t.Errorf("kept %d of the first turn, want %d", n, len(ids)+len(answer))
	}
	got := greedy(t, s, 6)
	fresh := sequence(t, e)
	set(t, fresh, engine.Tokens(next))
	if want := greedy(t, fresh, 6); !slices.Equal(got, want) {
		t.Errorf("second turn %v, in a fresh sequence %v", got, want)
	}
	// The same prompt again: the answer is dropped, and made again.
	if n := set(t, s, engine.Tokens(next)); n != len(next) {
		t.Errorf("kept %d of the same prompt, want %d", n, len(next))
	}
	if again := greedy(t, s, 6); !slices.Equal(again, got) {
		t.Errorf("again %v, want %v", again, got)
	}
}

// prompt is the golden prompt with a clip: ids up to the first placeholder,
// the clip, and the ids behind.
func prompt(t *testing.T, e *engine.Engine, clip *engine.Clip) (before, after engine.Tokens) {
	t.Helper()
	ids := golden(t).IDs("mm.audio.input_ids")
	soft, _ := e.Tokenizer().Special("<|audio|>")
	from := slices.Index(ids, soft)
	to := from
	for ids[to] == soft {
		to++
	}
	return ids[:from], ids[to:]
}

func TestClipWhileItGrowsEqualsWhole(t *testing.T) {
	e, samples := open(t, &engine.Options{Piece: 16}), sound(t)
	want := golden(t).IDs("mm.audio.greedy_ids")
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 0))
	for try := range 4 {
		clip, err := e.NewClip()
		if err != nil {
			t.Fatal(err)
		}
		s := sequence(t, e)
		before, after := prompt(t, e, clip)
		if try > 0 { // it is being spoken
			set(t, s, before, clip)
		}
		for rest := samples; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(3000))
			if err := clip.Push(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		clip.End()
		if n := clip.Tokens(); n != 33 {
			t.Errorf("clip of %d soft tokens, want 33", n)
		}
		set(t, s, before, clip, after)
		if got := greedy(t, s, len(want)); !slices.Equal(got, want) {
			t.Errorf("seed %d, try %d: ids %v, want %v", seed, try, got, want)
		}
		s.Close()
		clip.Close()
	}
}

func TestManyAtOnceAnswerAsAlone(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	e := open(t, &engine.Options{Piece: 24})
	alone := make([][]token.ID, 6)
	for i := range alone {
		s := sequence(t, e)
		set(t, s, engine.Tokens(ids[:40+i*7]))
		alone[i] = greedy(t, s, 12)
	}
	var wg sync.WaitGroup
	for i := range alone {
		s := sequence(t, e)
		wg.Go(func() {
			if _, err := s.Set([]engine.Part{engine.Tokens(ids[:40+i*7])}); err != nil {
				t.Error(err)
				return
			}
			var got []token.ID
			for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 12}) {
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, tok.ID)
			}
			if !slices.Equal(got, alone[i]) {
				t.Errorf("sequence %d beside others %v, alone %v", i, got, alone[i])
			}
		})
	}
	wg.Wait()
}

// TestRandomSchedules mixes prompts, broken answers and rewinds; whatever
// happened before, the answer to a prompt is the one of a fresh sequence.
func TestRandomSchedules(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	e := open(t, &engine.Options{Piece: 13})
	const seed = 9
	rng := rand.New(rand.NewPCG(seed, 0))
	s := sequence(t, e)
	for range 40 {
		from := rng.IntN(4)
		p := slices.Concat(ids[:20], ids[20+from:20+from+rng.IntN(40)])
		set(t, s, engine.Tokens(p))
		if rng.IntN(2) == 0 {
			stop := rng.IntN(6)
			for _, err := range s.Generate(t.Context(), engine.Generate{Max: 20}) {
				if err != nil {
					t.Fatal(err)
				}
				if stop--; stop <= 0 {
					break
				}
			}
			continue
		}
		got := greedy(t, s, 4)
		fresh := sequence(t, e)
		set(t, fresh, engine.Tokens(p))
		if want := greedy(t, fresh, 4); !slices.Equal(got, want) {
			t.Fatalf("seed %d: ids %v, want %v", seed, got, want)
		}
		fresh.Close()
	}
}

func TestErrorsAreClear(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	e := open(t, &engine.Options{MaxSequences: 1, Context: 50})
	s := sequence(t, e)
	if _, err := e.Open(); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("second sequence: %v, want ErrBusy", err)
	}
	if _, err := s.Set([]engine.Part{engine.Tokens(ids)}); !errors.Is(err, engine.ErrTooLong) {
		t.Errorf("%d ids in a context of 50: %v, want ErrTooLong", len(ids), err)
	}
	if _, err := s.Set([]engine.Part{engine.Tokens{640}}); err == nil {
		t.Error("an id outside the vocabulary was taken")
	}
	for _, err := range s.Generate(t.Context(), engine.Generate{}) {
		if err == nil {
			t.Error("an empty sequence answered")
		}
	}
	set(t, s, engine.Tokens(ids[:45]))
	if got := greedy(t, s, 100); len(got) > 5 {
		t.Errorf("%d tokens behind 45 in a context of 50", len(got))
	}
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	if err := clip.Push(make([]float32, e.Model().ClipSamples+1)); !errors.Is(err, engine.ErrClipFull) {
		t.Errorf("too much sound: %v, want ErrClipFull", err)
	}
	if _, err := e.NewPicture(&vision.Image{}, 0); err == nil {
		t.Error("a picture without pixels was taken")
	}
	clip.Close()
	set(t, s, engine.Tokens(ids[:5]), clip, engine.Tokens(ids[:5]))
	for _, err := range s.Generate(t.Context(), engine.Generate{Max: 1}) {
		if err == nil {
			t.Error("a closed clip was heard")
		}
	}
}

func TestCancelEndsAtOnce(t *testing.T) {
	e := open(t, nil)
	s := sequence(t, e)
	set(t, s, engine.Tokens(golden(t).IDs("text.input_ids")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range s.Generate(ctx, engine.Generate{}) {
		if n++; n == 3 {
			cancel()
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			return
		}
	}
}

func TestCloseEndsAnswers(t *testing.T) {
	e := open(t, nil)
	s := sequence(t, e)
	ids := golden(t).IDs("text.input_ids")
	set(t, s, engine.Tokens(ids))
	for _, err := range s.Generate(t.Context(), engine.Generate{}) {
		if err != nil {
			if !errors.Is(err, engine.ErrClosed) {
				t.Error(err)
			}
			break
		}
		go e.Close()
	}
	e.Close()
	if _, err := s.Set([]engine.Part{engine.Tokens(ids)}); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("set after close: %v, want ErrClosed", err)
	}
	if _, err := e.Open(); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("open after close: %v, want ErrClosed", err)
	}
}

func TestStopStrings(t *testing.T) {
	e := open(t, nil)
	s := sequence(t, e)
	ids := golden(t).IDs("text.input_ids")
	set(t, s, engine.Tokens(ids))
	var whole string
	for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 12}) {
		if err != nil {
			t.Fatal(err)
		}
		whole += tok.Text
	}
	if len([]rune(whole)) < 4 {
		t.Fatalf("only %q to stop in", whole)
	}
	r := []rune(whole)
	stop := string(r[2:4])
	set(t, s, engine.Tokens(ids))
	var got string
	var last engine.Token
	for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 12, StopStrings: []string{"never in it", stop}}) {
		if err != nil {
			t.Fatal(err)
		}
		got, last = got+tok.Text, tok
	}
	if got != string(r[:2]) || last.Stop != engine.StopString {
		t.Errorf("stopped at %q with %q: %q, want %q", stop, last.Stop, got, string(r[:2]))
	}
}
