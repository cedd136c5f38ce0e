package tensortest

import (
	"math"

	"hark/engine/tensor"
)

func testArithmetic(t *T) {
	x, v := t.input(3, 5, 40)
	y, w := t.input(3, 5, 40)
	row, r := t.input(40)
	for name, op := range map[string]struct {
		run func(a, b tensor.Tensor) tensor.Tensor
		f   func(a, b float64) float64
	}{
		"Add": {t.b.Add, func(a, b float64) float64 { return a + b }},
		"Mul": {t.b.Mul, func(a, b float64) float64 { return a * b }},
	} {
		want := make([]float64, len(v))
		for i := range v {
			want[i] = op.f(float64(v[i]), float64(w[i]))
		}
		got := op.run(x, y)
		t.shape(name, got, 3, 5, 40)
		t.near(name, got, want, nil)
		for i := range v {
			want[i] = op.f(float64(v[i]), float64(r[i%40]))
		}
		t.near(name+" of a row", op.run(x, row), want, nil)
		t.exact("operand of "+name, x, v)
	}
	t.near("Scale", t.b.Scale(x, -2.5), mapped(v, func(a float64) float64 { return -2.5 * a }), nil)
	t.near("Clamp", t.b.Clamp(x, -0.5, 0.25), mapped(v, func(a float64) float64 { return min(max(a, -0.5), 0.25) }), nil)
}

func geluOf(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func sigmoidOf(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func testActivations(t *T) {
	// Small, usual and extreme values.
	v := append(t.normal(300, 0.01), t.normal(300, 3)...)
	v = append(v, 0, 1e-8, -1e-8, 20, -20, 100, -100, 1e4, -1e4)
	x := t.b.Input(v, 3, len(v)/3)
	for f, want := range map[tensor.Activation]func(float64) float64{
		tensor.GELU:    geluOf,
		tensor.SiLU:    func(x float64) float64 { return x * sigmoidOf(x) },
		tensor.ReLU:    func(x float64) float64 { return max(x, 0) },
		tensor.Tanh:    math.Tanh,
		tensor.Sigmoid: sigmoidOf,
	} {
		y := t.b.Activate(f, x)
		t.shape("Activate", y, 3, len(v)/3)
		t.near([]string{"GELU", "SiLU", "ReLU", "Tanh", "Sigmoid"}[f], y, mapped(v, want), nil)
	}
	t.near("SoftCap", t.b.SoftCap(x, 30), mapped(v, func(x float64) float64 { return 30 * math.Tanh(x/30) }), nil)

	gate, g := t.input(7, 33)
	up, u := t.input(7, 33)
	want := make([]float64, len(g))
	for i := range g {
		want[i] = geluOf(float64(g[i])) * float64(u[i])
	}
	t.near("GatedGELU", t.b.GatedGELU(gate, up), want, nil)

	both, w := t.input(5, 2, 22)
	y := t.b.GLU(both)
	t.shape("GLU", y, 5, 2, 11)
	want = want[:110]
	for i := range want {
		r, c := i/11, i%11
		want[i] = float64(w[r*22+c]) * sigmoidOf(float64(w[r*22+11+c]))
	}
	t.near("GLU", y, want, nil)
}

func testNorms(t *T) {
	for _, width := range []int{1, 8, 67, 1152} {
		x, v := t.input(3, 2, width)
		w, wv := t.input(width)
		b, bv := t.input(width)
		plain, weighted := make([]float64, len(v)), make([]float64, len(v))
		layer, biased := make([]float64, len(v)), make([]float64, len(v))
		for r := range 6 {
			var sum, squares float64
			for _, a := range v[r*width : (r+1)*width] {
				sum += float64(a)
				squares += float64(a) * float64(a)
			}
			n := float64(width)
			variance := squares/n - sum/n*sum/n
			for c := range width {
				i := r*width + c
				plain[i] = float64(v[i]) / math.Sqrt(squares/n+1e-6)
				weighted[i] = plain[i] * float64(wv[c])
				layer[i] = (float64(v[i]) - sum/n) / math.Sqrt(variance+1e-5) * float64(wv[c])
				biased[i] = layer[i] + float64(bv[c])
			}
		}
		t.near("RMSNorm", t.b.RMSNorm(x, w, 1e-6), weighted, nil)
		t.near("RMSNorm without weight", t.b.RMSNorm(x, nil, 1e-6), plain, nil)
		t.shape("RMSNorm", t.b.RMSNorm(x, w, 1e-6), 3, 2, width)
		t.near("LayerNorm", t.b.LayerNorm(x, w, b, 1e-5), biased, nil)
		t.near("LayerNorm without bias", t.b.LayerNorm(x, w, nil, 1e-5), layer, nil)
	}
	// A large mean must not swallow the variance; values are exact in float32.
	v := make([]float32, 256)
	want := make([]float64, 256)
	for i := range v {
		v[i] = 1000 + float32(i%2)
		want[i] = (float64(i%2) - 0.5) / math.Sqrt(0.25+1e-5)
	}
	ones := make([]float32, 256)
	for i := range ones {
		ones[i] = 1
	}
	x, w := t.b.Input(v, 1, 256), t.b.Input(ones, 256)
	got := t.b.Read(nil, t.b.LayerNorm(x, w, nil, 1e-5))
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > 1e-3 {
			t.Fatalf("LayerNorm of a large mean: value %d = %v, want %v", i, got[i], want[i])
		}
	}
}
