package convert

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// blockValues is about how many values one call of Encode gets.
const blockValues = 1 << 19

// output is a tensor to be written.
type output struct {
	name  string
	dtype string
	shape []int
	bytes int64
	part  part    // what it is made of
	work  *encode // how, nil for a copy
	write func(ctx context.Context, r *run, w io.Writer) error
}

// encode is the work on one matrix, shared by the two or three tensors that
// become of it. They are written in the order of their names: biases, scales,
// weight. The first of them computes the scales and biases of all groups, the
// last computes them again with the codes, which are too many to be kept.
type encode struct {
	module         Module
	from           tensor.Format
	blocks         [][]byte
	scales, biases []byte // from the first output to the second
}

// quantizedOutputs are the tensors that a matrix becomes.
func quantizedOutputs(p part, m Module, from tensor.Format, dtype string) []*output {
	e := &encode{module: m, from: from}
	unit := m.Scheme.Group * from.Size()
	for _, s := range p.segments {
		e.blocks = slices.AppendSeq(e.blocks, slices.Chunk(s, max(1, blockValues/m.Scheme.Group)*unit))
	}
	values := p.bytes() / int64(from.Size())
	codes, scales, biases := m.Scheme.Sizes(values, from)
	last := len(p.shape) - 1
	words, groups := slices.Clone(p.shape), slices.Clone(p.shape)
	words[last], groups[last] = words[last]*m.Scheme.Bits/32, groups[last]/m.Scheme.Group
	weight := &output{name: p.name, dtype: "U32", shape: words, bytes: codes, part: p, work: e, write: e.writeCodes}
	scale := &output{name: m.Path + ".scales", dtype: "U8", shape: groups, bytes: scales, part: p, work: e, write: e.writeScales}
	if biases == 0 {
		return []*output{scale, weight}
	}
	scale.dtype = dtype
	bias := &output{name: m.Path + ".biases", dtype: dtype, shape: groups, bytes: biases, part: p, work: e, write: e.writeBiases}
	return []*output{bias, scale, weight}
}

// prepare computes the scales and biases of all groups.
func (e *encode) prepare(ctx context.Context, r *run) error {
	if e.scales != nil {
		return nil
	}
	var scales, biases int64
	for _, b := range e.blocks {
		_, s, z := e.sizes(b)
		scales, biases = scales+s, biases+z
	}
	allScales, allBiases := make([]byte, scales), make([]byte, biases)
	type span struct{ scales, biases []byte }
	spans := make([]span, len(e.blocks))
	restScales, restBiases := allScales, allBiases
	for i, b := range e.blocks {
		_, s, z := e.sizes(b)
		spans[i] = span{restScales[:s], restBiases[:z]}
		restScales, restBiases = restScales[s:], restBiases[z:]
	}
	err := r.each(ctx, len(e.blocks), func(i, _ int) error {
		return e.encode(nil, spans[i].scales, spans[i].biases, i)
	}, func(i, _ int) error {
		r.done(int64(len(e.blocks[i])) / 4)
		return nil
	})
	if err == nil {
		e.scales, e.biases = allScales, allBiases
	}
	return err
}

func (e *encode) sizes(block []byte) (codes, scales, biases int64) {
	return e.module.Scheme.Sizes(int64(len(block)/e.from.Size()), e.from)
}

// encode quantizes one block.
func (e *encode) encode(codes, scales, biases []byte, block int) error {
	err := e.module.Scheme.Encode(codes, scales, biases, e.from, e.blocks[block])
	var value *weights.ValueError
	if errors.As(err, &value) {
		for _, b := range e.blocks[:block] {
			value.Index += int64(len(b) / e.from.Size())
		}
		in := int64(e.module.Shape[len(e.module.Shape)-1])
		return inputError("tensor %s.weight: row %d, column %d is %v, which no code stands for",
			e.module.Path, value.Index/in, value.Index%in, value.Value)
	}
	return err
}

func (e *encode) writeBiases(ctx context.Context, r *run, w io.Writer) error {
	if err := e.prepare(ctx, r); err != nil {
		return err
	}
	_, err := w.Write(e.biases)
	return err
}

func (e *encode) writeScales(ctx context.Context, r *run, w io.Writer) error {
	if err := e.prepare(ctx, r); err != nil {
		return err
	}
	_, err := w.Write(e.scales)
	e.scales, e.biases = nil, nil
	return err
}

func (e *encode) writeCodes(ctx context.Context, r *run, w io.Writer) error {
	buffers := make([][]byte, r.threads)
	return r.each(ctx, len(e.blocks), func(i, slot int) error {
		n, _, _ := e.sizes(e.blocks[i])
		if int64(cap(buffers[slot])) < n {
			buffers[slot] = make([]byte, n)
		}
		buffers[slot] = buffers[slot][:n]
		return e.encode(buffers[slot], nil, nil, i)
	}, func(i, slot int) error {
		size := int64(len(e.blocks[i]))
		r.done(size - size/4)
		_, err := w.Write(buffers[slot])
		return err
	})
}

// copyPart writes a tensor that stays as it is.
func (o *output) copyPart(ctx context.Context, r *run, w io.Writer) error {
	const most = 8 << 20 // between looks at ctx
	for _, s := range o.part.segments {
		for piece := range slices.Chunk(s, most) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := w.Write(piece); err != nil {
				return err
			}
			r.done(int64(len(piece)))
		}
	}
	return nil
}

// run is one conversion under way.
type run struct {
	threads  int
	progress func(done, total int64)
	total    int64
	sum      int64
}

func newRun(p *Plan) *run {
	r := &run{threads: p.opts.Threads, progress: p.opts.Progress, total: p.SourceBytes}
	if r.threads < 1 {
		r.threads = runtime.GOMAXPROCS(0)
	}
	return r
}

// done counts bytes of the source.
func (r *run) done(bytes int64) {
	r.sum += bytes
	if r.progress != nil {
		r.progress(r.sum, r.total)
	}
}

// each calls work for 0 to n-1, as many at once as there are threads, and then
// for each of those, in order and in the caller's goroutine. slot tells work
// that goes on at the same time apart. The first error of either ends it.
func (r *run) each(ctx context.Context, n int, work, then func(i, slot int) error) error {
	errs := make([]error, r.threads)
	for from := 0; from < n; from += r.threads {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(n, from+r.threads)
		var wg sync.WaitGroup
		for i := from; i < to; i++ {
			wg.Go(func() { errs[i-from] = work(i, i-from) })
		}
		wg.Wait()
		for i := from; i < to; i++ {
			if err := errs[i-from]; err != nil {
				return err
			}
			if err := then(i, i-from); err != nil {
				return err
			}
		}
	}
	return nil
}
