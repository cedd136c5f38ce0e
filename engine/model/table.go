package model

import (
	"fmt"
	"slices"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// Table hands the tensors of a checkpoint to a backend. What the checkpoint
// lacks is noted by the Loader, the first thing that the backend refuses here;
// Finish tells both.
type Table struct {
	*weights.Loader
	Backend tensor.Backend
	err     error
}

// Weight takes a matrix over.
func (t *Table) Weight(name string, shape ...int) tensor.Weight {
	return t.Take(t.Matrix(name, shape...))
}

// Lookup takes over a matrix whose rows are looked up and never multiplied.
func (t *Table) Lookup(name string, shape ...int) tensor.Weight {
	s := t.Matrix(name, shape...)
	s.Table = true
	return t.Take(s)
}

// Take takes over a matrix that was asked for already; nil if it was not there.
func (t *Table) Take(s tensor.Stored) tensor.Weight {
	if s.Data == nil {
		return nil // noted by the loader
	}
	w, err := t.Backend.Weight(s)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("model: tensor %s: %w", s.Name, err)
	}
	return w
}

// Stack tells a backend that matrices multiply the same rows; nil ones are left
// out.
func (t *Table) Stack(ws ...tensor.Weight) {
	j, ok := t.Backend.(tensor.Stacker)
	if !ok || t.Broken() {
		return
	}
	ws = slices.DeleteFunc(ws, func(w tensor.Weight) bool { return w == nil })
	if err := j.Stack(ws...); err != nil {
		t.err = fmt.Errorf("model: %w", err)
	}
}

// Vector takes over n floats.
func (t *Table) Vector(name string, n int) tensor.Tensor {
	return t.Constant(t.Floats(name, n), n)
}

// Constant hands values to the backend, unless loading has failed already and
// they are not those of the checkpoint.
func (t *Table) Constant(values []float32, shape ...int) tensor.Tensor {
	if t.Broken() {
		return nil
	}
	return t.Backend.Constant(values, shape...)
}

// Broken reports whether something was missing or refused so far.
func (t *Table) Broken() bool { return t.err != nil || t.Failed() }

// Finish returns everything that is wrong, once all tensors were asked for.
func (t *Table) Finish() error {
	if err := t.Err(); err != nil {
		return err
	}
	return t.err
}
