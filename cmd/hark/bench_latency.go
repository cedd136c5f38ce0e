package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"hark/audio"
	"hark/engine"
)

// benchLatency measures how long the engine takes from the last sample of
// speech to the first token.
type benchLatency struct {
	benchModel
	In        []string  `help:"WAV file that is spoken, repeatable; without one a sound with the rhythm of speech." type:"path" placeholder:"FILE"`
	Speech    []float64 `help:"Lengths of what is said, in seconds; the sound goes round." default:"1,3,10,30"`
	Stream    bool      `help:"Hear while speech goes on, beside hearing all of it behind its end. Without it only that is measured." default:"true" negatable:""`
	Fast      bool      `help:"Do not take the time of speech: what comes before the last 20 ms is heard at once, and not measured."`
	Turns     int       `help:"Turns of each length and each way." default:"5"`
	Tokens    int       `help:"Tokens of each answer; those after the first give the time of a step of decoding." default:"9"`
	Sessions  []int     `help:"Numbers of sessions side by side that speak and listen by turns, for so many seconds; 0 for none." default:"1,4,16"`
	Positions []int     `help:"Positions at which a step of decoding is measured, rising; -1 for none." default:"0,1024,4096,8192,32000"`
}

// The ways to hear.
const (
	modeStream = "stream" // while it is spoken
	modeWhole  = "whole"  // behind its end
)

// Run measures the ways of hearing in turns, then sessions, then decoding.
func (c *benchLatency) Run(ctx context.Context) error {
	if err := c.validate(); err != nil {
		return err
	}
	sound, err := speechOf(c.In)
	if err != nil {
		return err
	}
	var rows []delayRow
	if len(c.Speech) > 0 {
		if rows, err = c.lengths(ctx, sound); err != nil {
			return err
		}
	}
	for _, n := range c.Sessions {
		if n == 0 {
			continue
		}
		row, err := c.together(ctx, sound, n)
		if err != nil {
			return err
		}
		rows = append(rows, *row)
	}
	out := c.output()
	if err := printDelays(out.to, c.JSON, rows); err != nil || c.Positions[0] < 0 {
		return err
	}
	return (&benchDecode{benchModel: c.benchModel, Positions: c.Positions, Batches: []int{1}}).Run()
}

func (c *benchLatency) validate() error {
	if err := c.check(); err != nil {
		return err
	}
	wrong := func(s float64) bool { return !(s >= 0.1 && s <= 600) }
	if c.Turns < 1 || c.Tokens < 2 || slices.ContainsFunc(c.Speech, wrong) {
		return usage("--turns must be at least 1, --tokens 2, --speech 0.1 to 600")
	}
	if slices.ContainsFunc(c.Sessions, func(n int) bool { return n < 0 || n > 64 }) || len(c.Positions) == 0 {
		return usage("--sessions must be 0 to 64, and there must be a --positions")
	}
	return nil
}

// open loads the model. Nothing that was heard is remembered.
func (c *benchLatency) open() (*engine.Engine, func(), error) {
	src, err := checkpoint(c.Model)
	if err != nil {
		return nil, nil, err
	}
	b, err := c.computes()
	if err != nil {
		src.Close()
		return nil, nil, usageError{err}
	}
	e, err := engine.Open(src, b, &engine.Options{PrefixBytes: -1, Lookup: -1})
	if err != nil {
		b.Close()
		src.Close()
		return nil, nil, usageError{err}
	}
	if !e.Model().Hears {
		err = usage("%s is deaf", c.name())
	}
	return e, func() {
		e.Close()
		src.Close()
	}, err
}

// heardTurns are the turns of one length and one way.
type heardTurns struct {
	mode                string
	speech              float64
	first, decode, over []float64 // milliseconds, one a turn
}

