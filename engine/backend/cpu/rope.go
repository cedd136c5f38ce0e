package cpu

import (
	"math"

	"hark/engine/tensor"
)

// angles are the cosines and sines of positions, [T, D/2] each, the pairs of
// section 0 first.
type angles struct {
	cos, sin []float32
	rows     int // T
	sections int
	half     int // pairs in a section
}

// Angles prepares turns for coordinates pos [T*Sections]. They are valid
// until EndStep. An angle is the float32 product of coordinate and frequency.
func (b *Backend) Angles(r *tensor.Rotary, pos []int32) tensor.Angles {
	if r.Sections < 1 || len(pos)%r.Sections != 0 {
		panic(&tensor.ShapeError{Op: "Angles: positions", Got: []int{len(pos)}, Want: []int{r.Sections}})
	}
	if b.turns == len(b.angles) {
		b.angles = append(b.angles, new(angles))
	}
	a := b.angles[b.turns]
	b.turns++
	half := len(r.Freq)
	n := len(pos) * half
	if cap(a.cos) < n {
		a.cos, a.sin = make([]float32, n), make([]float32, n)
	}
	a.cos, a.sin = a.cos[:n], a.sin[:n]
	a.rows, a.sections, a.half = len(pos)/r.Sections, r.Sections, half
	for i, p := range pos {
		for t, freq := range r.Freq {
			sin, cos := 0.0, 1.0
			if freq != 0 && p != 0 {
				sin, cos = math.Sincos(float64(float32(p) * freq))
			}
			a.cos[i*half+t], a.sin[i*half+t] = float32(cos), float32(sin)
		}
	}
	return a
}

// ropeJob turns positions of dst = x [T, heads, D].
type ropeJob struct {
	dst, x []float32
	a      *angles
	heads  int
}

func (j *ropeJob) run(worker, from, to int) {
	half, pairs := j.a.half, j.a.half*j.a.sections
	for t := from; t < to; t++ {
		for h := range j.heads {
			for s := range j.a.sections {
				cos := j.a.cos[t*pairs+s*half:][:half]
				sin := j.a.sin[t*pairs+s*half:][:half]
				at := (t*j.heads+h)*2*pairs + s*2*half
				rotate(j.dst[at:at+2*half], j.x[at:at+2*half], cos, sin)
			}
		}
	}
}

// rotate turns the pairs of x; dst may be x.
func rotate(dst, x, cos, sin []float32) {
	half := len(cos)
	x, dst, sin = x[:2*half], dst[:2*half], sin[:half]
	for i, c := range cos {
		low, high := x[i], x[half+i]
		dst[i] = float32(low*c) - float32(high*sin[i])
		dst[half+i] = float32(high*c) + float32(low*sin[i])
	}
}

// Rope turns x [T, heads, D].
func (b *Backend) Rope(x tensor.Tensor, turns tensor.Angles) tensor.Tensor {
	a, r := in("Rope", x), turns.(*angles)
	axes("Rope", a, 3)
	width := 2 * r.sections * r.half
	same("Rope", a.Shape(), r.rows, a.dims[1], width)
	y := b.arena.like(a)
	b.jobs.rope = ropeJob{dst: y.data, x: a.data, a: r, heads: a.dims[1]}
	b.pool.do(&b.jobs.rope, r.rows, max(pointwiseGrain/max(width*a.dims[1], 1), 1))
	return y
}
