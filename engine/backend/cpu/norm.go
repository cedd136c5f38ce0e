package cpu

import (
	"math"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
)

// normJob normalizes rows of width values.
type normJob struct {
	dst, x     []float32
	w, b       []float32 // [width] or nil
	eps        float32
	width      int
	layer      bool // subtract the mean
	activation bool // max(0, ·) afterwards
}

func (j *normJob) run(worker, from, to int) {
	for r := from; r < to; r++ {
		dst, x := j.dst[r*j.width:(r+1)*j.width], j.x[r*j.width:(r+1)*j.width]
		if j.layer {
			layerNorm(dst, x, j.w, j.b, j.eps)
		} else {
			rmsNorm(dst, x, j.w, j.eps)
		}
	}
}

// RMSNorm returns x/sqrt(mean(x^2)+eps)*w over the last axis; w may be nil.
func (b *Backend) RMSNorm(x, w tensor.Tensor, eps float32) tensor.Tensor {
	return b.norm("RMSNorm", normJob{eps: eps}, x, w, nil)
}

// LayerNorm returns (x-mean)/sqrt(var+eps)*w+bias over the last axis; bias may
// be nil.
func (b *Backend) LayerNorm(x, w, bias tensor.Tensor, eps float32) tensor.Tensor {
	return b.norm("LayerNorm", normJob{eps: eps, layer: true}, x, w, bias)
}

func (b *Backend) norm(op string, j normJob, x, w, bias tensor.Tensor) tensor.Tensor {
	a := in(op, x)
	if w := optional(op, w); w != nil {
		same(op, w.Shape(), a.last())
		j.w = w.data
	}
	if bias := optional(op, bias); bias != nil {
		same(op, bias.Shape(), a.last())
		j.b = bias.data
	}
	y := b.arena.like(a)
	j.dst, j.x, j.width = y.data, a.data, a.last()
	b.jobs.norm = j
	b.pool.do(&b.jobs.norm, a.rows(), max(pointwiseGrain/max(j.width, 1), 1))
	return y
}

func rmsNorm(dst, x, w []float32, eps float32) {
	if len(x) == 0 {
		return
	}
	mean := kernel.Dot(x, x) / float32(len(x))
	factor := float32(1 / math.Sqrt(float64(mean)+float64(eps)))
	kernel.ScaleMul(dst[:len(x)], x, w, factor)
}

// layerNorm takes the mean first and the centred variance after it, in
// float64, as rows may have a large mean.
func layerNorm(dst, x, w, b []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	sum = 0
	for _, v := range x {
		d := float64(v) - mean
		sum += float64(d * d)
	}
	factor := 1 / math.Sqrt(sum/float64(len(x))+float64(eps))
	for i, v := range x {
		y := float32((float64(v) - mean) * factor)
		if w != nil {
			y *= w[i]
		}
		if b != nil {
			y += b[i]
		}
		dst[i] = y
	}
}
