package kernel

import (
	"math"
	"unsafe"
)

// Rounded is rows of activations rounded to 8 bits for products with codes of 4
// or 8 bits: value i of group g of a row is Scales[g]*q, with q from -127 to 127.
// What is rounded and what is not, and every sum, depends on the row alone.
//
// The fields belong to MatMulRounded; Round fills them.
type Rounded struct {
	Format  Format    // of the weights
	Rows, N int       // N values a row
	Group   int       // values a scale
	Data    []int8    // [rows in whole tiles, N], in the order that the format has; or quads with all
	Scales  []float32 // [rows in whole tiles, N/Group]
	Sums    []float32 // of a group's values, likewise
	quads   bool      // everything is in Data, and goes by quads
	tiles   bool      // and behind them in tiles
}

// roundedBlock is how many values are multiplied at a time.
const roundedBlock = 64

// RoundedPays reports whether products of any number of rows are faster with
// rounded activations: where there are no kernels for several rows, only those of
// one are.
func RoundedPays() bool { return quadsOn() || roundedBatches() }

// FitsRounded reports whether MatMulRounded takes these weights in rows of n
// values.
func (w *Packed) FitsRounded(n int) bool {
	return w.Format.quantized() && w.Fits(n) && n%roundedBlock == 0 && (w.Group == 32 || w.Group%roundedBlock == 0)
}

// RoundedGroup returns how many activations share a scale beside these weights.
func (w *Packed) RoundedGroup() int { return min(w.Group, roundedBlock) }

// Sizes returns the lengths of Data and of Scales or Sums, and settles for which
// kernels they are.
func (r *Rounded) Sizes() (values, factors int) {
	r.quads = quadsOn()
	r.tiles = r.quads && tilesOn && r.Rows >= tileLeast
	return r.sizes()
}

func (r *Rounded) sizes() (values, factors int) {
	rows := (r.Rows + tile - 1) &^ (tile - 1)
	if r.quads {
		return rows*r.quadRow().stride + r.Blocks()*r.tileBlock(), 0
	}
	return rows * r.N, rows * (r.N / r.Group)
}

// Round rounds rows from to to of x [Rows, N], to the nearest, halves to even.
// The greatest value of a group becomes 127. A group with an infinity or a NaN
// has a scale that is not finite; one of nothing above 2^-100 becomes zeros.
func (r *Rounded) Round(x Matrix, from, to int) {
	groups := r.N / r.Group
	need("Round", "x", len(x.Data), span(to, x.Stride, r.N))
	if r.N%roundedBlock != 0 || r.Group != 32 && r.Group != roundedBlock {
		panic("kernel: Round: values are not whole blocks")
	}
	if r.quads != quadsOn() {
		panic("kernel: Round: Sizes was for other instructions")
	}
	if r.quads {
		need("Round", "data", len(r.Data), to*r.quadRow().stride)
		for t := from; t < to; t++ {
			r.roundQuads(x.Data[t*x.Stride:], t)
		}
		return
	}
	need("Round", "data", len(r.Data), to*r.N)
	need("Round", "scales", len(r.Scales), to*groups)
	need("Round", "sums", len(r.Sums), to*groups)
	for t := from; t < to; t++ {
		roundRow(&r.Data[t*r.N], &r.Scales[t*groups], &r.Sums[t*groups], &x.Data[t*x.Stride], r.N/roundedBlock, r.Group, r.Format == Q4)
	}
}

// roundedTiny is what counts as zero: its reciprocal could be infinite.
const roundedTiny = 1.0 / (1 << 50) / (1 << 50)

// roundRowGeneric rounds blocks of 64 values. With split the even ones of each
// block come before the odd ones.
func roundRowGeneric(dst *int8, scales, sums, x *float32, blocks, group int, split bool) {
	out := unsafe.Slice(dst, blocks*roundedBlock)
	var plain [roundedBlock]int8
	for g := range blocks * roundedBlock / group {
		at(scales, g, 1)[0], at(sums, g, 1)[0] = roundGroup(plain[:group], at(x, g*group, group))
		for i, q := range plain[:group] {
			to := g*group + i
			if split {
				to = to&^(roundedBlock-1) + to%2*(roundedBlock/2) + to%roundedBlock/2
			}
			out[to] = q
		}
	}
}

// roundGroup rounds the values of a group, and returns its scale and its sum.
func roundGroup(dst []int8, x []float32) (scale, sum float32) {
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^(1<<31))
	}
	greatest := math.Float32frombits(most)
	inverse, all := float32(127)/greatest, int32(0)
	if greatest < roundedTiny {
		greatest, inverse = 0, 0
	}
	for i, v := range x {
		dst[i] = int8(math.RoundToEven(float64(v * inverse)))
		all += int32(dst[i])
	}
	scale = greatest / 127
	return scale, scale * float32(all)
}

