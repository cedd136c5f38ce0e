package kernel

import (
	"math"
	"math/rand/v2"
)

// selfMatMulRounded takes format and group by the length. What is exact is the
// product of the rounded values.
func selfMatMulRounded(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	const rows = 2*tileRows + 1 // whole tiles and a rest
	w := Packed{Format: Format(n % 2), Group: 32 << (n / 2 % 2)}
	n = (n/roundedBlock + 1) * roundedBlock
	groups := n / w.Group
	w.Stride = n * w.Format.bits() / 8
	w.Scales = w.padFactors(selfValues(rng, rows*groups), n)
	w.Biases = w.padFactors(selfValues(rng, rows*groups), n)
	w.Data = make([]byte, rows*w.Stride)
	for i := range w.Data {
		w.Data[i] = byte(rng.Uint32())
	}
	r := Rounded{Format: w.Format, Rows: rows, N: n, Group: w.Group}
	values, factors := r.Sizes()
	r.Data, r.Scales, r.Sums = make([]int8, values), make([]float32, factors), make([]float32, factors)
	r.Round(Matrix{selfValues(rng, rows*n), n}, 0, rows)
	r.Tile(0, r.Blocks())
	got = make([]float32, rows*rows)
	MatMulRounded(Matrix{got, rows}, &r, &w, make([]float32, w.ScratchRounded(n)), 0, rows, rows)
	for i := range got {
		sum, size := selfRounded(&r, &w, i/rows, i%rows)
		exact, scale = append(exact, sum), append(scale, size)
	}
	return got, exact, scale
}

// padFactors gives each row of n values zeros up to RoundedFactors.
func (w *Packed) padFactors(values []float32, n int) (padded []float32) {
	groups := n / w.Group
	for ; len(values) > 0; values = values[groups:] {
		padded = append(append(padded, values[:groups]...), make([]float32, w.RoundedFactors(n)-groups)...)
	}
	return padded
}

// selfRounded returns the product of row t of x and row o of w, and the
// magnitudes of what was added up.
func selfRounded(r *Rounded, w *Packed, t, o int) (sum, size float64) {
	groups := w.RoundedFactors(r.N)
	for i := range r.N {
		q := float64(w.Data[o*w.Stride+i*w.Format.bits()/8])
		if w.Format == Q4 {
			q = float64(w.Data[o*w.Stride+i/2] >> (i % 2 * 4) & 15)
		}
		scale, _ := r.factors(t, i/r.Group)
		x := float64(r.at(t, i)) * float64(scale)
		s, b := float64(w.Scales[o*groups+i/r.Group])*q*x, float64(w.Biases[o*groups+i/r.Group])*x
		sum += s + b
		size += math.Abs(s) + math.Abs(b)
	}
	return sum, size
}

// at returns value i of row t, in steps of its group's scale.
func (r *Rounded) at(t, i int) int8 {
	if r.quads {
		return r.Data[t*r.quadRow().stride+quadAt(i, r.Group, r.Format == Q4)]
	}
	to := i
	if r.Format == Q4 {
		to = i&^(roundedBlock-1) + i%2*(roundedBlock/2) + i%roundedBlock/2
	}
	return r.Data[t*r.N+to]
}

// factors returns the scale and the sum of group g of row t.
func (r *Rounded) factors(t, g int) (scale, sum float32) {
	if r.quads {
		f := at(r.firstFactor(t), g/quadGroups*quadFactors/4+g%quadGroups, quadGroups+1)
		return f[0], f[quadGroups]
	}
	first := t * (r.N / r.Group)
	return r.Scales[first+g], r.Sums[first+g]
}
