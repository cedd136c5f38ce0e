package vad

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"math"
	"sync"
)

// Sizes of the model.
const (
	bins  = 129 // of the spectrum
	times = 4   // spectra a window
	units = 128 // of the memory cell
)

// silero holds the tensors of tools/vad/export.py, float32 little-endian: all
// first bytes, all second ones, …, deflated, which so takes a seventh less.
//
//go:embed silero.planes
var silero []byte

// floats unpacks silero. A damaged file, which the tests would see, gives fewer.
func floats() []float32 {
	planes, _ := io.ReadAll(flate.NewReader(bytes.NewReader(silero)))
	n := len(planes) / 4
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(uint32(planes[i]) | uint32(planes[n+i])<<8 | uint32(planes[2*n+i])<<16 | uint32(planes[3*n+i])<<24)
	}
	return values
}

// weights are the tensors, laid out so that every product is one audio.Dot of
// neighbours. Convolutions read 3 times of each channel, [out, in*3].
type weights struct {
	conv     [4]convolution
	gates    []float32 // [4*units, 2*units], input then hidden; input, forget, cell, output
	gateBias []float32 // [4*units], the sum of both biases
	out      []float32 // [units]
	outBias  float32
}

// convolution is one layer with a kernel of 3, padding 1 and a ReLU.
type convolution struct {
	in, out int
	stride  int
	weight  []float32 // [out, in*3]
	bias    []float32 // [out]
}

// load returns the weights, which are unpacked once a process, on first use.
var load = sync.OnceValue(func() *weights {
	rest := floats()
	take := func(n int) (values []float32) {
		values, rest = rest[:n:n], rest[n:]
		return values
	}
	w := &weights{conv: [4]convolution{
		{in: bins, out: 128, stride: 1},
		{in: 128, out: 64, stride: 2},
		{in: 64, out: 64, stride: 2},
		{in: 64, out: units, stride: 1},
	}}
	for i := range w.conv {
		c := &w.conv[i]
		c.weight, c.bias = take(c.out*c.in*3), take(c.out)
	}
	input, inputBias := take(4*units*units), take(4*units)
	hidden, hiddenBias := take(4*units*units), take(4*units)
	for row := range 4 * units {
		w.gates = append(w.gates, input[row*units:][:units]...)
		w.gates = append(w.gates, hidden[row*units:][:units]...)
		w.gateBias = append(w.gateBias, inputBias[row]+hiddenBias[row])
	}
	w.out, w.outBias = take(units), take(1)[0]
	return w
})
