package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hark/engine/tensor"
)

// Loader hands out the tensors of a checkpoint by canonical name and notes
// what does not fit. It never fails at once: after all tensors were asked for,
// Err tells everything. One goroutine may use it.
type Loader struct {
	c      *Checkpoint
	q      *Quantization
	names  map[string]string // canonical name → the checkpoint's
	used   map[string]bool   // canonical names asked for
	ignore []func(string) bool
	order  [][]byte // what was asked for; nil once it is read ahead
	err    LoadError
}

// NewLoader returns a Loader that finds tensors under the names the checkpoint
// gives them. q may be nil.
func NewLoader(c *Checkpoint, q *Quantization) *Loader {
	l := &Loader{c: c, q: q, used: map[string]bool{}}
	l.err = LoadError{Source: c.source, want: map[string][]int{}, found: map[string]Entry{}}
	l.Rename(func(name string) string { return name })
	return l
}

// Rename makes f(name) the canonical name of every tensor, the name by which
// the other methods know it; f sees the checkpoint's own names, those that end
// in .weight, .scales and .biases included. A tensor for which f returns ""
// does not exist for the Loader, not even as unused. Two tensors with one
// canonical name are a contradiction. Rename must come before everything else.
func (l *Loader) Rename(f func(name string) string) {
	l.names = make(map[string]string, len(l.c.entries))
	for _, name := range l.c.Names() {
		canonical := f(name)
		if canonical == "" {
			continue
		}
		if other, ok := l.names[canonical]; ok {
			l.other("%s: %s: the same tensor as %s", l.c.entries[name].File, name, other)
			continue
		}
		l.names[canonical] = name
	}
}

// Ignore allows tensors whose canonical name matches to be left over.
func (l *Loader) Ignore(match func(name string) bool) { l.ignore = append(l.ignore, match) }

// Has reports whether there is a tensor of that canonical name, with or
// without ".weight" at its end.
func (l *Loader) Has(name string) bool {
	_, _, ok := l.find(name)
	return ok
}

// Shape returns a tensor's shape as the file has it, and whether it is there.
// It serves where layouts differ between converters; the shape must not be
// changed.
func (l *Loader) Shape(name string) ([]int, bool) {
	_, e, ok := l.find(name)
	return e.Shape, ok
}

// Floats returns a copy of a tensor of floats, widened to float32: F32, F16,
// BF16 and F64 are floats. Where the shape is [] the file may say [1] and the
// other way round. If the tensor is not there or does not fit, that is noted
// and the result is zeros, so that a loader can go on to the next.
func (l *Loader) Floats(name string, shape ...int) []float32 {
	n := size(shape)
	full, e, ok := l.find(name)
	if !ok {
		l.missing(name, shape)
		return zeros(n)
	}
	l.used[full] = true
	scalar := len(e.Shape)+len(shape) == 1 && size(e.Shape) == 1 && n == 1
	if !slices.Equal(e.Shape, shape) && !scalar {
		l.misshapen(full, e, shape)
		return zeros(n)
	}
	data := l.bytes(e)
	out, ok := widen(make([]float32, 0, n), e.DType, data)
	if !ok {
		l.other("%s: %s: dtype %s, want floats", e.File, full, e.DType)
		return zeros(n)
	}
	l.list(full, e, slices.Clone(e.Shape), Listed{})
	return out[:n]
}

