package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"hark/engine/backend/cpu/isa"
)

// Result says how far one implementation of a kernel is off.
type Result struct {
	Kernel string
	Level  isa.Level
	// Error is the largest deviation from the twin in plain Go, and of the
	// plain Go kernel from float64, in units of what was summed or computed.
	Error float64
	// Bound is the largest deviation that is right.
	Bound float64
}

// OK reports whether the kernel computes right.
func (r Result) OK() bool { return r.Error <= r.Bound }

// selfCheck computes something with a kernel. It returns the values, what they
// are in float64, and the magnitudes that errors are relative to.
type selfCheck struct {
	kernel string
	bound  float64
	run    func(rng *rand.Rand, n int) (got []float32, exact, scale []float64)
}

// selfLengths are lengths with and without remainders of every vector width.
var selfLengths = []int{1, 7, 16, 61, 64, 250, 1024}

var selfChecks = []selfCheck{
	{"Add", 1e-7, selfAdd}, {"Mul", 1e-7, selfMul}, {"ScaleMul", 2e-7, selfScaleMul}, {"Clamp", 0, selfClamp},
	{"MatMul", 2e-6, selfMatMul}, {"MatMulAdd", 2e-6, selfMatMulAdd}, {"MatMulPacked", 2e-6, selfMatMulPacked}, {"MatMulPanels", 2e-6, selfMatMulPanels}, {"MatMulRounded", 2e-6, selfMatMulRounded}, {"Dot", 2e-6, selfDot}, {"Mix", 1e-5, selfMix}, {"Exp", 3e-7, selfExp}, {"Max", 0, selfMax},
	{"GELU", 1e-6, selfGELU}, {"SigmoidMul", 1e-6, selfSigmoidMul}, {"SoftCap", 1e-6, selfSoftCap},
	{"UnpackF32", 0, selfUnpackF32}, {"UnpackBF16", 0, selfUnpackBF16}, {"UnpackF16", 0, selfUnpackF16},
	{"UnpackQ4", 1e-6, selfUnpackQ4}, {"UnpackQ8", 1e-6, selfUnpackQ8},
	{"MatMulCodes", 4e-6, selfMatMulCodes}, {"MixCodes", 1e-5, selfMixCodes},
	{"MatMulAhead", 2e-6, selfMatMulAhead}, {"MixAhead", 1e-5, selfMixAhead},
	{"MatMulStrips", 2e-6, selfMatMulStrips}, {"Greatest", 0, selfGreatest},
}

// SelfTest runs every kernel in every implementation that this processor has
// on random values. It switches implementations and so must not run while
// other kernels do. It takes a few milliseconds.
func SelfTest() []Result {
	defer isa.Use(isa.Current())
	var results []Result
	for i, c := range selfChecks {
		for _, l := range isa.Available() {
			r := Result{Kernel: c.kernel, Level: l, Bound: c.bound}
			for _, n := range selfLengths {
				r.Error = max(r.Error, c.deviation(l, n, uint64(i)))
			}
			results = append(results, r)
		}
	}
	return results
}

// deviation returns the largest relative error at one length.
func (c *selfCheck) deviation(l isa.Level, n int, seed uint64) float64 {
	isa.Use(isa.Generic)
	want, exact, scale := c.run(rand.New(rand.NewPCG(seed, uint64(n))), n)
	if l == isa.Generic {
		return selfWorst(want, exact, scale)
	}
	isa.Use(l)
	got, _, _ := c.run(rand.New(rand.NewPCG(seed, uint64(n))), n)
	for i, v := range want {
		exact[i] = float64(v)
	}
	return selfWorst(got, exact, scale)
}

// selfWorst returns the largest error of got, infinity where one is NaN.
func selfWorst(got []float32, want, scale []float64) float64 {
	worst := 0.0
	for i, v := range got {
		switch d := math.Abs(float64(v) - want[i]); {
		case d == 0:
		case d <= math.MaxFloat64:
			worst = max(worst, d/scale[i])
		default:
			return math.Inf(1)
		}
	}
	return worst
}

func selfValues(rng *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	return values
}

