package kernel

import "math/rand/v2"

// selfMatMulStrips takes format and group by the length, and whole quads.
func selfMatMulStrips(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	const outs = 2 * tile
	w := Packed{Format: Format(n % 2), Group: 32 << (n / 2 % 2)}
	n = (n/(quadGroups*w.Group) + 1) * quadGroups * w.Group
	factors := outs * n / w.Group
	w.Stride = n * w.Format.bits() / 8
	w.Data, w.ScaleBits, w.BiasBits = make([]byte, outs*w.Stride), make([]byte, 2*factors), make([]byte, 2*factors)
	for _, data := range [][]byte{w.Data, w.ScaleBits, w.BiasBits} {
		for i := range data {
			data[i] = byte(rng.Uint32()) & 0xbf // bfloat16 of at most 2
		}
	}
	w.Scales, w.Biases = make([]float32, factors), make([]float32, factors)
	unpackBF16Generic(&w.Scales[0], &w.ScaleBits[0], factors)
	unpackBF16Generic(&w.Biases[0], &w.BiasBits[0], factors)
	r := Rounded{Format: w.Format, Rows: selfRows, N: n, Group: w.Group, quads: true}
	values, _ := r.sizes()
	r.Data = make([]int8, values)
	x := selfValues(rng, selfRows*n)
	for t := range selfRows {
		r.roundQuads(x[t*n:], t)
	}
	strips := Strips{Format: w.Format, Group: w.Group, N: n}
	strips.Data = make([]byte, outs/tile*strips.Size())
	strips.Pack(&w)
	got = make([]float32, selfRows*outs)
	MatMulStrips(Matrix{got, outs}, &r, &strips, 0, selfRows)
	for i := range got {
		sum, size := selfRounded(&r, &w, i/outs, i%outs)
		exact, scale = append(exact, sum), append(scale, size)
	}
	return got, exact, scale
}
