package kernel

import (
	"math"
	"math/rand/v2"
)

func selfAdd(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	a, b := selfValues(rng, n), selfValues(rng, n)
	got = make([]float32, n)
	Add(got, a, b)
	for i := range a {
		exact, scale = append(exact, float64(a[i])+float64(b[i])), append(scale, math.Abs(float64(a[i]))+math.Abs(float64(b[i])))
	}
	return got, exact, scale
}

func selfMul(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	a, b := selfValues(rng, n), selfValues(rng, n)
	got = make([]float32, n)
	Mul(got, a, b)
	for i := range a {
		exact = append(exact, float64(a[i])*float64(b[i]))
		scale = append(scale, math.Abs(exact[i]))
	}
	return got, exact, scale
}

func selfScaleMul(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	a, b := selfValues(rng, n), selfValues(rng, n)
	got = make([]float32, n)
	ScaleMul(got, a, b, 0.7)
	for i := range a {
		exact = append(exact, float64(a[i])*float64(float32(0.7))*float64(b[i]))
		scale = append(scale, math.Abs(exact[i]))
	}
	return got, exact, scale
}

func selfClamp(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	got = make([]float32, n)
	Clamp(got, x, -0.5, 0.25)
	return selfPointwise(got, x, func(v float64) float64 { return min(max(v, -0.5), 0.25) })
}
