package kernel

import "unsafe"

// A quad is 4 groups of a row. Where the processor multiplies bytes 64 at a time,
// the dots of the 4 groups with 4 rows of weights fill a vector: rounded rows and
// products go by quads there, and a row of few groups has zeros up to a whole one.
const quadGroups = 4

// quadFactors is the bytes of the factors of a quad: 4 scales, and 4 sums.
const quadFactors = 2 * quadGroups * 4

// quadPiece is how many values of a group follow each other in a quad, before
// those of the next group.
const quadPiece = 16

// quadRow says where a rounded row in quads has what.
type quadRow struct {
	quads   int
	values  int // bytes of the values, behind which are the factors
	stride  int // bytes from row to row
	partial bool
}

func (r *Rounded) quadRow() quadRow {
	groups := r.N / r.Group
	q := quadRow{quads: (groups + quadGroups - 1) / quadGroups, partial: groups%quadGroups != 0}
	q.values = q.quads * quadGroups * r.Group
	q.stride = (q.values + q.quads*quadFactors + cacheLine - 1) &^ (cacheLine - 1)
	return q
}

// quadAt returns where value i of a row in quads is: 16 values of each group in
// turn. With split the even ones of 32 come before the odd ones.
func quadAt(i, group int, split bool) int {
	g, at := i/group, i%group
	piece, place := at/quadPiece, at%quadPiece
	if split {
		piece, place = at/32*2+at%2, at%32/2
	}
	return g/quadGroups*quadGroups*group + piece*quadGroups*quadPiece + g%quadGroups*quadPiece + place
}

// firstFactor returns where the factors of row t are.
func (r *Rounded) firstFactor(t int) *float32 {
	q := r.quadRow()
	return (*float32)(unsafe.Pointer(&r.Data[t*q.stride+q.values]))
}

// RoundedFactors returns how many scales, and biases, a row of n values has in
// MatMulRounded: one for each group of RoundedGroup, and zeros up to whole quads.
func (w *Packed) RoundedFactors(n int) int {
	groups := n / w.RoundedGroup()
	if quadsOn() {
		groups = (groups + quadGroups - 1) &^ (quadGroups - 1)
	}
	return groups
}

// roundQuads rounds a row into quads.
func (r *Rounded) roundQuads(x []float32, t int) {
	q := r.quadRow()
	data := r.Data[t*q.stride : (t+1)*q.stride]
	if q.partial {
		clear(data[q.values-quadGroups*r.Group : q.values])
		clear(data[q.values+(q.quads-1)*quadFactors:])
	}
	roundQuads(&data[0], r.firstFactor(t), &x[0], r.N/roundedBlock, r.Group, r.Format == Q4)
}

// roundQuadsGeneric rounds blocks of 64 values.
func roundQuadsGeneric(dst *int8, factors, x *float32, blocks, group int, split bool) {
	var plain [roundedBlock]int8
	out := unsafe.Slice(dst, quadAt(blocks*roundedBlock-1, group, split)+1)
	for g := range blocks * roundedBlock / group {
		f := at(factors, g/quadGroups*quadFactors/4+g%quadGroups, quadGroups+1)
		f[0], f[quadGroups] = roundGroup(plain[:group], at(x, g*group, group))
		for i, v := range plain[:group] {
			out[quadAt(g*group+i, group, split)] = v
		}
	}
}

// quadArgs is one call of a kernel over quads: rows of x, at most 4, with tiles
// of 4 rows of weights. Strides and factors are bytes from row to row, or 0, which
// makes all rows of a tile the same.
type quadArgs struct {
	x              *int8
	xFactors       *float32
	xStride        int
	dst            *float32
	dstStride      int
	codes          *byte
	stride         int
	scales, biases *byte // float32, or bfloat16
	factors        int
	quads          int // of a row
	tiles, rows    int
	ahead          int      // bytes from what is read to what is asked for
	table          *float32 // for 64 bytes for each quad of a tile
	brain          bool

	format Format
	group  int
}

// quadTable is how many values of the table a quad has, 16 for each row of a tile.
const quadTable = tile * tile * quadGroups

// quadAhead is how far ahead of what is computed codes are asked for, at least:
// a few microseconds at the pace of the bus. It is whole tiles, as their rows are
// read side by side.
var quadAhead = 8192

