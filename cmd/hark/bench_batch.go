package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
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
	e, err := engine.Open(src, cpu.New(c.backend()), &engine.Options{PrefixBytes: -1, Lookup: -1})
	if err != nil {
		return usageError{err}
	}
	defer e.Close()
	rates := make([][]float64, len(c.Batches))
	for end := time.Now().Add(time.Duration(len(c.Batches)) * c.budget()); ; {
		for i, n := range c.Batches {
			rate, err := c.answer(ctx, e, n)
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], rate)
		}
		if len(rates[0]) > 1 && !time.Now().Before(end) {
			break
		}
	}
	out := c.output()
	for i, n := range c.Batches {
		row := benchRow{Bench: "batch", Model: c.name(), Device: e.Device(), Batch: n, Tokens: c.Tokens, Runs: len(rates[i]) - 1, Unit: "tok/s"}
		row.Rate, row.RateBest = median(rates[i][1:]), slices.Max(rates[i][1:]) // the first one warms up
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.end()
}

// answer lets n sequences answer and returns the tokens a second of all of them
// together, reading in of the prompts included.
func (c *benchBatch) answer(ctx context.Context, e *engine.Engine, n int) (float64, error) {
	sequences := make([]*engine.Sequence, n)
	for i := range sequences {
		seq, err := e.Open()
		if err != nil {
			return 0, err
		}
		defer seq.Close()
		sequences[i] = seq
	}
	var answering sync.WaitGroup
	counts, errs := make([]int, n), make([]error, n)
	start := time.Now()
	for i, seq := range sequences {
		answering.Go(func() { counts[i], errs[i] = c.one(ctx, seq, e.Model(), i) })
	}
	answering.Wait()
	took := time.Since(start)
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / took.Seconds(), errors.Join(errs...)
}

// one answers a prompt of its own and returns how many tokens that were.
func (c *benchBatch) one(ctx context.Context, seq *engine.Sequence, info model.Info, i int) (count int, err error) {
	prompt := make([]token.ID, c.Prompt)
	for j := range prompt {
		prompt[j] = token.ID((300 + i*101 + j*7919) % (info.Vocab * 3 / 4))
	}
	if _, err := seq.Set([]engine.Part{engine.Tokens(prompt)}); err != nil {
		return 0, err
	}
	options := engine.Generate{Max: c.Tokens, Sample: sample.Options{Suppress: info.Stops}}
	for _, err := range seq.Generate(ctx, options) {
		if err != nil {
			return 0, err
		}
		count++
	}
	return count, nil
}
