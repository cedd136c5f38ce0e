package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// localJob computes rows of LocalAttention.
type localJob struct {
	b          *Backend
	dst, q     []float32 // [n, N, D]
	k, v, rel  []float32 // [past+n, N, D], rel [span or more, N, D]
	past       int
	heads, dim int
	span       int
	cap        float32
}

func (j *localJob) run(worker, from, to int) {
	stride := j.heads * j.dim
	s := &j.b.scratch[worker]
	sums, capped := s.floats(slotMix, j.span), s.floats(slotScores, j.span)
	for i := from; i < to; i++ {
		last := j.past + i // the row itself
		first := max(0, last-j.span+1)
		n := last - first + 1
		for h := range j.heads {
			q := j.q[i*stride+h*j.dim:][:j.dim]
			for c := range n {
				key := j.k[(first+c)*stride+h*j.dim:][:j.dim]
				rel := j.rel[(last-first-c)*stride+h*j.dim:][:j.dim]
				sums[c] = kernel.Dot(q, key) + kernel.Dot(q, rel)
			}
			scores := capped[:n]
			kernel.SoftCap(scores, sums, j.cap)
			inverse := softmax(scores)
			dst := j.dst[i*stride+h*j.dim:][:j.dim]
			clear(dst)
			for c, p := range scores {
				addScaled(dst, j.v[(first+c)*stride+h*j.dim:], p*inverse)
			}
		}
	}
}

// LocalAttention is the audio tower's; see tensor.Ops.
func (b *Backend) LocalAttention(q, k, v, rel tensor.Tensor, span int, cap float32) tensor.Tensor {
	a, keys, values, r := in("LocalAttention", q), in("LocalAttention", k), in("LocalAttention", v), in("LocalAttention", rel)
	axes("LocalAttention", a, 3)
	axes("LocalAttention: keys", keys, 3)
	axes("LocalAttention: rel", r, 3)
	n, heads, dim := a.dims[0], a.dims[1], a.dims[2]
	past := keys.dims[0] - n
	if span < 1 || past < 0 || r.dims[0] < span {
		panic(&tensor.ShapeError{Op: "LocalAttention: rows of k and rel", Got: []int{keys.dims[0], r.dims[0]}, Want: []int{n, span}})
	}
	same("LocalAttention: keys", keys.dims[1:3], heads, dim)
	same("LocalAttention: values", values.Shape(), keys.Shape()...)
	same("LocalAttention: rel", r.dims[1:3], heads, dim)
	y := b.arena.alloc(n, heads*dim)
	b.jobs.local = localJob{
		b: b, dst: y.data, q: a.data, k: keys.data, v: values.data, rel: r.data,
		past: past, heads: heads, dim: dim, span: span, cap: cap,
	}
	b.pool.do(&b.jobs.local, n, macGrain/max(3*span*heads*dim, 1))
	return y
}

// subsampleJob convolves; an item is one row of the result.
type subsampleJob struct {
	b       *Backend
	dst, x  []float32 // [T', F', Out], [T, F, In]
	c       *tensor.Convolution
	freq    int // F
	outFreq int // F'
}

func (j *subsampleJob) run(worker, from, to int) {
	width := 9 * j.c.In
	patches := j.b.scratch[worker].floats(slotWeights, j.outFreq*width)
	for t := from; t < to; t++ {
		for f := range j.outFreq {
			for k := range 3 {
				j.patch(patches[f*width+3*k*j.c.In:][:3*j.c.In], 2*t+k, 2*f-1)
			}
		}
		kernel.MatMul(
			kernel.Matrix{Data: j.dst[t*j.outFreq*j.c.Out:], Stride: j.c.Out},
			kernel.Matrix{Data: patches, Stride: width},
			kernel.Matrix{Data: j.c.Data, Stride: width}, j.outFreq, j.c.Out, width)
	}
}

// patch copies frequencies first to first+2 of time t, zero where there are
// none.
func (j *subsampleJob) patch(dst []float32, t, first int) {
	in := j.c.In
	low, high := max(first, 0), min(first+3, j.freq)
	clear(dst[:(low-first)*in])
	copy(dst[(low-first)*in:(high-first)*in], j.x[(t*j.freq+low)*in:])
	clear(dst[(high-first)*in:])
}

// Subsample convolves x [T, F, In] with a 3x3 kernel, stride 2 in both
// directions; see tensor.Ops. Fewer than 3 rows give none.
func (b *Backend) Subsample(x tensor.Tensor, c *tensor.Convolution) tensor.Tensor {
	a := in("Subsample", x)
	axes("Subsample", a, 3)
	same("Subsample: channels", a.dims[2:3], c.In)
	same("Subsample: kernel", []int{len(c.Data)}, c.Out*9*c.In)
	rows, freq := 0, a.dims[1]
	if a.dims[0] >= 3 {
		rows = (a.dims[0]-3)/2 + 1
	}
	outFreq := (freq-1)/2 + 1
	y := b.arena.alloc(rows, outFreq, c.Out)
	b.jobs.subsample = subsampleJob{b: b, dst: y.data, x: a.data, c: c, freq: freq, outFreq: outFreq}
	b.pool.do(&b.jobs.subsample, rows, macGrain/max(outFreq*c.Out*9*c.In, 1))
	return y
}

// convJob convolves channels along time; an item is one row of the result.
type convJob struct {
	dst, x, w      []float32 // [n, C], [past+n, C], [C, taps]
	channels, taps int
}

func (j *convJob) run(worker, from, to int) {
	for t := from; t < to; t++ {
		dst := j.dst[t*j.channels : (t+1)*j.channels]
		x := j.x[t*j.channels : (t+j.taps)*j.channels]
		for c := range dst {
			var sum float32
			for k, w := range j.w[c*j.taps : (c+1)*j.taps] {
				sum += float32(w * x[k*j.channels+c])
			}
			dst[c] = sum
		}
	}
}

// CausalConv convolves each channel along time: x [past+n, C], w [C, past+1]
// → [n, C].
func (b *Backend) CausalConv(x, w tensor.Tensor) tensor.Tensor {
	a, m := in("CausalConv", x), in("CausalConv", w)
	axes("CausalConv", a, 2)
	axes("CausalConv: kernel", m, 2)
	channels, taps := a.dims[1], m.dims[1]
	same("CausalConv: kernel", m.dims[:1], channels)
	n := a.dims[0] - taps + 1
	if n < 0 || taps < 1 {
		panic(&tensor.ShapeError{Op: "CausalConv: rows", Got: []int{a.dims[0]}, Want: []int{taps}})
	}
	y := b.arena.alloc(n, channels)
	b.jobs.conv = convJob{dst: y.data, x: a.data, w: m.data, channels: channels, taps: taps}
	b.pool.do(&b.jobs.conv, n, pointwiseGrain/max(channels*taps, 1))
	return y
}