// roundedArgs is one call of a kernel over rounded rows. Strides and factors
// are bytes from row to row.
type roundedArgs struct {
	x               *int8
	xStride         int
	rowScales, sums *float32
	rowFactors      int
	dst             *float32
	dstStride       int
	codes           *byte
	stride          int
	scales, biases  *byte // float32, or bfloat16
	factors         int
	groups, blocks  int // factors, and blocks of values, of a row
	outs            int
	rows            int      // of x, for the kernels that take several
	table           *float32 // for factors
	each            int      // factors a block
	format          Format
	brain           bool // scales and biases are bfloat16
}

// roundedTable is how many values the table of factors has at least.
const roundedTable = 2 * tile * tile * 136

// ScratchRounded returns how many values of scratch MatMulRounded needs.
func (w *Packed) ScratchRounded(n int) int {
	if quadsOn() {
		// The table, and the codes of a row.
		quads := (n/w.RoundedGroup() + quadGroups - 1) / quadGroups
		return max(quads*(quadTable+quadGroups*w.RoundedGroup()/4), scratchTiles(n, w.RoundedGroup()))
	}
	return max(2*(n/w.RoundedGroup()+packedTile), roundedTable)
}

// MatMulRounded sets dst[t][o] to the product of row from+t of x and row o of w,
// for t below rows: dots of whole numbers, which are exact, times the scales,
// and the biases times the sums, added up as float32. w must fit, and its
// scales and biases are those of RoundedGroup values, so that groups of 128 give
// each of theirs twice; they are taken from ScaleBits and BiasBits if there are
// some. scratch has ScratchRounded values.
//
// Against float64 over the rounded values each product errs by at most
// (n/lanes/4+12)*2^-24*Σ|x·w|, with 16 lanes for AVX-512, 8 for AVX2 and 1
// otherwise, and w the magnitudes of scale times code and of bias added.
func MatMulRounded(dst Matrix, x *Rounded, w *Packed, scratch []float32, from, rows, outs int) {
	if rows <= 0 || outs <= 0 {
		return
	}
	n, groups := x.N, x.N/x.Group
	if !w.FitsRounded(n) || x.Group != w.RoundedGroup() || x.Format != w.Format {
		panic("kernel: MatMulRounded: x is not rounded for w")
	}
	values, factors := x.sizes()
	need("MatMulRounded", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMulRounded", "x", len(x.Data), values)
	if x.quads != quadsOn() {
		panic("kernel: MatMulRounded: x was rounded for other instructions")
	}
	need("MatMulRounded", "x scales", len(x.Scales), factors)
	need("MatMulRounded", "x sums", len(x.Sums), factors)
	need("MatMulRounded", "rows", x.Rows, from+rows)
	need("MatMulRounded", "w", len(w.Data), span(outs, w.Stride, n*w.Format.bits()/8))
	need("MatMulRounded", "scratch", len(scratch), w.ScratchRounded(n))
	if x.quads {
		if whole := outs &^ (tileRows - 1); x.tiles && rows >= tileRows && from%tileRows == 0 && whole > 0 {
			matMulTiles(dst, x, w, scratch, from, rows, whole)
			if whole == outs {
				return
			}
			rest := w.skip(whole, n)
			w, dst, outs = &rest, dst.from(whole), outs-whole
		}
		matMulQuads(dst, x, w, scratch, from, rows, outs)
		return
	}
	a := roundedArgs{
		xStride: n, rowFactors: 4 * groups, dstStride: 4 * dst.Stride, codes: &w.Data[0], stride: w.Stride, factors: 4 * groups,
		groups: groups, blocks: n / roundedBlock, table: &scratch[0], each: roundedBlock / x.Group, format: w.Format,
	}
	if a.brain = w.ScaleBits != nil; a.brain {
		a.factors = 2 * groups
		need("MatMulRounded", "scales", len(w.ScaleBits), outs*a.factors)
		need("MatMulRounded", "biases", len(w.BiasBits), outs*a.factors)
		a.scales, a.biases = &w.ScaleBits[0], &w.BiasBits[0]
	} else {
		need("MatMulRounded", "scales", len(w.Scales), outs*groups)
		need("MatMulRounded", "biases", len(w.Biases), outs*groups)
		a.scales, a.biases = (*byte)(unsafe.Pointer(&w.Scales[0])), (*byte)(unsafe.Pointer(&w.Biases[0]))
	}
	chunk := outs
	if rows > tile || rows > 1 && !roundedBatches() { // several passes share what is near
		chunk = max(nearBytes/w.Stride&^(tile-1), tile)
	}
	for o := 0; o < outs; o += chunk {
		part := a.skip(o)
		for t := 0; t < rows; t += tile {
			part.outs, part.rows = min(chunk, outs-o), min(rows-t, tile)
			part.batch(dst.from(t*dst.Stride+o), x, from+t)
		}
	}
}

// batch computes a.rows rows, at most a tile, from row t of x on.
func (a *roundedArgs) batch(dst Matrix, x *Rounded, t int) {
	outs := a.outs
	if !roundedBatches() || a.rows == 1 {
		for i := range a.rows {
			a.row(dst.from(i*dst.Stride), x, t+i)
			roundedOne(a)
		}
		return
	}
	whole := outs &^ (tile - 1)
	if a.rows > 2 && whole > 0 {
		a.outs = whole
		a.row(dst, x, t)
		roundedFour(a)
		a.outs = outs
		if whole == outs {
			return
		}
	} else {
		whole = 0
	}
	rest := a.skip(whole)
	rest.outs = outs - whole
	for i := 0; i < a.rows; i += 2 {
		rest.row(dst.from(i*dst.Stride+whole), x, t+i)
		if i+1 < a.rows && rest.groups <= roundedTable/2-packedTile {
			roundedTwo(&rest)
			continue
		}
		roundedOne(&rest)
		if i+1 < a.rows {
			rest.row(dst.from((i+1)*dst.Stride+whole), x, t+i+1)
			roundedOne(&rest)
		}
	}
}

// row goes to row t of x and where its results go.
func (a *roundedArgs) row(dst Matrix, x *Rounded, t int) {
	a.x, a.rowScales, a.sums = &x.Data[t*x.N], &x.Scales[t*a.groups], &x.Sums[t*a.groups]
	a.dst = &dst.Data[0]
}

// skip returns the call without its first n outputs, of which there must be
// more.
func (a *roundedArgs) skip(n int) roundedArgs {
	b := *a
	b.codes = (*byte)(unsafe.Add(unsafe.Pointer(a.codes), n*a.stride))
	b.scales = (*byte)(unsafe.Add(unsafe.Pointer(a.scales), n*a.factors))
	b.biases = (*byte)(unsafe.Add(unsafe.Pointer(a.biases), n*a.factors))
	return b
}

// roundedOneGeneric computes one row.
func roundedOneGeneric(a *roundedArgs) {
	x := unsafe.Slice(a.x, a.blocks*roundedBlock)
	rowScales, sums := at(a.rowScales, 0, a.groups), at(a.sums, 0, a.groups)
	scales := at(a.table, 0, a.groups)
	for o := range a.outs {
		b := a.skip(o)
		var sum float32
		for g := range scales {
			scales[g] = b.factor(b.scales, g) * rowScales[g]
			sum += b.factor(b.biases, g) * sums[g]
		}
		codes := unsafe.Pointer(b.codes)
		for block := range a.blocks {
			values := x[block*roundedBlock:][:roundedBlock]
			var dots [2]int32
			if a.format == Q4 {
				dots = dot4Generic(values, unsafe.Slice((*byte)(unsafe.Add(codes, block*roundedBlock/2)), roundedBlock/2))
			} else {
				dots = dot8Generic(values, unsafe.Slice((*byte)(unsafe.Add(codes, block*roundedBlock)), roundedBlock))
			}
			if a.each == 1 {
				sum += scales[block] * float32(dots[0]+dots[1])
			} else {
				sum += scales[2*block] * float32(dots[0])
				sum += scales[2*block+1] * float32(dots[1])
			}
		}
		at(a.dst, o, 1)[0] = sum
	}
}

// factor returns scale or bias g of a row.
func (a *roundedArgs) factor(row *byte, g int) float32 { return factorAt(row, g, a.brain) }

// factorAt returns value g of a row of float32 or bfloat16.
func factorAt(row *byte, g int, brain bool) float32 {
	if !brain {
		return *(*float32)(unsafe.Add(unsafe.Pointer(row), 4*g))
	}
	var v float32
	unpackBF16Generic(&v, (*byte)(unsafe.Add(unsafe.Pointer(row), 2*g)), 1)
	return v
}

// dot4Generic multiplies 64 codes of 4 bits with values, the even ones of which
// come first, and adds up each half of the codes.
func dot4Generic(x []int8, codes []byte) (dots [2]int32) {
	for i, c := range codes {
		dots[i/16] += int32(c&15)*int32(x[i]) + int32(c>>4)*int32(x[32+i])
	}
	return dots
}

func dot8Generic(x []int8, codes []byte) (dots [2]int32) {
	for i, c := range codes {
		dots[i/32] += int32(c) * int32(x[i])
	}
	return dots
}
