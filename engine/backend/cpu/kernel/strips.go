package kernel

import "unsafe"

// Strips is rows of codes in the order in which the kernels for quads multiply them, so
// that all that a product reads is one run of memory. A quad of 4 rows of weights
// follows the other, which makes a strip: the codes of each row, 16 bytes of each of its 4 groups in
// turn, then the 16 scales and the 16 biases as bfloat16, that of group g of row o
// at 4*g+o. It takes as many bytes as the rows it was made of.
type Strips struct {
	Format Format
	Group  int // values a scale
	N      int // values a row
	Data   []byte
}

// StripRows is how many rows of weights a strip has.
const StripRows = tile

// Strips says how rows of n values become strips, without Data. It reports false where
// MatMulStrips has no kernel, or rows are not whole quads of bfloat16 factors.
func (w *Packed) Strips(n int) (Strips, bool) {
	ok := quadsOn() && w.FitsRounded(n) && w.Group == w.RoundedGroup() && n%(quadGroups*w.Group) == 0 && w.ScaleBits != nil
	return Strips{Format: w.Format, Group: w.Group, N: n}, ok
}

// Size returns the bytes of a strip.
func (t *Strips) Size() int { return t.N / (quadGroups * t.Group) * t.quadSize() }

// step is the bytes of a quad's codes in one row, quadSize of all that a strip has of it.
func (t *Strips) step() int     { return quadGroups * t.Group * t.Format.bits() / 8 }
func (t *Strips) quadSize() int { return tile*t.step() + 2*2*tile*quadGroups }

// Pack fills Data with strips of w, which begins with the first row of the first one.
func (t *Strips) Pack(w *Packed) {
	size, factors := t.Size(), t.N/t.Group
	quads, width := factors/quadGroups, t.step()/quadGroups // of a group
	n := len(t.Data) / size * tile
	need("Pack", "w", len(w.Data), span(n, w.Stride, quads*t.step()))
	need("Pack", "scales", len(w.ScaleBits), 2*n*factors)
	need("Pack", "biases", len(w.BiasBits), 2*n*factors)
	for o := range n {
		codes := w.Data[o*w.Stride:][:quads*t.step()]
		scales, biases := w.ScaleBits[2*o*factors:][:2*factors], w.BiasBits[2*o*factors:][:2*factors]
		for q := range quads {
			quad := t.Data[o/tile*size+q*t.quadSize():][:t.quadSize()]
			to, from := quad[o%tile*t.step():][:t.step()], codes[q*t.step():][:t.step()]
			for g := range quadGroups {
				for i := 0; i < width; i += quadPiece {
					*(*[quadPiece]byte)(to[i*quadGroups+g*quadPiece:]) = [quadPiece]byte(from[g*width+i:])
				}
			}
			lanes := quad[tile*t.step():]
			for g := range quadGroups {
				lane, at := 2*(g*tile+o%tile), 2*(q*quadGroups+g)
				*(*[2]byte)(lanes[lane:]) = [2]byte(scales[at:])
				*(*[2]byte)(lanes[2*tile*quadGroups+lane:]) = [2]byte(biases[at:])
			}
		}
	}
}

// MatMulStrips is MatMulRounded, with the same bits, for the rows of w, of which there
// are as many as dst has columns.
func MatMulStrips(dst Matrix, x *Rounded, w *Strips, from, rows int) {
	if !x.quads || x.N != w.N || x.Group != w.Group || x.Format != w.Format {
		panic("kernel: MatMulStrips: x is not rounded for w")
	}
	count := len(w.Data) / w.Size()
	if rows <= 0 || count == 0 {
		return
	}
	values, _ := x.sizes()
	need("MatMulStrips", "dst", len(dst.Data), span(rows, dst.Stride, count*tile))
	need("MatMulStrips", "x", len(x.Data), values)
	need("MatMulStrips", "rows", x.Rows, from+rows)
	q := x.quadRow()
	a := quadArgs{xStride: q.stride, dstStride: 4 * dst.Stride, quads: q.quads, group: x.Group, format: w.Format}
	chunk := count
	if rows > tile { // several passes share what is near
		chunk = max(nearBytes/w.Size(), 1)
	}
	for o := 0; o < count; o += chunk {
		a.codes, a.tiles = &w.Data[o*w.Size()], min(chunk, count-o)
		for t := 0; t < rows; t += tile {
			to := dst.from(t*dst.Stride + o*tile)
			a.x, a.xFactors, a.dst, a.rows = &x.Data[(from+t)*q.stride], x.firstFactor(from+t), &to.Data[0], min(rows-t, tile)
			strips(&a)
		}
	}
}

// stripsGeneric computes a.tiles strips.
func stripsGeneric(a *quadArgs) {
	w := Strips{Format: a.format, Group: a.group, N: a.quads * quadGroups * a.group}
	size, step := a.quads*w.quadSize(), w.step()
	for o := range a.tiles * tile {
		codes := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(a.codes), o/tile*size)), size)
		for t := range a.rows {
			x := unsafe.Slice((*int8)(unsafe.Add(unsafe.Pointer(a.x), t*a.xStride)), w.N)
			factors := (*float32)(unsafe.Add(unsafe.Pointer(a.xFactors), t*a.xStride))
			var sum float32
			for g := range a.quads * quadGroups {
				quad := codes[g/quadGroups*w.quadSize():][:w.quadSize()]
				f := at(factors, g/quadGroups*quadFactors/4+g%quadGroups, quadGroups+1)
				dot := int32(0)
				for i := range a.group {
					b := i * a.format.bits() / 8 // of the group
					code := quad[o%tile*step+b/quadPiece*quadGroups*quadPiece+g%quadGroups*quadPiece+b%quadPiece]
					if a.format == Q4 {
						code = code >> (i % 2 * 4) & 15
					}
					dot += int32(code) * int32(x[quadAt(g*a.group+i, a.group, a.format == Q4)])
				}
				lane := g%quadGroups*tile + o%tile
				sum += float32(factorAt(&quad[tile*step], lane, true)*f[0]) * float32(dot)
				sum += factorAt(&quad[tile*step+2*tile*quadGroups], lane, true) * f[quadGroups]
			}
			*(*float32)(unsafe.Add(unsafe.Pointer(a.dst), t*a.dstStride+4*o)) = sum
		}
	}
}
