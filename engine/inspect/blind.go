package inspect

import (
	"errors"
	"io"
	"slices"

	"hark/engine/tensor"
)

// blind is a backend that takes what a model loads and computes nothing. The
// operations that a loader has no use for are not there.
type blind struct{ tensor.Ops }

var _ tensor.Backend = (*blind)(nil)

// shaped is a tensor or a weight of which only the shape is known.
type shaped []int

// Shape returns the sizes.
func (s shaped) Shape() []int { return s }

// Device says that nothing computes.
func (*blind) Device() string { return "none" }

// Weight takes over a matrix without looking at it.
func (*blind) Weight(s tensor.Stored) (tensor.Weight, error) { return shaped(s.Shape), nil }

// Constant forgets the values.
func (*blind) Constant(_ []float32, shape ...int) tensor.Tensor { return shaped(slices.Clone(shape)) }

// Input forgets the values.
func (*blind) Input(_ []float32, shape ...int) tensor.Tensor { return shaped(slices.Clone(shape)) }

// Linear returns a tensor of the result's shape.
func (*blind) Linear(x tensor.Tensor, w tensor.Weight, _ tensor.Tensor) tensor.Tensor {
	shape := slices.Clone(x.Shape())
	shape[len(shape)-1] = w.Shape()[0]
	return shaped(shape)
}

// Read returns zeros.
func (*blind) Read(_ []float32, x tensor.Tensor) []float32 {
	n := 1
	for _, d := range x.Shape() {
		n *= d
	}
	return make([]float32, n)
}

// EndStep does nothing.
func (*blind) EndStep() {}

// NewKV makes no cache.
func (*blind) NewKV([]tensor.KVLayer) tensor.KV { return nil }

// ReadKV fails: there is nothing to read into.
func (*blind) ReadKV([]tensor.KVLayer, io.Reader) (tensor.KV, error) {
	return nil, errors.New("inspect: nothing computes here")
}

// Close does nothing.
func (*blind) Close() error { return nil }
