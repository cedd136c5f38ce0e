package cpu

import (
	"unsafe"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// roundJob rounds rows of x; an item is a row.
type roundJob struct {
	to *kernel.Rounded
	x  kernel.Matrix
}

func (j *roundJob) run(worker, from, to int) { j.to.Round(j.x, from, to) }

// round rounds the activations x of a product. The memory of the result is that
// of the array it returns.
func (b *Backend) round(j *linearJob, x []float32) *array {
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
	return buffer
}

// roundedView is view with a scale and a bias for each group of rounded
// activations.
func (w *weight) roundedView(s *scratch, first, n int) kernel.Packed {
	st, p := &w.stored, &w.packed
	times := st.Group / (&kernel.Packed{Group: st.Group}).RoundedGroup()
	if times == 1 && st.Scale == tensor.BF16 {
		size := 2 * p.groups
		return kernel.Packed{
			Format: p.format, Data: st.Data[first*p.bytes : (first+n)*p.bytes], Stride: p.bytes, Group: st.Group,
			ScaleBits: st.Scales[first*size : (first+n)*size], BiasBits: st.Biases[first*size : (first+n)*size],
		}
	}
	v := w.view(s, first, n)
	if times > 1 {
		v.Scales = repeat(s.floats(slotRows, times*len(v.Scales)), v.Scales, times)
		v.Biases = repeat(s.floats(slotMix, times*len(v.Biases)), v.Biases, times)
	}
	return v
}

// repeat writes every value of src some times.
func repeat(dst, src []float32, times int) []float32 {
	for i, v := range src {
		for k := range times {
			dst[i*times+k] = v
		}
	}
	return dst
}
