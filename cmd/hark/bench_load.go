package main

import (
	"time"

	"hark/engine/backend/cpu"
	"hark/engine/model"
	"hark/engine/weights"
)

// benchLoad measures how long a model takes to be ready.
type benchLoad struct {
	benchModel
	Runs int  `help:"How often the model is loaded, however long that takes." default:"5"`
	Cold bool `help:"Drop the files from the system's cache before each time, and say how much of them is in memory at the first token. Linux."`
}

// Run loads the model again and again: the first row is what the system's
// cache of files makes of it, the second the median of the others. With Cold
// all of them come from the disk.
func (c *benchLoad) Run() error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Runs < 1 {
		return usage("--runs must be at least 1")
	}
	if c.Cold && c.Model == "" {
		return usage("--cold needs --model: the embedded model has no files")
	}
	out := c.output()
	var mapped, ready, first []float64
	for i := range c.Runs {
		row := benchRow{Bench: "load", Model: c.name(), Runs: 1}
		if err := row.load(c); err != nil {
			return err
		}
		mapped, ready, first = append(mapped, row.MapMs), append(ready, row.ReadyMs), append(first, row.FirstMs)
		if i > 0 && i < c.Runs-1 {
			continue
		}
		if i > 0 {
			row.Runs, row.MapMs, row.ReadyMs, row.FirstMs = c.Runs-1, median(mapped[1:]), median(ready[1:]), median(first[1:])
		}
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.end()
}

// load loads the model once and decodes a token.
func (r *benchRow) load(c *benchLoad) error {
	f := &c.benchModel
	src, err := checkpoint(f.Model)
	if err != nil {
		return err
	}
	folder := src.Name()
	if err := src.Close(); err != nil {
		return err
	}
	if c.Cold {
		if err := evict(folder); err != nil {
			return usageError{err}
		}
	}
	start := time.Now()
	since := func() float64 { return time.Since(start).Seconds() * 1e3 }
	if src, err = checkpoint(f.Model); err != nil {
		return err
	}
	defer src.Close()
	if _, err := weights.Open(src); err != nil {
		return usageError{err}
	}
	r.MapMs = since()
	b := &bencher{flags: f, backend: cpu.New(f.backend())}
	defer b.backend.Close()
	if b.model, err = model.Open(src, b.backend); err != nil {
		return usageError{err}
	}
	r.ReadyMs, r.Device = since(), b.backend.Device()
	s := b.sequences(1)
	s.read(1, 1)
	r.FirstMs = since()
	s.free()
	if !c.Cold {
		return nil
	}
	all, in, err := resident(folder)
	r.Resident, r.GBs = float64(in)/float64(all), float64(in)/1e6/r.FirstMs
	return err
}