// lengths measures each length each way, taking turns, so that other work on
// the machine meets them all.
func (c *benchLatency) lengths(ctx context.Context, sound []float32) ([]delayRow, error) {
	e, done, err := c.open()
	if err != nil {
		return nil, err
	}
	defer done()
	var all []*heardTurns
	for _, mode := range []string{modeStream, modeWhole} {
		if mode == modeStream && !c.Stream {
			continue
		}
		for _, speech := range c.Speech {
			all = append(all, &heardTurns{mode: mode, speech: speech})
		}
	}
	for turn := range c.Turns + 1 { // the first one warms up
		for _, h := range all {
			if turn == 0 && h.speech != c.Speech[0] {
				continue
			}
			said := stretch(sound, turn*7919, int(h.speech*float64(audio.ModelRate)))
			if err := c.turn(ctx, e, h, said); err != nil {
				return nil, err
			}
			if turn == 0 {
				h.first, h.decode, h.over = nil, nil, nil
			}
		}
	}
	rows := make([]delayRow, len(all))
	for i, h := range all {
		r := &rows[i]
		*r = delayRow{Bench: "latency", Model: c.name(), Device: e.Device(), Mode: h.mode, Speech: h.speech}
		r.first(h.first)
		r.Decode, r.Over = median(h.decode), median(h.over)
		for j := range rows[:i+1] {
			switch o := &rows[j]; {
			case o.Mode == r.Mode && o.Speech == c.Speech[0]:
				r.Growth = r.FirstP50 / o.FirstP50
			case o.Mode != r.Mode && o.Speech == r.Speech:
				o.Whole = r.FirstP50 / o.FirstP50
			}
		}
	}
	return rows, nil
}

// turn says something and takes an answer.
func (c *benchLatency) turn(ctx context.Context, e *engine.Engine, h *heardTurns, said []float32) error {
	s, err := newBenchSpeaker(e)
	if err != nil {
		return err
	}
	defer s.close()
	if err := settle(ctx, e); err != nil {
		return err
	}
	last := max(0, len(said)-int(benchTick.Seconds()*float64(audio.ModelRate)))
	var ended time.Time
	switch {
	case h.mode == modeWhole:
		ended = time.Now()
		err = s.push(said)
	case c.Fast:
		if err = s.push(said[:last]); err == nil {
			err = settle(ctx, e)
		}
		if err == nil {
			ended, err = s.speak(ctx, said[last:])
		}
	default:
		ended, err = s.speak(ctx, said)
	}
	if err != nil {
		return err
	}
	came, err := s.answer(ctx, c.Tokens)
	if err != nil {
		return err
	}
	first := milliseconds(came[0].Sub(ended))
	// Some tokens may come together, where this goroutine had to wait.
	decode := milliseconds(came[len(came)-1].Sub(came[0])) / float64(len(came)-1)
	h.first, h.decode, h.over = append(h.first, first), append(h.decode, decode), append(h.over, first-decode)
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// together has n speak for three seconds each and take an answer, again and
// again, each at a time of its own.
func (c *benchLatency) together(ctx context.Context, sound []float32, n int) (*delayRow, error) {
	e, done, err := c.open()
	if err != nil {
		return nil, err
	}
	defer done()
	const seconds = 3
	until := time.Now().Add(max(c.budget(), 2*time.Second))
	first, errs := make([][]float64, n), make([]error, n)
	var sessions sync.WaitGroup
	for i := range n {
		sessions.Go(func() {
			at := time.Now().Add(time.Duration(i) * seconds * time.Second / time.Duration(n))
			for turn := 0; errs[i] == nil && at.Before(until); turn++ {
				if errs[i] = sleepUntil(ctx, at); errs[i] != nil {
					return
				}
				said := stretch(sound, (turn*n+i)*7919, seconds*int(audio.ModelRate))
				var ms float64
				ms, errs[i] = c.converse(ctx, e, said)
				first[i] = append(first[i], ms)
				at = time.Now()
			}
		})
	}
	sessions.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	st := e.Stats()
	r := &delayRow{Bench: "latency", Model: c.name(), Device: e.Device(), Mode: modeStream, Speech: seconds, Sessions: n, Load: st.Load,
		StepP50: milliseconds(st.StepTime.Quantile(0.5)), StepP95: milliseconds(st.StepTime.Quantile(0.95)), StepP99: milliseconds(st.StepTime.Quantile(0.99)),
		LagP95: milliseconds(st.Lag.Quantile(0.95)), LagMax: milliseconds(st.Lag.Max)}
	r.first(slices.Concat(first...))
	return r, nil
}

// converse holds one turn beside others and returns the delay of its answer.
func (c *benchLatency) converse(ctx context.Context, e *engine.Engine, said []float32) (float64, error) {
	s, err := newBenchSpeaker(e)
	if err != nil {
		return 0, err
	}
	defer s.close()
	ended, err := s.speak(ctx, said)
	if err != nil {
		return 0, err
	}
	came, err := s.answer(ctx, c.Tokens)
	if err != nil {
		return 0, err
	}
	return milliseconds(came[0].Sub(ended)), nil
}