// Matrix returns a matrix [out, in] or a stack of them [E, out, in], as it
// lies in the checkpoint; shape is the logical one. It is quantized if a tensor
// of its name with ".scales" exists, and dense in F32, F16 or BF16 otherwise.
// name may end in ".weight" or not. What is missing, misshapen or contradicts
// the configuration is noted, and the result is then the zero Stored.
//
// Source: gemma4.md 4.1.
func (l *Loader) Matrix(name string, shape ...int) tensor.Stored {
	full, e, ok := l.find(name)
	if !ok {
		if !strings.HasSuffix(name, ".weight") {
			name += ".weight"
		}
		l.missing(name, shape)
		return tensor.Stored{}
	}
	l.used[full] = true
	if len(shape) != 2 && len(shape) != 3 || size(shape) == 0 {
		l.other("%s: %s: asked for as a matrix of shape %v", e.File, full, shape)
		return tensor.Stored{}
	}
	base := strings.TrimSuffix(full, ".weight")
	if _, ok := l.entry(base + ".scales"); ok {
		return l.quantized(base, full, e, shape)
	}
	if o, ok := l.q.module(base, l.own(full)); ok && o.quantized {
		l.other("%s: %s: %s without scales, config says %v", e.File, full, e.DType, o.scheme)
		return tensor.Stored{}
	}
	format, ok := floatFormat(e.DType)
	if !ok {
		l.other("%s: %s: dtype %s without scales, want F32, F16 or BF16", e.File, full, e.DType)
		return tensor.Stored{}
	}
	if !slices.Equal(e.Shape, shape) {
		l.misshapen(full, e, shape)
		return tensor.Stored{}
	}
	l.list(full, e, slices.Clone(shape), Listed{Format: format})
	return tensor.Stored{Name: full, Shape: slices.Clone(shape), Format: format, Data: l.bytes(e)}
}

// Failed reports whether something was found that does not fit. What is handed
// out from then on is of no use.
func (l *Loader) Failed() bool { return !l.err.empty() }

// Err returns nil if everything asked for was there and fits, and every tensor
// was asked for or ignored, and the files of a folder begin to be read in the
// order in which tensors were asked for. Otherwise it returns a *LoadError.
func (l *Loader) Err() error {
	e := l.err
	e.Missing = slices.Compact(slices.Sorted(slices.Values(e.Missing)))
	e.Other = slices.Compact(slices.Sorted(slices.Values(e.Other)))
	e.Shapes = slices.Clone(e.Shapes)
	slices.SortStableFunc(e.Shapes, func(a, b ShapeMismatch) int { return strings.Compare(a.Tensor, b.Tensor) })
	for _, name := range slices.Sorted(maps.Keys(l.names)) {
		if !l.used[name] && !slices.ContainsFunc(l.ignore, func(f func(string) bool) bool { return f(name) }) {
			e.Unused = append(e.Unused, name)
			e.found[name] = l.c.entries[l.names[name]]
		}
	}
	if e.empty() {
		if l.c.ahead != nil {
			l.c.ahead.read(l.order)
			l.order = nil
		}
		return nil
	}
	return &e
}

// find returns the tensor called name, or else name.weight.
func (l *Loader) find(name string) (full string, e Entry, ok bool) {
	for _, full := range []string{name, name + ".weight"} {
		if e, ok := l.entry(full); ok {
			return full, e, true
		}
	}
	return "", Entry{}, false
}

// entry returns the tensor of exactly this canonical name.
func (l *Loader) entry(name string) (Entry, bool) {
	own, ok := l.names[name]
	return l.c.entries[own], ok
}

// own returns the checkpoint's name of a matrix, without ".weight".
func (l *Loader) own(full string) string {
	return strings.TrimSuffix(l.names[full], ".weight")
}

func (l *Loader) missing(name string, shape []int) {
	l.err.Missing = append(l.err.Missing, name)
	l.err.want[name] = slices.Clone(shape)
}

func (l *Loader) misshapen(name string, e Entry, want []int) {
	l.err.Shapes = append(l.err.Shapes, ShapeMismatch{e.File, name, e.DType, e.Shape, slices.Clone(want)})
}

func (l *Loader) other(format string, args ...any) {
	l.err.Other = append(l.err.Other, fmt.Sprintf(format, args...))
}

// zeros stands in for a tensor that cannot be had. A size out of a broken
// configuration gives nil.
func zeros(n int) []float32 {
	if n < 0 || n > 1<<22 {
		return nil
	}
	return make([]float32, n)
}

// size returns the number of values of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
