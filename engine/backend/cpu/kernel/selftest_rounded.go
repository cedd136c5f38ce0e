package kernel

import (
	"math"
	"math/rand/v2"
)

// selfMatMulRounded takes format and group by the length. What is exact is the
// product of the rounded values.
func selfMatMulRounded(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	w := Packed{Format: Format(n % 2), Group: 32 << (n / 2 % 2)}
	n = (n/roundedBlock + 1) * roundedBlock
	groups := n / w.Group
	w.Stride, w.Scales, w.Biases = n*w.Format.bits()/8, selfValues(rng, selfRows*groups), selfValues(rng, selfRows*groups)
	w.Data = make([]byte, selfRows*w.Stride)
	for i := range w.Data {
		w.Data[i] = byte(rng.Uint32())
	}
	r := Rounded{Format: w.Format, Rows: selfRows, N: n, Group: w.Group}
	values, factors := r.Sizes()
	r.Data, r.Scales, r.Sums = make([]int8, values), make([]float32, factors), make([]float32, factors)
	r.Round(Matrix{selfValues(rng, selfRows*n), n}, 0, selfRows)
	got = make([]float32, selfRows*selfRows)
	MatMulRounded(Matrix{got, selfRows}, &r, &w, make([]float32, w.ScratchRounded(n)), 0, selfRows, selfRows)
	for i := range got {
		sum, size := selfRounded(&r, &w, i/selfRows, i%selfRows)
		exact, scale = append(exact, sum), append(scale, size)
	}
	return got, exact, scale
}

// selfRounded returns the product of row t of x and row o of w, and the
// magnitudes of what was added up.
func selfRounded(r *Rounded, w *Packed, t, o int) (sum, size float64) {
	groups := r.N / r.Group
	for i := range r.N {
		at, q := i, float64(w.Data[o*w.Stride+i*w.Format.bits()/8])
		if w.Format == Q4 {
			at = i&^(roundedBlock-1) + i%2*(roundedBlock/2) + i%roundedBlock/2
			q = float64(w.Data[o*w.Stride+i/2] >> (i % 2 * 4) & 15)
		}
		x := float64(r.Data[t*r.N+at]) * float64(r.Scales[t*groups+i/r.Group])
		s, b := float64(w.Scales[o*groups+i/r.Group])*q*x, float64(w.Biases[o*groups+i/r.Group])*x
		sum += s + b
		size += math.Abs(s) + math.Abs(b)
	}
	return sum, size
}
