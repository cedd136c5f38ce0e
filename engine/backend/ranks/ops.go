package ranks

import "hark/engine/tensor"

// The operations below are the same on every rank; see tensor.Ops. They are
// told when they are done, so that one which panics has happened nowhere.

// Reshape gives x's values in another shape.
func (b *Backend) Reshape(x tensor.Tensor, shape ...int) tensor.Tensor {
	result := b.made(b.inner.Reshape(in(x), shape...))
	b.tell(opReshape).tensor(x).ints(shape)
	return result
}

// Rows returns x[from:to] along the first axis.
func (b *Backend) Rows(x tensor.Tensor, from, to int) tensor.Tensor {
	result := b.made(b.inner.Rows(in(x), from, to))
	b.tell(opRows).tensor(x).int(from).int(to)
	return result
}

// Cols returns x[..., from:to] along the last axis.
func (b *Backend) Cols(x tensor.Tensor, from, to int) tensor.Tensor {
	result := b.made(b.inner.Cols(in(x), from, to))
	b.tell(opCols).tensor(x).int(from).int(to)
	return result
}

// Concat joins tensors along the first axis.
func (b *Backend) Concat(xs ...tensor.Tensor) tensor.Tensor {
	list := make([]tensor.Tensor, len(xs))
	for i, x := range xs {
		list[i] = in(x)
	}
	result := b.made(b.inner.Concat(list...))
	m := b.tell(opConcat).int(len(xs))
	for _, x := range xs {
		m.tensor(x)
	}
	return result
}

// Gather returns the rows of x named by index.
func (b *Backend) Gather(x tensor.Tensor, index []int) tensor.Tensor {
	result := b.made(b.inner.Gather(in(x), index))
	b.tell(opGather).tensor(x).ints(index)
	return result
}

// Scatter returns x with some rows replaced.
func (b *Backend) Scatter(x tensor.Tensor, index []int, rows tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.Scatter(in(x), index, in(rows)))
	b.tell(opScatter).tensor(x).ints(index).tensor(rows)
	return result
}

// Add returns x+y.
func (b *Backend) Add(x, y tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.Add(in(x), in(y)))
	b.tell(opAdd).tensor(x).tensor(y)
	return result
}

// Mul returns x*y.
func (b *Backend) Mul(x, y tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.Mul(in(x), in(y)))
	b.tell(opMul).tensor(x).tensor(y)
	return result
}

// Scale returns x*factor.
func (b *Backend) Scale(x tensor.Tensor, factor float32) tensor.Tensor {
	result := b.made(b.inner.Scale(in(x), factor))
	b.tell(opScale).tensor(x).float(factor)
	return result
}

// Clamp limits x to [low, high].
func (b *Backend) Clamp(x tensor.Tensor, low, high float32) tensor.Tensor {
	result := b.made(b.inner.Clamp(in(x), low, high))
	b.tell(opClamp).tensor(x).float(low).float(high)
	return result
}

// Activate applies f to each value.
func (b *Backend) Activate(f tensor.Activation, x tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.Activate(f, in(x)))
	b.tell(opActivate).int(int(f)).tensor(x)
	return result
}

// GatedGELU returns GELU(gate)*up.
func (b *Backend) GatedGELU(gate, up tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.GatedGELU(in(gate), in(up)))
	b.tell(opGatedGELU).tensor(gate).tensor(up)
	return result
}

// GLU gates one half of x's last axis by the other.
func (b *Backend) GLU(x tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.GLU(in(x)))
	b.tell(opGLU).tensor(x)
	return result
}

// SoftCap returns limit*tanh(x/limit).
func (b *Backend) SoftCap(x tensor.Tensor, limit float32) tensor.Tensor {
	result := b.made(b.inner.SoftCap(in(x), limit))
	b.tell(opSoftCap).tensor(x).float(limit)
	return result
}

// RMSNorm divides by the root mean square.
func (b *Backend) RMSNorm(x, w tensor.Tensor, eps float32) tensor.Tensor {
	result := b.made(b.inner.RMSNorm(in(x), in(w), eps))
	b.tell(opRMSNorm).tensor(x).tensor(w).float(eps)
	return result
}

// LayerNorm brings each row to mean 0 and variance 1.
func (b *Backend) LayerNorm(x, w, bias tensor.Tensor, eps float32) tensor.Tensor {
	result := b.made(b.inner.LayerNorm(in(x), in(w), in(bias), eps))
	b.tell(opLayerNorm).tensor(x).tensor(w).tensor(bias).float(eps)
	return result
}

// Angles prepares turns.
func (b *Backend) Angles(r *tensor.Rotary, pos []int32) tensor.Angles {
	a := &angles{inner: b.inner.Angles(r, pos), id: b.number()}
	b.tell(opAngles).rotary(r).int32s(pos)
	if b.follows() {
		b.angles[a.id] = a
	}
	return a
}

// Rope turns x.
func (b *Backend) Rope(x tensor.Tensor, a tensor.Angles) tensor.Tensor {
	turns := a.(*angles)
	result := b.made(b.inner.Rope(in(x), turns.inner))
	b.tell(opRope).tensor(x).uint(turns.id)
	return result
}

// Store writes keys and values.
func (b *Backend) Store(layer int, k, v tensor.Tensor, segs []tensor.Segment) {
	b.inner.Store(layer, in(k), in(v), b.within(segs))
	b.tell(opStore).int(layer).tensor(k).tensor(v).segments(segs)
}

// Attention lets q look at the caches of segs.
func (b *Backend) Attention(layer int, q tensor.Tensor, segs []tensor.Segment, ahead bool) tensor.Tensor {
	result := b.made(b.inner.Attention(layer, in(q), b.within(segs), ahead))
	b.tell(opAttention).int(layer).tensor(q).segments(segs).truth(ahead)
	return result
}

// within returns segs with the device's caches, until the next call.
func (b *Backend) within(segs []tensor.Segment) []tensor.Segment {
	b.segs = append(b.segs[:0], segs...)
	for i := range b.segs {
		b.segs[i].KV = b.segs[i].KV.(*kv).KV
	}
	return b.segs
}

// FullAttention lets all rows see all rows.
func (b *Backend) FullAttention(q, k, v tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.FullAttention(in(q), in(k), in(v)))
	b.tell(opFullAttention).tensor(q).tensor(k).tensor(v)
	return result
}

// LocalAttention is the audio tower's.
func (b *Backend) LocalAttention(q, k, v, rel tensor.Tensor, span int, limit float32) tensor.Tensor {
	result := b.made(b.inner.LocalAttention(in(q), in(k), in(v), in(rel), span, limit))
	b.tell(opLocalAttention).tensor(q).tensor(k).tensor(v).tensor(rel).int(span).float(limit)
	return result
}

// Subsample convolves with stride 2.
func (b *Backend) Subsample(x tensor.Tensor, c *tensor.Convolution) tensor.Tensor {
	result := b.made(b.inner.Subsample(in(x), c))
	b.tell(opSubsample).tensor(x).convolution(c)
	return result
}

// CausalConv convolves each channel along time.
func (b *Backend) CausalConv(x, w tensor.Tensor) tensor.Tensor {
	result := b.made(b.inner.CausalConv(in(x), in(w)))
	b.tell(opCausalConv).tensor(x).tensor(w)
	return result
}

// Pool averages squares of patches.
func (b *Backend) Pool(x tensor.Tensor, rows, cols, side int) tensor.Tensor {
	result := b.made(b.inner.Pool(in(x), rows, cols, side))
	b.tell(opPool).tensor(x).int(rows).int(cols).int(side)
	return result
}
