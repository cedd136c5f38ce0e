package kernel

// GELU sets dst[i] to the tanh form of GELU(x[i]), times up[i] unless up is
// nil. It errs by at most 4e-7 of the value. dst must not overlap x or up.
func GELU(dst, x, up []float32) {
	need("GELU", "x", len(x), len(dst))
	x = x[:len(dst)]
	// 0.5x(1+tanh(u)) = x/(1+exp(-2u)), u = sqrt(2/pi)(x+0.044715x^3)
	const linear, cubic = -2 * 0.79788456080286535588, -2 * 0.79788456080286535588 * 0.044715
	for i, v := range x {
		dst[i] = v * float32(linear+float32(float32(cubic*v)*v))
	}
	Exp(dst, 0)
	if up == nil {
		for i, v := range x {
			dst[i] = v / (1 + dst[i])
		}
		return
	}
	need("GELU", "up", len(up), len(dst))
	up = up[:len(dst)]
	for i, v := range x {
		dst[i] = v / (1 + dst[i]) * up[i]
	}
}

// SigmoidMul sets dst[i] to 1/(1+exp(-x[i])), times a[i] unless a is nil. It
// errs by at most 4e-7 of the value. dst must not overlap a or x.
func SigmoidMul(dst, a, x []float32) {
	need("SigmoidMul", "x", len(x), len(dst))
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = -v
	}
	Exp(dst, 0)
	if a == nil {
		for i, v := range dst {
			dst[i] = 1 / (1 + v)
		}
		return
	}
	need("SigmoidMul", "a", len(a), len(dst))
	a = a[:len(dst)]
	for i, v := range dst {
		dst[i] = a[i] / (1 + v)
	}
}

// SoftCap sets dst[i] to limit*tanh(x[i]/limit). It errs by at most 5e-7 of
// the value. dst must not overlap x.
func SoftCap(dst, x []float32, limit float32) {
	need("SoftCap", "x", len(x), len(dst))
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = 2 * (v / limit)
	}
	Exp(dst, 0)
	for i, v := range x {
		v /= limit
		if v > -tanhSmall && v < tanhSmall {
			dst[i] = limit * tanhSeries(v)
		} else {
			dst[i] = limit * (1 - 2/(1+dst[i]))
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