// selfRows is the number of rows in checks of products: whole tiles and a rest.
const selfRows = 2*tile + 1

func selfMatMul(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, w := selfValues(rng, selfRows*n), selfValues(rng, selfRows*n)
	got = make([]float32, selfRows*selfRows)
	MatMul(Matrix{got, selfRows}, Matrix{x, n}, Matrix{w, n}, selfRows, selfRows, n)
	for r := range selfRows {
		for o := range selfRows {
			sum, size := selfProduct(x[r*n:][:n], w[o*n:][:n])
			exact, scale = append(exact, sum), append(scale, size)
		}
	}
	return got, exact, scale
}

func selfMatMulAdd(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, w := selfValues(rng, selfRows*n), selfValues(rng, selfRows*n)
	got = selfValues(rng, selfRows*selfRows)
	for i, v := range got {
		sum, size := selfProduct(x[i/selfRows*n:][:n], w[i%selfRows*n:][:n])
		exact, scale = append(exact, float64(v)+sum), append(scale, math.Abs(float64(v))+size)
	}
	MatMulAdd(Matrix{got, selfRows}, Matrix{x, n}, Matrix{w, n}, selfRows, selfRows, n, true)
	return got, exact, scale
}

// selfMatMulPacked takes a format by the length, and rows of whole groups.
func selfMatMulPacked(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	f := Format(n % int(formats))
	group, groups := 32<<(n%3), 1+n/100
	n = group * groups
	w := Packed{Format: f, Stride: n * f.bits() / 8, Group: group, Scales: selfValues(rng, selfRows*groups), Biases: selfValues(rng, selfRows*groups)}
	w.Data = make([]byte, selfRows*w.Stride)
	for i := range w.Data {
		w.Data[i] = byte(rng.Uint32()) & 0xbf // halves and bfloat16 of at most 2
	}
	x, plain := selfValues(rng, selfRows*n), make([]float32, selfRows*n)
	a := packedArgs{codes: &w.Data[0], scales: &w.Scales[0], biases: &w.Biases[0], group: group}
	a.unpackGeneric(f, plain, a.codes, 0)
	got = make([]float32, selfRows*selfRows)
	MatMulPacked(Matrix{got, selfRows}, Matrix{x, n}, &w, selfRows, selfRows, n)
	for i := range got {
		sum, size := selfProduct(x[i/selfRows*n:][:n], plain[i%selfRows*n:][:n])
		exact, scale = append(exact, sum), append(scale, size)
	}
	return got, exact, scale
}

func selfMatMulPanels(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	p := Panels{selfRows, (n + panelVector - 1) &^ (panelVector - 1)}
	x, w := selfValues(rng, p.Rows*p.N), selfValues(rng, p.Rows*p.N)
	px, pw := make([]float32, p.Size()), make([]float32, p.Size())
	p.Pack(px, Matrix{x, p.N})
	p.Pack(pw, Matrix{w, p.N})
	got = make([]float32, selfRows*selfRows)
	MatMulPanels(Matrix{got, selfRows}, px, pw, selfRows, selfRows, p.N, false)
	for i := range got {
		sum, size := selfProduct(x[i/selfRows*p.N:][:p.N], w[i%selfRows*p.N:][:p.N])
		exact, scale = append(exact, sum), append(scale, size)
	}
	return got, exact, scale
}

func selfDot(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	a, b := selfValues(rng, n), selfValues(rng, n)
	sum, size := selfProduct(a, b)
	return []float32{Dot(a, b)}, []float64{sum}, []float64{size}
}

// selfProduct returns Σa·b and Σ|a·b|.
func selfProduct(a, b []float32) (sum, size float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		sum += p
		size += math.Abs(p)
	}
	return sum, size
}

func selfMix(rng *rand.Rand, width int) (got []float32, exact, scale []float64) {
	const n = 37
	p, v := selfValues(rng, tile*n), selfValues(rng, n*width)
	got = make([]float32, tile*width)
	Mix(Matrix{got, width}, Matrix{p, n}, Matrix{v, width}, n, width)
	for r := range tile {
		for d := range width {
			column := make([]float32, n)
			for j := range column {
				column[j] = v[j*width+d]
			}
			sum, size := selfProduct(p[r*n:][:n], column)
			exact, scale = append(exact, sum), append(scale, size)
		}
	}
	return got, exact, scale
}

