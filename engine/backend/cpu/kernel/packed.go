package kernel

import "unsafe"

// Format says how the values of packed rows are stored.
type Format uint8

// The formats that MatMulPacked knows.
const (
	Q4   Format = iota // codes of 4 bits, two a byte, low half first
	Q8                 // codes of 8 bits
	BF16               // bfloat16, little-endian
	F16                // IEEE 754 halves, little-endian
	formats
)

// bits returns the bits of a value.
func (f Format) bits() int { return [formats]int{4, 8, 16, 16}[f] }

// quantized reports whether values are codes in groups.
func (f Format) quantized() bool { return f <= Q8 }

// Packed is rows of stored weights, Stride bytes from one to the next. The
// codes of Q4 and Q8 come in groups of Group; code q in group g of a row is
// worth Scales[g]*q + Biases[g], as UnpackQ4 says. Scales and Biases of the
// rows follow each other. For MatMulRounded they may be bfloat16 in ScaleBits and
// BiasBits instead.
type Packed struct {
	Format         Format
	Data           []byte
	Stride         int
	Scales, Biases []float32
	Group          int

	ScaleBits, BiasBits []byte
}

// packedTile is the number of values that MatMulPacked takes at a time.
const packedTile = 16

// Fits reports whether MatMulPacked takes rows of n values.
func (w *Packed) Fits(n int) bool {
	if n <= 0 || n%packedTile != 0 {
		return false
	}
	return !w.Format.quantized() || w.Group > 0 && w.Group%packedTile == 0 && Block%w.Group == 0 && n%w.Group == 0
}

// group returns the values that belong together: those that share a scale, or
// a line of a cache.
func (w *Packed) group(n int) int {
	switch {
	case w.Format.quantized():
		return w.Group
	case n%(2*packedTile) == 0:
		return 2 * packedTile
	}
	return packedTile
}

// packedArgs is one call of a kernel over packed weights. Row r of x and its
// results are at x[r] and dst[r].
type packedArgs struct {
	x, dst         [tile]*float32
	codes          *byte
	stride         int // bytes from row to row of codes
	scales, biases *float32
	factors        int // bytes from row to row of scales and of biases
	groups, group  int // of a row, values in one
	block          int // groups in a block
	tiles          int // pieces of the outputs
	table          *[16]float32
}

// codeValues are what codes of 4 bits stand for at scale 1.
var codeValues = [16]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// nearBytes is how much of the weights several passes share: what a
// first-level cache has room for beside 4 rows of x.
const nearBytes = 16 << 10

