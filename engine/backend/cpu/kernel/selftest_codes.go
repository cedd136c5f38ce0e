package kernel

import "math/rand/v2"

// selfCodes makes rows of n codes and the values they stand for.
func selfCodes(rng *rand.Rand, rows, n, group int) (c Codes, values []float32) {
	groups := (n + group - 1) / group
	c = Codes{Data: make([]int8, rows*n), Stride: n, Scales: selfValues(rng, rows*groups), Group: group}
	for i := range c.Data {
		c.Data[i] = int8(rng.Uint32())
		values = append(values, float32(c.Data[i])*c.Scales[i/n*groups+i%n/group])
	}
	return c, values
}

func selfMatMulCodes(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, selfRows*n)
	w, values := selfCodes(rng, selfRows, n, CodeGroup)
	got = make([]float32, selfRows*selfRows)
	MatMulCodes(Matrix{got, selfRows}, Matrix{x, n}, w, selfRows, selfRows, n)
	for r := range selfRows {
		for o := range selfRows {
			sum, size := selfProduct(x[r*n:][:n], values[o*n:][:n])
			exact, scale = append(exact, sum), append(scale, size)
		}
	}
	return got, exact, scale
}

func selfMixCodes(rng *rand.Rand, width int) (got []float32, exact, scale []float64) {
	const n = 37
	p := selfValues(rng, tile*n)
	v, values := selfCodes(rng, n, width, width)
	got = make([]float32, tile*width)
	MixCodes(Matrix{got, width}, Matrix{p, n}, v, n, width)
	exact, scale = selfMixed(p, values, n, width)
	return got, exact, scale
}

// selfMixed returns what mixes of n rows of v by rows of p are, and the
// magnitudes.
func selfMixed(p, v []float32, n, width int) (exact, scale []float64) {
	column := make([]float32, n)
	for r := range len(p) / n {
		for d := range width {
			for j := range column {
				column[j] = v[j*width+d]
			}
			sum, size := selfProduct(p[r*n:][:n], column)
			exact, scale = append(exact, sum), append(scale, size)
		}
	}
	return exact, scale
}

func selfMatMulAhead(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, w := selfValues(rng, 2*tile*n), selfValues(rng, selfRows*n)
	got = make([]float32, 2*tile*selfRows)
	MatMulAhead(Matrix{got, selfRows}, Matrix{x, n}, Matrix{w, n}, 2*tile, selfRows, n, x)
	for r := range 2 * tile {
		for o := range selfRows {
			sum, size := selfProduct(x[r*n:][:n], w[o*n:][:n])
			exact, scale = append(exact, sum), append(scale, size)
		}
	}
	return got, exact, scale
}

func selfMixAhead(rng *rand.Rand, width int) (got []float32, exact, scale []float64) {
	const n, rows = 37, 2 * tile
	p, v := selfValues(rng, rows*n), selfValues(rng, n*width)
	got = make([]float32, rows*width)
	MixAhead(Matrix{got, width}, Matrix{p, n}, Matrix{v, width}, rows, n, width, v)
	exact, scale = selfMixed(p, v, n, width)
	return got, exact, scale
}