// selfPointwise checks a function of single values.
func selfPointwise(got, x []float32, f func(float64) float64) ([]float32, []float64, []float64) {
	exact, scale := make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		exact[i] = f(float64(v))
		scale[i] = math.Abs(exact[i]) + 1e-30
	}
	return got, exact, scale
}

func selfExp(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	got = append([]float32(nil), x...)
	Exp(got, 0.5)
	return selfPointwise(got, x, func(v float64) float64 { return math.Exp(float64(float32(v) - 0.5)) })
}

func selfMax(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, float64(v))
	}
	return []float32{Max(x)}, []float64{most}, []float64{1}
}

func selfGreatest(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, float64(v))
	}
	return []float32{Greatest(x)}, []float64{most}, []float64{1}
}

func selfGELU(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	got = make([]float32, n)
	GELU(got, x, nil)
	return selfPointwise(got, x, func(v float64) float64 {
		return v / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
	})
}

func selfSigmoidMul(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	got = make([]float32, n)
	SigmoidMul(got, nil, x)
	return selfPointwise(got, x, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
}

func selfSoftCap(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x := selfValues(rng, n)
	got = make([]float32, n)
	SoftCap(got, x, 2)
	return selfPointwise(got, x, func(v float64) float64 { return 2 * math.Tanh(v/2) })
}

func selfUnpackF32(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, src := selfValues(rng, n), []byte(nil)
	for _, v := range x {
		src = binary.LittleEndian.AppendUint32(src, math.Float32bits(v))
	}
	got = make([]float32, n)
	UnpackF32(got, src)
	return selfPointwise(got, x, func(v float64) float64 { return v })
}

func selfUnpackBF16(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, src := selfValues(rng, n), []byte(nil)
	for i, v := range x {
		upper := math.Float32bits(v) >> 16
		x[i] = math.Float32frombits(upper << 16)
		src = binary.LittleEndian.AppendUint16(src, uint16(upper))
	}
	got = make([]float32, n)
	UnpackBF16(got, src)
	return selfPointwise(got, x, func(v float64) float64 { return v })
}

func selfUnpackF16(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	x, src := make([]float32, n), []byte(nil)
	for i := range x {
		exponent, fraction := rng.IntN(31), rng.IntN(1024)
		x[i] = float32(math.Ldexp(1+float64(fraction)/1024, exponent-15))
		if exponent == 0 {
			x[i] = float32(math.Ldexp(float64(fraction)/1024, -14))
		}
		src = binary.LittleEndian.AppendUint16(src, uint16(exponent<<10|fraction))
	}
	got = make([]float32, n)
	UnpackF16(got, src)
	return selfPointwise(got, x, func(v float64) float64 { return v })
}

func selfUnpackQ4(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	return selfUnpack(rng, n, 4, UnpackQ4)
}

func selfUnpackQ8(rng *rand.Rand, n int) (got []float32, exact, scale []float64) {
	return selfUnpack(rng, n, 8, UnpackQ8)
}

// selfUnpack checks the decoding of n groups, at most 20, of codes.
func selfUnpack(rng *rand.Rand, n, bits int, unpack func(dst []float32, codes []byte, scales, biases []float32, group int)) (got []float32, exact, scale []float64) {
	groups := min(n, 20)
	group := 32 << (n % 3)
	scales, biases := selfValues(rng, groups), selfValues(rng, groups)
	codes := make([]byte, groups*group*bits/8)
	for i := range codes {
		codes[i] = byte(rng.Uint32())
	}
	got = make([]float32, groups*group)
	unpack(got, codes, scales, biases, group)
	for i := range got {
		q := float64(codes[i*bits/8] >> (i * bits % 8) & (1<<bits - 1))
		s, b := float64(scales[i/group]), float64(biases[i/group])
		exact, scale = append(exact, s*q+b), append(scale, math.Abs(s*q)+math.Abs(b))
	}
	return got, exact, scale
}
