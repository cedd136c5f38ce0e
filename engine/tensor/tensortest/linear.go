package tensortest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"hark/engine/tensor"
)

// formats are the encodings that every backend takes, without sizes and bytes.
func formats() []tensor.Stored {
	all := []tensor.Stored{
		{Format: tensor.F32}, {Format: tensor.F16}, {Format: tensor.BF16},
		{Format: tensor.MXFP4, Group: 32}, {Format: tensor.MXFP8, Group: 32}, {Format: tensor.NVFP4, Group: 16},
	}
	for _, bits := range []int{2, 3, 4, 5, 6, 8} {
		for _, group := range []int{32, 64, 128} {
			all = append(all, tensor.Stored{Format: tensor.Affine, Bits: bits, Group: group, Scale: tensor.BF16})
		}
	}
	for _, bits := range []int{4, 8} {
		for _, scale := range []tensor.Format{tensor.F32, tensor.F16} {
			all = append(all, tensor.Stored{Format: tensor.Affine, Bits: bits, Group: 64, Scale: scale})
		}
	}
	return all
}

// stored fills s with random values of the shape given. The bytes begin at an
// odd address.
func (t *T) stored(s tensor.Stored, shape ...int) tensor.Stored {
	s.Shape = shape
	s.Name = s.Format.String()
	if s.Format == tensor.Affine {
		s.Name = fmt.Sprintf("q%dg%d/%v", s.Bits, s.Group, s.Scale)
	}
	n := size(shape)
	switch s.Format {
	case tensor.F32, tensor.F16, tensor.BF16:
		s.Data = t.floats(s.Format, n, 1)
	case tensor.Affine:
		s.Data = t.bytes(n/8*s.Bits, 0, 256)
		// Codes around the middle, so that values are about -1 to 1.
		s.Scales = t.floats(s.Scale, n/s.Group, 1/float32(int(1)<<s.Bits))
		s.Biases = t.floats(s.Scale, n/s.Group, 0.5)
	case tensor.MXFP4:
		s.Data, s.Scales = t.bytes(n/2, 0, 256), t.bytes(n/32, 122, 128)
	case tensor.MXFP8:
		// No code 0x7f or 0xff, which are no numbers.
		s.Data, s.Scales = t.bytes(n, 0, 0x70), t.bytes(n/32, 118, 124)
	case tensor.NVFP4:
		s.Data, s.Scales = t.bytes(n/2, 0, 256), t.bytes(n/16, 0x18, 0x38)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	return s
}

// bytes returns n bytes from low to high (exclusive), at an odd address.
func (t *T) bytes(n, low, high int) []byte {
	b := make([]byte, n+1)[1:]
	for i := range b {
		b[i] = byte(low + t.rng.IntN(high-low))
	}
	return b
}

// floats returns n normal values in an unquantized format, at an odd address.
func (t *T) floats(f tensor.Format, n int, scale float32) []byte {
	b := make([]byte, 1, 1+n*f.Size())
	for _, v := range t.normal(n, scale) {
		bits := math.Float32bits(v)
		switch f {
		case tensor.F32:
			b = binary.LittleEndian.AppendUint32(b, bits)
		case tensor.BF16:
			b = binary.LittleEndian.AppendUint16(b, uint16(bits>>16))
		case tensor.F16: // truncated; small values become zero
			half := uint16(0)
			if e := int(bits>>23&255) - 112; e > 0 && e < 31 {
				half = uint16(e)<<10 | uint16(bits>>13&1023)
			}
			b = binary.LittleEndian.AppendUint16(b, half|uint16(bits>>16&0x8000))
		}
	}
	return b[1:]
}

// values decodes all rows of s.
func values(s *tensor.Stored) []float32 {
	dst := make([]float32, s.Rows()*s.In())
	for r := range s.Rows() {
		tensor.DecodeRow(dst[r*s.In():(r+1)*s.In()], s, r)
	}
	return dst
}

// product returns x [rows, in]·wᵀ with w [outs, in], and Σ|x·w|.
func product(x, w []float32, in int) (y, magnitude []float64) {
	for r := 0; r < len(x); r += in {
		for o := 0; o < len(w); o += in {
			var sum, size float64
			for i := range in {
				p := float64(x[r+i]) * float64(w[o+i])
				sum += p
				size += math.Abs(p)
			}
			y, magnitude = append(y, sum), append(magnitude, size)
		}
	}
	return y, magnitude
}

// weight hands a stored matrix to the backend.
func (t *T) weight(s tensor.Stored) tensor.Weight {
	t.Helper()
	w, err := t.b.Weight(s)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Shape(), s.Shape) {
		t.Fatalf("weight %s: shape %v, want %v", s.Name, w.Shape(), s.Shape)
	}
	return w
}

