package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/sample"
	"hark/engine/token"
)

// benchBatch measures several sequences at once through the engine.
type benchBatch struct {
	benchModel
	Batches []int `help:"Numbers of sequences side by side." default:"1,2,4,8,16"`
	Prompt  int   `help:"Tokens of each prompt." default:"64"`
	Tokens  int   `help:"Tokens of each answer." default:"64"`
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
	e, err := engine.Open(src, cpu.New(c.backend()), &engine.Options{PrefixBytes: -1})
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

// answer lets n sequences answer and returns the tokens a second of all of
// them from the moment that each has its first token to the first one's last.
func (c *benchBatch) answer(ctx context.Context, e *engine.Engine, n int) (float64, error) {
	var starting, answering sync.WaitGroup
	starting.Add(n)
	counts, errs := make([]int, n), make([]error, n)
	begun := make(chan time.Time, 1)
	for i := range n {
		answering.Go(func() {
			counts[i], errs[i] = c.one(ctx, e, i, &starting)
		})
	}
	go func() {
		starting.Wait()
		begun <- time.Now()
	}()
	answering.Wait()
	took := time.Since(<-begun)
	total := 0
	for _, count := range counts {
		total += count
	}
	return float64(total) / took.Seconds(), errors.Join(errs...)
}

// one answers a prompt of its own. It says when it has its first token, and
// counts those after all others have theirs.
func (c *benchBatch) one(ctx context.Context, e *engine.Engine, i int, starting *sync.WaitGroup) (count int, err error) {
	started := false
	start := func() {
		if !started {
			starting.Done()
		}
		started = true
	}
	defer start()
	seq, err := e.Open()
	if err != nil {
		return 0, err
	}
	defer seq.Close()
	info := e.Model()
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
		if !started {
			start()
			starting.Wait() // the sequences that are ahead wait for the others
			continue
		}
		count++
	}
	return count, nil
}
