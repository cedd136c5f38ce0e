package cpu

import (
	"fmt"
	"slices"
	"testing"

	"hark/engine/tensor"
)

// layouts are matrices of every kind that a step may multiply with.
func (r random) layouts(out, in int) []tensor.Stored {
	f32 := tensor.Stored{Name: "f32", Shape: []int{out, in}, Format: tensor.F32, Data: make([]byte, 4*out*in)}
	for i := 0; i < len(f32.Data); i += 4 {
		f32.Data[i], f32.Data[i+1], f32.Data[i+2], f32.Data[i+3] = byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 0x3e
	}
	f16 := r.bf16(out, in)
	f16.Name, f16.Format = "f16", tensor.F16
	mx := tensor.Stored{Name: "mxfp4", Shape: []int{out, in}, Format: tensor.MXFP4, Group: 32, Data: make([]byte, out*in/2), Scales: make([]byte, out*in/32)}
	for i := range mx.Data {
		mx.Data[i] = byte(r.Uint32())
	}
	for i := range mx.Scales {
		mx.Scales[i] = 120 + byte(i%8)
	}
	all := []tensor.Stored{f32, f16, r.bf16(out, in), mx}
	for _, bits := range []int{3, 4, 8} {
		for _, group := range []int{32, 64, 128} {
			all = append(all, r.affineOf(bits, group, out, in))
		}
	}
	return all
}

// TestLinearBitsDoNotDependOnTheBatch multiplies rows with weights of every
// layout one by one and together, in batches that take different ways through
// the kernels.
func TestLinearBitsDoNotDependOnTheBatch(t *testing.T) {
	const out, rows = 21, 100
	eachMode(t, func(t *testing.T, rounded bool) {
		for _, in := range []int{128, 1664} { // less than a block of a sum, and more
			r := newRandom(9)
			for _, s := range r.layouts(out, in) {
				var want []float32
				for _, threads := range []int{1, 3} {
					b := startWith(t, &Options{Threads: threads, Rounded: rounded})
					w, err := b.Weight(s)
					if err != nil {
						t.Fatal(err)
					}
					x := b.Constant(newRandom(10).floats(rows*in), rows, in)
					if want == nil {
						for i := range rows {
							want = append(want, b.Read(nil, b.Linear(b.Rows(x, i, i+1), w, nil))...)
							b.EndStep()
						}
					}
					for _, n := range []int{2, 5, 17, 60, rows} {
						if got := b.Read(nil, b.Linear(b.Rows(x, 0, n), w, nil)); !slices.Equal(got, want[:n*out]) {
							t.Errorf("%s, rows of %d, %d threads: %d rows give other bits than one", s.Name, in, threads, n)
						}
						b.EndStep()
					}
				}
			}
		}
	})
}

// TestLinearAgreesWithDecodedWeights compares each layout with the same
// weights as float32.
func TestLinearAgreesWithDecodedWeights(t *testing.T) {
	const out, in, rows = 21, 1664, 5
	each(t, func(t *testing.T) {
		b := start(t, 2)
		r := newRandom(11)
		x := b.Constant(r.floats(rows*in), rows, in)
		for _, s := range r.layouts(out, in) {
			w, err := b.Weight(s)
			if err != nil {
				t.Fatal(err)
			}
			plain := make([]float32, out*in)
			for o := range out {
				tensor.DecodeRow(plain[o*in:(o+1)*in], &s, o)
			}
			values := b.Constant(plain, out, in)
			want := b.Read(nil, b.Linear(x, &weight{shape: []int{out, in}, in: in, floats: values.(*array).data}, nil))
			if got := b.Read(nil, b.Linear(x, w, nil)); !slices.Equal(got, want) {
				t.Errorf("%s: other bits than its weights decoded", s.Name)
			}
			b.EndStep()
		}
	})
}

// TestExpertsTakeRowsOfAStack multiplies with the last matrix of a stack.
func TestExpertsTakeRowsOfAStack(t *testing.T) {
	const experts, out, in = 3, 10, 128
	b := start(t, 1)
	r := newRandom(12)
	for _, s := range r.layouts(experts*out, in) {
		s.Shape = []int{experts, out, in}
		w, err := b.Weight(s)
		if err != nil {
			t.Fatal(err)
		}
		x := r.floats(in)
		plain, got := make([]float32, in), make([]float32, out)
		b.linear(got, x, nil, w.(*weight), 2*out, 1, out)
		for o, v := range got {
			tensor.DecodeRow(plain, &s, 2*out+o)
			var want float64
			for i := range x {
				want += float64(x[i]) * float64(plain[i])
			}
			if d := float64(v) - want; d > 1e-3 || d < -1e-3 {
				t.Errorf("%s: output %d of the last expert is %v, want %v", s.Name, o, v, want)
			}
		}
	}
}

// BenchmarkFewRows multiplies few rows with matrices of E2B that lie far from
// the core: 12 of 5 to 19 MB in turns.
func BenchmarkFewRows(b *testing.B) {
	const out, in, count = 6144, 1536, 12
	r := newRandom(1)
	for _, s := range []tensor.Stored{r.affineOf(4, 64, out, in), r.affineOf(8, 64, out, in), r.bf16(out, in)} {
		backend := start(b, 0)
		var all []tensor.Weight
		for range count {
			own := s
			own.Data, own.Scales, own.Biases = slices.Clone(s.Data), slices.Clone(s.Scales), slices.Clone(s.Biases)
			w, err := backend.Weight(own)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, w)
		}
		for _, rows := range []int{1, 2, 4, 8, 16} {
			b.Run(fmt.Sprintf("w=%s/rows=%d", s.Name, rows), func(b *testing.B) {
				x := backend.Constant(r.floats(rows*in), rows, in)
				b.SetBytes(int64(len(s.Data) + len(s.Scales) + len(s.Biases)))
				for i := 0; b.Loop(); i++ {
					backend.Linear(x, all[i%count], nil)
					backend.EndStep()
				}
			})
		}
	}
}