func testLinear(t *T) {
	for _, format := range formats() {
		for _, sizes := range [][3]int{{1, 5, 128}, {3, 8, 256}, {9, 17, 384}} {
			rows, out, in := sizes[0], sizes[1], sizes[2]
			s := t.stored(format, out, in)
			w := t.weight(s)
			x, v := t.input(rows, in)
			want, magnitude := product(v, values(&s), in)
			y := t.b.Linear(x, w, nil)
			t.shape(s.Name, y, rows, out)
			t.near(s.Name, y, want, magnitude)
		}
	}
	// Widths that no vector divides, a bias, three axes.
	for _, in := range []int{1, 7, 31, 100} {
		s := t.stored(tensor.Stored{Format: tensor.BF16}, 9, in)
		bias, bv := t.input(9)
		x, v := t.input(2, 3, in)
		want, magnitude := product(v, values(&s), in)
		for i := range want {
			want[i] += float64(bv[i%9])
			magnitude[i] += math.Abs(float64(bv[i%9]))
		}
		y := t.b.Linear(x, t.weight(s), bias)
		t.shape("Linear of 3 axes", y, 2, 3, 9)
		t.near("Linear with bias", y, want, magnitude)
	}
	// Many rows and outputs at once equal one row at a time.
	s := t.stored(tensor.Stored{Format: tensor.Affine, Bits: 4, Group: 64, Scale: tensor.BF16}, 301, 512)
	w := t.weight(s)
	x, _ := t.input(131, 512)
	all := t.b.Read(nil, t.b.Linear(x, w, nil))
	for _, r := range []int{0, 1, 64, 130} {
		one := t.b.Read(nil, t.b.Linear(t.b.Rows(x, r, r+1), w, nil))
		t.alike(fmt.Sprintf("row %d alone", r), one, all[r*301:(r+1)*301])
	}
	t.shape("Linear of no rows", t.b.Linear(t.b.Rows(x, 0, 0), w, nil), 0, 301)
}

func testEmbed(t *T) {
	for _, format := range formats() {
		s := t.stored(format, 10, 128)
		y := t.b.Embed(t.weight(s), []int32{9, 0, 9, 4}, 1.5)
		t.shape("Embed", y, 4, 128)
		var want []float64
		for _, id := range []int{9, 0, 9, 4} {
			for _, v := range values(&s)[id*128 : (id+1)*128] {
				want = append(want, 1.5*float64(v))
			}
		}
		t.near("Embed "+s.Name, y, want, nil)
	}
}

func testWeight(t *T) {
	s := t.stored(tensor.Stored{Format: tensor.BF16}, 4, 8)
	s.Data = s.Data[2:]
	if _, err := t.b.Weight(s); err == nil {
		t.Error("a matrix with too few bytes was taken without error")
	}
}

func testExperts(t *T) {
	const rows, hidden, width, experts, top = 9, 64, 128, 8, 3
	for _, format := range []tensor.Stored{
		{Format: tensor.BF16}, {Format: tensor.Affine, Bits: 4, Group: 32, Scale: tensor.BF16},
	} {
		gate, up := t.stored(format, experts, width, hidden), t.stored(format, experts, width, hidden)
		down := t.stored(format, experts, hidden, width)
		gates, ups, downs := values(&gate), values(&up), values(&down)
		x, v := t.input(rows, hidden)
		logits, l := t.input(rows, experts)
		scale, sv := t.input(experts)
		want := make([]float64, rows*hidden)
		magnitude := make([]float64, rows*hidden)
		for r := range rows {
			chosen, total := best(l[r*experts:(r+1)*experts], top), 0.0
			for _, e := range chosen {
				total += math.Exp(float64(l[r*experts+e]))
			}
			for _, e := range chosen {
				share := math.Exp(float64(l[r*experts+e])) / total * float64(sv[e])
				row := v[r*hidden : (r+1)*hidden]
				g, _ := product(row, gates[e*width*hidden:(e+1)*width*hidden], hidden)
				u, _ := product(row, ups[e*width*hidden:(e+1)*width*hidden], hidden)
				inner := make([]float32, width)
				for i := range inner {
					inner[i] = float32(geluOf(g[i]) * u[i])
				}
				d, m := product(inner, downs[e*width*hidden:(e+1)*width*hidden], width)
				for i := range d {
					want[r*hidden+i] += share * d[i]
					magnitude[r*hidden+i] += math.Abs(share) * m[i]
				}
			}
		}
		g, u, d := t.weight(gate), t.weight(up), t.weight(down)
		y := t.b.Experts(x, logits, top, scale, g, u, d)
		t.shape("Experts", y, rows, hidden)
		t.near("Experts", y, want, magnitude)
		all := t.b.Read(nil, y)
		one := t.b.Experts(t.b.Rows(x, 4, 5), t.b.Rows(logits, 4, 5), top, scale, g, u, d)
		t.alike("Experts of one row", t.b.Read(nil, one), all[4*hidden:5*hidden])
	}
}

// best returns the indices of the greatest values.
func best(x []float32, n int) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if x[a] > x[b] {
			return -1
		}
		return 1
	})
	return order[:n]
}
