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
	Runs int `help:"How often the model is loaded, however long that takes." default:"5"`
}

// Run loads the model again and again: the first row is what the system's
// cache of files makes of it, the second the median of the others.
func (c *benchLoad) Run() error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Runs < 1 {
		return usage("--runs must be at least 1")
	}
	out := c.output()
	var mapped, ready, first []float64
	for i := range c.Runs {
		row := benchRow{Bench: "load", Model: c.name(), Runs: 1}
		if err := row.load(&c.benchModel); err != nil {
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
func (r *benchRow) load(f *benchModel) error {
	start := time.Now()
	since := func() float64 { return time.Since(start).Seconds() * 1e3 }
	src, err := checkpoint(f.Model)
	if err != nil {
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
	return nil
}
