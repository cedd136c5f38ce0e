package kernel

// Add sets dst[i] to a[i]+b[i].
func Add(dst, a, b []float32) {
	need("Add", "a", len(a), len(dst))
	need("Add", "b", len(b), len(dst))
	if len(dst) > 0 {
		add(&dst[0], &a[0], &b[0], len(dst))
	}
}

// Mul sets dst[i] to a[i]*b[i].
func Mul(dst, a, b []float32) {
	need("Mul", "a", len(a), len(dst))
	need("Mul", "b", len(b), len(dst))
	if len(dst) > 0 {
		mul(&dst[0], &a[0], &b[0], len(dst))
	}
}

// ScaleMul sets dst[i] to x[i]*factor, rounded, times w[i] unless w is nil.
func ScaleMul(dst, x, w []float32, factor float32) {
	need("ScaleMul", "x", len(x), len(dst))
	if w != nil {
		need("ScaleMul", "w", len(w), len(dst))
	}
	if len(dst) > 0 {
		scaleMul(&dst[0], &x[0], first(w), len(dst), factor)
	}
}

// Clamp limits x to low and high. It lets NaN through.
func Clamp(dst, x []float32, low, high float32) {
	need("Clamp", "x", len(x), len(dst))
	if len(dst) > 0 {
		clamp(&dst[0], &x[0], len(dst), low, high)
	}
}

func addGeneric(dst, a, b *float32, n int) {
	out, x, y := at(dst, 0, n), at(a, 0, n), at(b, 0, n)
	for i := range out {
		out[i] = x[i] + y[i]
	}
}

func mulGeneric(dst, a, b *float32, n int) {
	out, x, y := at(dst, 0, n), at(a, 0, n), at(b, 0, n)
	for i := range out {
		out[i] = x[i] * y[i]
	}
}

func scaleMulGeneric(dst, x, w *float32, n int, factor float32) {
	out, in := at(dst, 0, n), at(x, 0, n)
	for i, v := range in {
		out[i] = v * factor
	}
	if w == nil {
		return
	}
	for i, v := range at(w, 0, n) {
		out[i] *= v
	}
}

func clampGeneric(dst, x *float32, n int, low, high float32) {
	out, in := at(dst, 0, n), at(x, 0, n)
	for i, v := range in {
		if v < low {
			v = low
		} else if v > high {
			v = high
		}
		out[i] = v
	}
}
