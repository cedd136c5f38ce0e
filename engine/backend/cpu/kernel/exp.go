package kernel

import "math"

// Exp sets each x[i] to exp(x[i]-shift) and returns their sum, added in an
// order that depends on len(x) only. Each value errs by at most 2 units in
// the last place, results below 2^-126 by 2^-149; a value's bits do not depend
// on its place in x.
func Exp(x []float32, shift float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return expShift(&x[0], len(x), shift)
}

// Max returns the greatest value of x, -Inf if there is none. NaNs may be
// passed over.
func Max(x []float32) float32 {
	if len(x) == 0 {
		return float32(math.Inf(-1))
	}
	return maximum(&x[0], len(x))
}

// The constants of exp(x) = 2^n * exp(r), n = round(x/ln 2), r = x - n*ln 2
// within ±ln2/2. ln2High has 15 significant bits, so n*ln2High is exact.
const (
	log2e   = 1.44269504088896340736
	ln2High = 0.693359375
	ln2Low  = -2.12194440054690583e-4
	rounder = 1<<23 + 1<<22 // x + rounder has no fraction bits left
	expMax  = 88.72284      // above it, infinity
	expMin  = -104          // below it, zero
)

// The polynomial of exp(r) = 1 + r + r²·(exp2 + exp3·r + …), interpolating at
// the Chebyshev points of |r| <= ln2/2; it errs by 1.1e-8 of the value.
const (
	exp2 = 0.5
	exp3 = 0.16666576266288757
	exp4 = 0.041666556149721146
	exp5 = 0.008363203145563602
	exp6 = 0.0013926213141530752
)

// exp32 is the plain Go exponential.
func exp32(x float32) float32 {
	if !(x < expMax) {
		return x * float32(math.Inf(1)) // NaN stays NaN
	}
	if x < expMin {
		return 0
	}
	n := float32(x*log2e+rounder) - rounder
	r := x - float32(n*ln2High)
	r -= float32(n * ln2Low)
	p := float32(exp6)
	p = float32(p*r) + exp5
	p = float32(p*r) + exp4
	p = float32(p*r) + exp3
	p = float32(p*r) + exp2
	p = float32(float32(p*r)*r) + r
	p++
	// Two factors, as 2^n itself may be beyond float32.
	half := int32(n) >> 1
	return p * power2(half) * power2(int32(n)-half)
}

// power2 returns 2^n for n from -126 to 127.
func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

func expShiftGeneric(x *float32, n int, shift float32) float32 {
	values := at(x, 0, n)
	var s0, s1, s2, s3 float32
	for len(values) >= 4 {
		v := values[:4:4]
		v[0], v[1] = exp32(v[0]-shift), exp32(v[1]-shift)
		v[2], v[3] = exp32(v[2]-shift), exp32(v[3]-shift)
		s0, s1, s2, s3 = s0+v[0], s1+v[1], s2+v[2], s3+v[3]
		values = values[4:]
	}
	for i, value := range values {
		values[i] = exp32(value - shift)
		s0 += values[i]
	}
	return (s0 + s2) + (s1 + s3)
}

func maximumGeneric(x *float32, n int) float32 {
	values := at(x, 0, n)
	m0, m1 := values[0], values[0]
	for len(values) >= 2 {
		v := values[:2:2]
		if v[0] > m0 {
			m0 = v[0]
		}
		if v[1] > m1 {
			m1 = v[1]
		}
		values = values[2:]
	}
	if len(values) > 0 && values[0] > m0 {
		m0 = values[0]
	}
	if m1 > m0 {
		return m1
	}
	return m0
}
