package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hark/engine"
	"hark/engine/model"
	"hark/engine/sample"
	"hark/engine/token"
)

// benchBatch measures several sequences at once through the engine.
type benchBatch struct {
	benchModel
	Batches []int `help:"Numbers of sequences side by side." default:"1,2,4,8,16"`
	Prompt  int   `help:"Tokens of each prompt." default:"16"`
	Tokens  int   `help:"Tokens of each answer." default:"256"`
}

// Run lets sequences with prompts of their own answer at the same time. The
// numbers take turns, so that other work on the machine meets them all.
func (c *benchBatch) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(c.Batches) == 0 || slices.Min(c.Batches) < 1 || c.Prompt < 1 || c.Tokens < 2 {
		return usage("--batches and --prompt must be at least 1, --tokens 2")
	}
	src, err := checkpoint(c.Model)
	if err != nil {
		return err
	}
	defer src.Close()
	b, err := c.computes()
	if err != nil {
		return usageError{err}
	}
	e, err := engine.Open(src, b, &engine.Options{PrefixBytes: -1, Lookup: -1})
	if err != nil {
		b.Close()
		return usageError{err}
	}
	defer e.Close()
	rates, first, step := make([][]float64, len(c.Batches)), make([][]float64, len(c.Batches)), make([][]float64, len(c.Batches))
	for end := time.Now().Add(time.Duration(len(c.Batches)) * c.budget()); ; {
		for i, n := range c.Batches {
			a, err := c.answer(ctx, e, n)
			if err != nil {
				return err
			}
			rates[i], first[i], step[i] = append(rates[i], a.rate), append(first[i], a.firstMs), append(step[i], a.stepMs)
		}
		if len(rates[0]) > 1 && !time.Now().Before(end) {
			break
		}
	}
	out := c.output()
	for i, n := range c.Batches {
		row := benchRow{Bench: "batch", Model: c.name(), Device: e.Device(), Batch: n, Tokens: c.Tokens, Runs: len(rates[i]) - 1, Unit: "tok/s"}
		row.Rate, row.RateBest = median(rates[i][1:]), slices.Max(rates[i][1:]) // the first one warms up
		row.FirstMs, row.MsP50, row.MsMin = median(first[i][1:]), median(step[i][1:]), slices.Min(step[i][1:])
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.end()
}

// answered is how sequences side by side answered.
type answered struct {
	rate    float64 // tokens a second of all together, reading in of the prompts included
	firstMs float64 // from the beginning to the first token of the last of them
	stepMs  float64 // from then on, a token of each
}

// answer lets n sequences answer.
func (c *benchBatch) answer(ctx context.Context, e *engine.Engine, n int) (a answered, err error) {
	sequences := make([]*engine.Sequence, n)
	for i := range sequences {
		seq, err := e.Open()
		if err != nil {
			return a, err
		}
		defer seq.Close()
		sequences[i] = seq
	}
	var answering sync.WaitGroup
	times, errs := make([][]time.Duration, n), make([]error, n)
	start := time.Now()
	for i, seq := range sequences {
		answering.Go(func() { times[i], errs[i] = c.one(ctx, seq, e.Model(), i, start) })
	}
	answering.Wait()
	took, total, first := time.Since(start), 0, time.Duration(0)
	for _, t := range times {
		total += len(t)
		if len(t) > 0 {
			first = max(first, t[0])
		}
	}
	after := 0 // tokens behind the last one's first
	for _, t := range times {
		at, _ := slices.BinarySearch(t, first+1)
		after += len(t) - at
	}
	a.rate, a.firstMs = float64(total)/took.Seconds(), first.Seconds()*1e3
	a.stepMs = (took - first).Seconds() * 1e3 * float64(n) / float64(max(after, 1))
	return a, errors.Join(errs...)
}

// one answers a prompt of its own and returns when each token came, from start
// on.
func (c *benchBatch) one(ctx context.Context, seq *engine.Sequence, info model.Info, i int, start time.Time) (times []time.Duration, err error) {
	prompt := make([]token.ID, c.Prompt)
	for j := range prompt {
		prompt[j] = token.ID((300 + i*101 + j*7919) % (info.Vocab * 3 / 4))
	}
	if _, err := seq.Set([]engine.Part{engine.Tokens(prompt)}); err != nil {
		return nil, err
	}
	options := engine.Generate{Max: c.Tokens, Sample: sample.Options{Suppress: info.Stops}}
	for _, err := range seq.Generate(ctx, options) {
		if err != nil {
			return times, err
		}
		times = append(times, time.Since(start))
	}
	return times, nil
}
