// Package modeltest checks a model against golden outputs of the reference,
// layer by layer by activation name, and checks the properties that every
// model and backend must keep.
//
// Start reading at Run.
package modeltest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"hark/engine/token"
	"hark/engine/weights"
)

// Golden is a file of reference outputs, float32 and int32.
type Golden struct {
	path string
	c    *weights.Checkpoint
}

// ReadGolden opens a safetensors file of goldens.
func ReadGolden(path string) (*Golden, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := weights.Open(weights.Memory(path, map[string][]byte{"model.safetensors": data}))
	if err != nil {
		return nil, err
	}
	return &Golden{path: path, c: c}, nil
}

// Has reports whether the file holds name.
func (g *Golden) Has(name string) bool {
	_, ok := g.c.Entry(name)
	return ok
}

// Floats returns a float32 or bfloat16 golden, nil if there is none.
func (g *Golden) Floats(name string) []float32 {
	e, ok := g.c.Entry(name)
	if !ok {
		return nil
	}
	switch e.DType {
	case "F32":
		out := make([]float32, len(e.Data)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(e.Data[4*i:]))
		}
		return out
	case "BF16":
		out := make([]float32, len(e.Data)/2)
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(e.Data[2*i:])) << 16)
		}
		return out
	}
	panic(fmt.Sprintf("modeltest: %s: %s is %s", g.path, name, e.DType))
}

// IDs returns an int32 golden as token ids, nil if there is none.
func (g *Golden) IDs(name string) []token.ID {
	e, ok := g.c.Entry(name)
	if !ok {
		return nil
	}
	out := make([]token.ID, len(e.Data)/4)
	for i := range out {
		out[i] = token.ID(int32(binary.LittleEndian.Uint32(e.Data[4*i:])))
	}
	return out
}

// Difference is how far two tensors lie apart.
type Difference struct {
	Max, RMS, Mean float64
	Cosine         float64
	At             int // index of Max
	Got, Want      float32
}

// Compare measures got against want. Lengths that differ, NaN and Inf count as
// infinitely far.
func Compare(got, want []float32) Difference {
	if len(got) != len(want) || len(got) == 0 {
		return Difference{Max: math.Inf(1), RMS: math.Inf(1), Mean: math.Inf(1)}
	}
	var d Difference
	var sum, abs, gg, ww, gw float64
	for i := range got {
		g, w := float64(got[i]), float64(want[i])
		e := math.Abs(g - w)
		if math.IsNaN(e) || math.IsInf(g, 0) {
			e = math.Inf(1)
		}
		if e > d.Max {
			d.Max, d.At, d.Got, d.Want = e, i, got[i], want[i]
		}
		sum, abs, gg, ww, gw = sum+e*e, abs+e, gg+g*g, ww+w*w, gw+g*w
	}
	n := float64(len(got))
	d.RMS, d.Mean, d.Cosine = math.Sqrt(sum/n), abs/n, gw/math.Sqrt(gg*ww)
	return d
}

// String says it in a line.
func (d Difference) String() string {
	return fmt.Sprintf("max %.3g at %d (%g, want %g), rms %.3g, cosine %.9f", d.Max, d.At, d.Got, d.Want, d.RMS, d.Cosine)
}

// within fails t if got is farther from want than bound, and reports whether
// it was near enough.
func within(t *testing.T, name string, got, want []float32, bound float64) bool {
	t.Helper()
	d := Compare(got, want)
	if d.Max <= bound {
		t.Logf("%-24s max %.2g", name, d.Max)
		return true
	}
	t.Errorf("%s is the first activation that is off: %d values, want %d: %v, bound %g", name, len(got), len(want), d, bound)
	return false
}

// Part returns what of got the golden called name covers: all, or of one that was
// thinned the last rows (tools/goldens/thin.py). Where got has not as many values
// as the reference had, it is returned as it is, which compares as wrong.
func (g *Golden) Part(name string, got []float32) []float32 {
	rows, err := strconv.Atoi(g.c.Metadata(name + ".rows"))
	if e, ok := g.c.Entry(name); ok && err == nil {
		width := 1
		for _, n := range e.Shape[1:] {
			width *= n
		}
		if len(got) == rows*width {
			return got[(rows-e.Shape[0])*width:]
		}
	}
	return got
}