// MatMulPacked is MatMul with weights that are unpacked as they are needed: it
// gives the bits that MatMul gives for unpacked ones. It reads each weight
// from memory once, and takes the work of unpacking for 4 rows at a time: it is
// for few rows. w must fit n.
func MatMulPacked(dst, x Matrix, w *Packed, rows, outs, n int) {
	if rows <= 0 || outs <= 0 {
		return
	}
	if !w.Fits(n) {
		panic("kernel: MatMulPacked: values are not whole groups")
	}
	need("MatMulPacked", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMulPacked", "x", len(x.Data), span(rows, x.Stride, n))
	width := n * w.Format.bits() / 8
	need("MatMulPacked", "w", len(w.Data), span(outs, w.Stride, width))
	a := packedArgs{codes: &w.Data[0], stride: w.Stride, group: w.group(n), table: &codeValues}
	a.groups, a.block = n/a.group, Block/a.group
	if w.Format.quantized() {
		need("MatMulPacked", "scales", len(w.Scales), outs*a.groups)
		need("MatMulPacked", "biases", len(w.Biases), outs*a.groups)
		a.factors = 4 * a.groups
	}
	chunk := outs
	if rows > tile {
		chunk = max(nearBytes/width&^7, 8)
	}
	for o := 0; o < outs; o += chunk {
		for t := 0; t < rows; t += tile {
			a.rows(dst, x, t, min(t+tile, rows), o)
			a.chunk(w, min(rows-t, tile), o, min(chunk, outs-o), dst, t)
		}
	}
}

// rows sets the rows from to to; where these are fewer than a tile, the first
// of them stands in for the others.
func (a *packedArgs) rows(dst, x Matrix, from, to, o int) {
	for r := range tile {
		t := from + r
		if t >= to {
			t = from
		}
		a.x[r], a.dst[r] = &x.Data[t*x.Stride], &dst.Data[t*dst.Stride+o]
	}
}

// chunk computes outputs o to o+outs for the rows that are set, in whole tiles
// of outputs and then one by one.
func (a *packedArgs) chunk(w *Packed, rows, o, outs int, dst Matrix, t int) {
	size := packedOne(w.Format)
	if rows > 1 {
		size = packedFour(w.Format)
	}
	a.weights(w, o)
	if a.tiles = outs / size; a.tiles > 0 {
		a.run(w.Format, rows)
	}
	for i := outs / size * size; i < outs; i++ {
		last := a.single(w, rows, o+i)
		for r := range rows {
			dst.Data[(t+r)*dst.Stride+o+i] = last[r]
		}
	}
}

// single computes output o for the rows that are set. A stride of 0 makes all
// weights of its tile the same.
func (a *packedArgs) single(w *Packed, rows, o int) (sums [tile]float32) {
	var results [tile][8]float32
	b := *a
	b.weights(w, o)
	b.stride, b.factors, b.tiles = 0, 0, 1
	for r := range tile {
		b.dst[r] = &results[r][0]
	}
	b.run(w.Format, rows)
	for r := range tile {
		sums[r] = results[r][0]
	}
	return sums
}

// weights goes to row o of w.
func (a *packedArgs) weights(w *Packed, o int) {
	a.codes = &w.Data[o*w.Stride]
	if w.Format.quantized() {
		a.scales, a.biases = &w.Scales[o*a.groups], &w.Biases[o*a.groups]
	}
}

// run calls the kernel for one row or for four.
func (a *packedArgs) run(f Format, rows int) {
	if rows == 1 {
		dotOne(f, a)
	} else {
		dotFour(f, a)
	}
}

// packedGeneric computes tiles of so many outputs for the first rows rows.
func packedGeneric(f Format, a *packedArgs, rows, outs int) {
	n := a.groups * a.group
	var w [Block]float32
	for o := range a.tiles * outs {
		codes := unsafe.Add(unsafe.Pointer(a.codes), o*a.stride)
		var sums [tile]float32
		for from := 0; from < n; from += Block {
			size := min(Block, n-from)
			a.unpackGeneric(f, w[:size], (*byte)(unsafe.Add(codes, from*f.bits()/8)), o*a.factors/4+from/a.group)
			for r := range rows {
				sum := dotGeneric(at(a.x[r], from, size), w[:size])
				if from > 0 {
					sum += sums[r]
				}
				sums[r] = sum
			}
		}
		for r := range rows {
			at(a.dst[r], o, 1)[0] = sums[r]
		}
	}
}

// unpackGeneric decodes values, the first of which is in group first.
func (a *packedArgs) unpackGeneric(f Format, dst []float32, codes *byte, first int) {
	switch f {
	case Q4:
		unpackQ4Generic(&dst[0], codes, &at(a.scales, first, 1)[0], &at(a.biases, first, 1)[0], len(dst)/a.group, a.group)
	case Q8:
		unpackQ8Generic(&dst[0], codes, &at(a.scales, first, 1)[0], &at(a.biases, first, 1)[0], len(dst)/a.group, a.group)
	case BF16:
		unpackBF16Generic(&dst[0], codes, len(dst))
	case F16:
		unpackF16Generic(&dst[0], codes, len(dst))
	}
}

// Soon is memory that will be read soon.
type Soon []byte

// Fetch asks for it and does not wait.
func (s Soon) Fetch() {
	if lines := len(s) / cacheLine; lines > 0 {
		prefetch((*int8)(unsafe.Pointer(&s[0])), cacheLine, lines)
	}
}
