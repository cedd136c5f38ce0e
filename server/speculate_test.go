package server

import (
	"context"
	"iter"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"hark/audio"
	"hark/audio/resample"
	"hark/engine"
	"hark/session"
	"hark/session/turn"
)

// overheard is an engine that tells of answers made before a turn has ended,
// and keeps all that was answered otherwise.
type overheard struct {
	session.Engine
	loaded  bool
	drafted chan struct{} // one for each of those answers, when it has a token

	mu   sync.Mutex
	said []engine.Token // of the others, in order
}

func overhear(t *testing.T, loaded bool) *overheard {
	return &overheard{Engine: real(t), loaded: loaded, drafted: make(chan struct{}, 100)}
}

func (o *overheard) Loaded() bool { return o.loaded }

func (o *overheard) Open() (session.Sequence, error) {
	s, err := o.Engine.Open()
	return &overheardSequence{Sequence: s, o: o}, err
}

type overheardSequence struct {
	session.Sequence
	o  *overheard
	mu sync.Mutex
	// draft is while nobody has asked for the answer. What is written until
	// then waits in tokens.
	draft  bool
	tokens []engine.Token
}

func (s *overheardSequence) Fork() (session.Sequence, error) {
	f, err := s.Sequence.Fork()
	return &overheardSequence{Sequence: f, o: s.o}, err
}

func (s *overheardSequence) SetClass(c engine.Class) {
	s.Sequence.SetClass(c)
	s.mu.Lock()
	s.draft = c == engine.Speculative
	s.mu.Unlock()
	s.tell()
}

// tell hands over what was written, if it is said.
func (s *overheardSequence) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft {
		return
	}
	s.o.mu.Lock()
	s.o.said = append(s.o.said, s.tokens...)
	s.o.mu.Unlock()
	s.tokens = nil
}

func (s *overheardSequence) Generate(ctx context.Context, g engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		first := true
		for t, err := range s.Sequence.Generate(ctx, g) {
			s.mu.Lock()
			s.tokens = append(s.tokens, t)
			draft := s.draft
			s.mu.Unlock()
			s.tell()
			if draft && first {
				s.o.drafted <- struct{}{}
			}
			first = false
			if !yield(t, err) {
				return
			}
		}
	}
}

// likely is a pause after which the turn has likely ended, and not surely.
const likely = 360 * time.Millisecond

// sayPausing appends a sample file from its first frame of speech to its last,
// and a pause.
func (c *caller) sayPausing(file string) {
	c.t.Helper()
	samples := c.decode(file)
	r, err := resample.New(24000, audio.ModelRate)
	if err != nil {
		c.t.Fatal(err)
	}
	begin, end := int64(-1), int64(0)
	for _, f := range session.NewDetector().Push(r.Push(samples)) {
		if f.Probability >= 0.4 {
			end = f.Start + turn.FrameSamples
			if begin < 0 {
				begin = f.Start
			}
		}
	}
	c.append(samples[begin*3/2 : min(int(end)*3/2, len(samples))])
	c.silence(likely)
}

// A sentence that ends; one that goes on after a pause in which its answer was
// begun; one that ends again. What is said must be what is said by an engine
// that never answers early: the same ids, and the same probabilities but for
// how the work was cut into pieces.
func TestSpeculationIsSeenInNothingButTheDelay(t *testing.T) {
	cases := sampleCases(t)
	talk := func(o *overheard) (texts []string, tokens []engine.Token) {
		_, url := serve(t, Options{Engine: o})
		c := call(t, url, nil)
		defer c.conn.CloseNow()
		c.configure(cases[0].System, map[string]any{"type": "server_vad"})
		pause := func() {
			if !o.loaded {
				select {
				case <-o.drafted:
				case <-time.After(time.Minute):
					t.Fatalf("nobody answers early behind %q", texts)
				}
			}
		}
		for _, sentence := range [][]string{{cases[0].Audio}, {cases[1].Audio, cases[2].Audio}, {cases[6].Audio}} {
			for _, file := range sentence {
				c.sayPausing(file)
				pause()
			}
			c.silence(time.Second)
			text, _ := c.answer()
			texts = append(texts, text)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		return texts, o.said
	}
	want, saidWithout := talk(overhear(t, true))
	got, said := talk(overhear(t, false))
	if !slices.Equal(got, want) || got[0] != cases[0].Reference {
		t.Errorf("answers %q, without speculation %q, reference of the first %q", got, want, cases[0].Reference)
	}
	if len(said) != len(saidWithout) {
		t.Fatalf("%d tokens, without speculation %d", len(said), len(saidWithout))
	}
	for i := range said {
		a, b := said[i], saidWithout[i]
		if a.ID != b.ID || math.Abs(float64(a.Logprob-b.Logprob)) > 1e-3 || a.Stop != b.Stop {
			t.Errorf("token %d is %d (%v), without speculation %d (%v)", i, a.ID, a.Logprob, b.ID, b.Logprob)
		}
	}
}
