package kernel

// activationVector is how many values the functions below take at a time. What
// is left is filled up, so that a value's bits do not depend on its place.
const activationVector = 16

// GELU sets dst[i] to the tanh form of GELU(x[i]), times up[i] unless up is
// nil. It errs by at most 4e-7 of the value. dst must not overlap x or up.
func GELU(dst, x, up []float32) {
	need("GELU", "x", len(x), len(dst))
	if up != nil {
		need("GELU", "up", len(up), len(dst))
	}
	whole := len(dst) &^ (activationVector - 1)
	if whole > 0 {
		gelu(&dst[0], &x[0], first(up), whole)
	}
	if whole == len(dst) {
		return
	}
	var in, by, out [activationVector]float32
	copy(in[:], x[whole:len(dst)])
	if up == nil {
		gelu(&out[0], &in[0], nil, activationVector)
	} else {
		copy(by[:], up[whole:len(dst)])
		gelu(&out[0], &in[0], &by[0], activationVector)
	}
	copy(dst[whole:], out[:])
}

// SigmoidMul sets dst[i] to 1/(1+exp(-x[i])), times a[i] unless a is nil. It
// errs by at most 4e-7 of the value. dst must not overlap a or x.
func SigmoidMul(dst, a, x []float32) {
	need("SigmoidMul", "x", len(x), len(dst))
	if a != nil {
		need("SigmoidMul", "a", len(a), len(dst))
	}
	whole := len(dst) &^ (activationVector - 1)
	if whole > 0 {
		sigmoidMul(&dst[0], first(a), &x[0], whole)
	}
	if whole == len(dst) {
		return
	}
	var in, by, out [activationVector]float32
	copy(in[:], x[whole:len(dst)])
	if a == nil {
		sigmoidMul(&out[0], nil, &in[0], activationVector)
	} else {
		copy(by[:], a[whole:len(dst)])
		sigmoidMul(&out[0], &by[0], &in[0], activationVector)
	}
	copy(dst[whole:], out[:])
}

// SoftCap sets dst[i] to limit*tanh(x[i]/limit). It errs by at most 5e-7 of
// the value. dst must not overlap x.
func SoftCap(dst, x []float32, limit float32) {
	need("SoftCap", "x", len(x), len(dst))
	whole := len(dst) &^ (activationVector - 1)
	if whole > 0 {
		softCap(&dst[0], &x[0], whole, limit)
	}
	if whole == len(dst) {
		return
	}
	var in, out [activationVector]float32
	copy(in[:], x[whole:len(dst)])
	softCap(&out[0], &in[0], activationVector, limit)
	copy(dst[whole:], out[:])
}

// first returns where x begins, nil for nil.
func first(x []float32) *float32 {
	if x == nil {
		return nil
	}
	return &x[0]
}

func geluGeneric(dst, x, up *float32, n int) {
	out, in := at(dst, 0, n), at(x, 0, n)
	// 0.5x(1+tanh(u)) = x/(1+exp(-2u)), u = sqrt(2/pi)(x+0.044715x^3)
	const linear, cubic = -2 * 0.79788456080286535588, -2 * 0.79788456080286535588 * 0.044715
	for i, v := range in {
		v /= 1 + exp32(v*float32(linear+float32(float32(cubic*v)*v)))
		if up != nil {
			v *= at(up, i, 1)[0]
		}
		out[i] = v
	}
}

func sigmoidMulGeneric(dst, a, x *float32, n int) {
	out, in := at(dst, 0, n), at(x, 0, n)
	for i, v := range in {
		by := float32(1)
		if a != nil {
			by = at(a, i, 1)[0]
		}
		out[i] = by / (1 + exp32(-v))
	}
}

func softCapGeneric(dst, x *float32, n int, limit float32) {
	out, in := at(dst, 0, n), at(x, 0, n)
	for i, v := range in {
		v /= limit
		if v > -tanhSmall && v < tanhSmall {
			out[i] = limit * tanhSeries(v)
		} else {
			out[i] = limit * (1 - 2/(1+exp32(2*v)))
		}
	}
}

// tanhSmall is where 1-2/(1+exp(2x)) begins to cancel.
const tanhSmall = 0.55

// tanhSeries returns tanh(x) for |x| < tanhSmall by its Taylor series, up to
// x^13; the rest is below 1e-7 of the value.
func tanhSeries(x float32) float32 {
	s := x * x
	p := float32(21844.0 / 6081075)
	p = float32(p*s) - 1382.0/155925
	p = float32(p*s) + 62.0/2835
	p = float32(p*s) - 17.0/315
	p = float32(p*s) + 2.0/15
	p = float32(p*s) - 1.0/3
	return x + float32(float32(x*s)*p)
}
