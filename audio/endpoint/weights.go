package endpoint

import (
	_ "embed"
	"encoding/binary"
	"math"
	"sync"
)

// packed holds the tensors that tools/turns/export.py writes, little-endian,
// in the order in which load takes them. A matrix is a float32 scale for each
// row, then the rows as signed bytes; all else is float32.
//
//go:embed endpoint.bin
var packed []byte

// weights are the tensors, matrices already multiplied with their scales.
type weights struct {
	mean, scale   []float32 // [width]
	enter         layer
	unit          unit
	middle, leave layer
}

// load returns the weights, which are unpacked once a process, on first use.
var load = sync.OnceValue(func() *weights {
	r := reader{packed}
	return &weights{
		mean:   r.floats(width),
		scale:  r.floats(width),
		enter:  r.layer(narrow, width),
		unit:   unit{input: r.layer(3*memory, narrow), hidden: r.layer(3*memory, memory)},
		middle: r.layer(middle, memory),
		leave:  r.layer(1, middle),
	}
})

// reader takes tensors from the front of rest.
type reader struct{ rest []byte }

func (r *reader) floats(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.rest[4*i:]))
	}
	r.rest = r.rest[4*n:]
	return values
}

func (r *reader) matrix(rows, columns int) []float32 {
	scales := r.floats(rows)
	values := make([]float32, rows*columns)
	for i := range values {
		values[i] = float32(int8(r.rest[i])) * scales[i/columns]
	}
	r.rest = r.rest[rows*columns:]
	return values
}

func (r *reader) layer(out, in int) layer {
	return layer{weight: r.matrix(out, in), bias: r.floats(out)}
}
