package cpu

import (
	"unsafe"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// RoundingPays reports whether Options.Rounded makes all products faster on this
// processor, and not only those of single rows.
func RoundingPays() bool { return kernel.RoundedPays() }

// roundJob rounds rows of x; an item is a row, and then a block of rows that
// become tiles.
type roundJob struct {
	to    *kernel.Rounded
	x     kernel.Matrix
	tiles bool
}

func (j *roundJob) run(worker, from, to int) {
	if j.tiles {
		j.to.Tile(from, to)
	} else {
		j.to.Round(j.x, from, to)
	}
}

// round rounds the activations x of a product. The memory of the result is that
// of the array it returns.
func (b *Backend) round(j *linearJob, x []float32) *array {
	j.w.pad(j.first, j.outs)
	in := j.w.in
	w := kernel.Packed{Group: j.w.stored.Group}
	r := &j.rounded
	*r = kernel.Rounded{Format: j.w.packed.format, Rows: j.rows, N: in, Group: w.RoundedGroup()}
	values, factors := r.Sizes()
	buffer := b.arena.alloc(values/4 + 2*factors)
	r.Data = unsafe.Slice((*int8)(unsafe.Pointer(&buffer.data[0])), values)
	r.Scales, r.Sums = buffer.data[values/4:][:factors], buffer.data[values/4+factors:]
	b.jobs.round = roundJob{to: r, x: kernel.Matrix{Data: x, Stride: in}}
	b.pool.do(&b.jobs.round, j.rows, max(pointwiseGrain/in, 1))
	b.jobs.round.tiles = true
	b.pool.do(&b.jobs.round, r.Blocks(), 1)
	return buffer
}

// roundedView is view with a scale and a bias for each group of rounded
// activations, and with zeros where the kernels want more of them.
func (w *weight) roundedView(s *scratch, first, n int) kernel.Packed {
	st, p := &w.stored, &w.packed
	times := st.Group / (&kernel.Packed{Group: st.Group}).RoundedGroup()
	groups := (&kernel.Packed{Group: st.Group}).RoundedFactors(w.in)
	if times == 1 && groups == p.groups && st.Scale == tensor.BF16 {
		size := 2 * p.groups
		return kernel.Packed{
			Format: p.format, Data: st.Data[first*p.bytes : (first+n)*p.bytes], Stride: p.bytes, Group: st.Group,
			ScaleBits: st.Scales[first*size : (first+n)*size], BiasBits: st.Biases[first*size : (first+n)*size],
		}
	}
	if w.paddedScales != nil {
		size := 2 * groups
		return kernel.Packed{
			Format: p.format, Data: st.Data[first*p.bytes : (first+n)*p.bytes], Stride: p.bytes, Group: st.Group,
			ScaleBits: w.paddedScales[first*size : (first+n)*size], BiasBits: w.paddedBiases[first*size : (first+n)*size],
		}
	}
	v := w.view(s, first, n)
	if times > 1 || groups != p.groups {
		v.Scales = spread(s.floats(slotRows, n*groups), v.Scales, n, times)
		v.Biases = spread(s.floats(slotMix, n*groups), v.Biases, n, times)
	}
	return v
}

// pad copies bfloat16 scales and biases of rows first to first+n of the stack, with
// zeros behind each row, where the kernels want more of them than the row has: a
// sixth more than they are in rows of ten groups. Each matrix of the stack is
// copied before its first product, and not in each: of experts that no token has
// chosen yet, nothing is read, and the memory is the system's to give.
func (w *weight) pad(first, n int) {
	st := &w.stored
	form := kernel.Packed{Group: st.Group}
	groups := form.RoundedFactors(w.in)
	if groups == w.packed.groups || form.RoundedGroup() != st.Group || st.Scale != tensor.BF16 {
		return
	}
	has, wants, out := 2*w.packed.groups, 2*groups, w.shape[len(w.shape)-2]
	if w.paddedScales == nil {
		rows := len(st.Scales) / has
		w.paddedScales, w.paddedBiases, w.padded = make([]byte, rows*wants), make([]byte, rows*wants), make([]bool, rows/out)
	}
	for i := first / out; i*out < first+n; i++ {
		if w.padded[i] {
			continue
		}
		w.padded[i] = true
		for r := i * out; r < (i+1)*out; r++ {
			copy(w.paddedScales[r*wants:], st.Scales[r*has:(r+1)*has])
			copy(w.paddedBiases[r*wants:], st.Biases[r*has:(r+1)*has])
		}
	}
}

// spread writes every value of n rows some times, and zeros behind each row.
func spread(dst, src []float32, n, times int) []float32 {
	width, groups := len(dst)/n, len(src)/n
	for r := range n {
		to := dst[r*width : (r+1)*width]
		if times == 1 {
			clear(to[copy(to, src[r*groups:(r+1)*groups]):])
			continue
		}
		for i, v := range src[r*groups : (r+1)*groups] {
			for k := range times {
				to[i*times+k] = v
			}
		}
		clear(to[groups*times:])
	}
	return dst
}