// matMulQuads is MatMulRounded for rows in quads.
func matMulQuads(dst Matrix, x *Rounded, w *Packed, scratch []float32, from, rows, outs int) {
	q := x.quadRow()
	a := quadArgs{
		table: &scratch[0], xStride: q.stride, dstStride: 4 * dst.Stride, stride: w.Stride, quads: q.quads, group: x.Group, format: w.Format,
		brain: w.ScaleBits != nil, factors: 4 * quadGroups * q.quads,
	}
	if a.brain {
		a.factors /= 2
		need("MatMulRounded", "scales", len(w.ScaleBits), outs*a.factors)
		need("MatMulRounded", "biases", len(w.BiasBits), outs*a.factors)
		a.scales, a.biases = &w.ScaleBits[0], &w.BiasBits[0]
	} else {
		need("MatMulRounded", "scales", len(w.Scales), outs*a.factors/4)
		need("MatMulRounded", "biases", len(w.Biases), outs*a.factors/4)
		a.scales, a.biases = (*byte)(unsafe.Pointer(&w.Scales[0])), (*byte)(unsafe.Pointer(&w.Biases[0]))
	}
	a.ahead = max(quadAhead, (quadAhead&1)*tile*w.Stride+quadAhead)
	// Whole quads of these may be read. Behind the others there may be nothing.
	width := a.quads * quadGroups * a.group * w.Format.bits() / 8
	inside := outs
	if q.partial {
		inside = min(outs, max(len(w.Data)-width+w.Stride, 0)/w.Stride)
	}
	whole := inside &^ (tile - 1)
	chunk := outs
	if rows > tile { // several passes share what is near
		chunk = max(nearBytes/w.Stride&^(tile-1), tile)
	}
	for o := 0; o < whole; o += chunk {
		part := a.skip(w, o)
		part.tiles = min(chunk, whole-o) / tile
		for t := 0; t < rows; t += tile {
			part.run(dst.from(t*dst.Stride+o), x, q, from+t, min(rows-t, tile))
		}
	}
	for o := whole; o < outs; o++ {
		part := a.skip(w, o)
		if o >= inside {
			last := unsafe.Slice((*byte)(unsafe.Pointer(&scratch[quadTable*a.quads])), width)
			clear(last[copy(last, w.Data[o*w.Stride:min((o+1)*w.Stride, len(w.Data))]):])
			part.codes = &last[0]
		}
		part.single(dst.from(o), x, q, from, rows)
	}
}

// skip returns the call from output n on.
func (a *quadArgs) skip(w *Packed, n int) quadArgs {
	b := *a
	b.codes = &w.Data[n*w.Stride]
	b.scales = (*byte)(unsafe.Add(unsafe.Pointer(a.scales), n*a.factors))
	b.biases = (*byte)(unsafe.Add(unsafe.Pointer(a.biases), n*a.factors))
	return b
}

// run computes rows rows, at most a tile, from row t of x on.
func (a *quadArgs) run(dst Matrix, x *Rounded, q quadRow, t, rows int) {
	a.x, a.dst, a.rows = &x.Data[t*q.stride], &dst.Data[0], rows
	a.xFactors = x.firstFactor(t)
	quads(a)
}

// single computes one output for rows of x.
func (a *quadArgs) single(dst Matrix, x *Rounded, q quadRow, from, rows int) {
	var sums [tile * tile]float32
	b := *a
	b.stride, b.factors, b.tiles, b.ahead, b.dst, b.dstStride = 0, 0, 1, 0, &sums[0], 4*tile
	for t := 0; t < rows; t += tile {
		b.x, b.xFactors, b.rows = &x.Data[(from+t)*q.stride], x.firstFactor(from+t), min(rows-t, tile)
		quads(&b)
		for i := range b.rows {
			dst.Data[(t+i)*dst.Stride] = sums[i*tile]
		}
	}
}

// quadsGeneric computes a.tiles tiles.
func quadsGeneric(a *quadArgs) {
	size := quadGroups * a.group
	for o := range a.tiles * tile {
		codes := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(a.codes), o*a.stride)), a.quads*size*a.format.bits()/8)
		for t := range a.rows {
			x := unsafe.Slice((*int8)(unsafe.Add(unsafe.Pointer(a.x), t*a.xStride)), a.quads*size)
			factors := (*float32)(unsafe.Add(unsafe.Pointer(a.xFactors), t*a.xStride))
			var sum float32
			for g := range a.quads * quadGroups {
				f := at(factors, g/quadGroups*quadFactors/4+g%quadGroups, quadGroups+1)
				dot := int32(0)
				for i := g * a.group; i < (g+1)*a.group; i++ {
					code := codes[i*a.format.bits()/8]
					if a.format == Q4 {
						code = code >> (i % 2 * 4) & 15
					}
					dot += int32(code) * int32(x[quadAt(i, a.group, a.format == Q4)])
				}
				sum += float32(a.factor(a.scales, o, g)*f[0]) * float32(dot)
				sum += a.factor(a.biases, o, g) * f[quadGroups]
			}
			*(*float32)(unsafe.Add(unsafe.Pointer(a.dst), t*a.dstStride+4*o)) = sum
		}
	}
}

// factor returns scale or bias g of an output.
func (a *quadArgs) factor(first *byte, o, g int) float32 {
	return factorAt((*byte)(unsafe.Add(unsafe.Pointer(first), o*a.factors)), g, a.brain)
}
