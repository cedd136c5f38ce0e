package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"unsafe"
)

// Where the processor multiplies tiles of bytes (AMX), 16 rows of rounded
// activations meet 16 rows of codes at a time: one instruction makes the 256 dots
// of a group. The dots are those of quads, and so is the order in which they are
// scaled and added up, so products have the same bits whichever way they go.
const (
	tileRows   = 16 // rows of activations, or of weights, of a tile
	tileValues = tileRows * tileRows
	// tileFactors is the values of a group's factors: of 16 rows the scales, and then sums or biases.
	tileFactors = 2 * tileRows
	// tileSums is the values of a kernel's scratch: dots of twice 4 groups, and sums of quarters.
	tileSums = (2*4 + quadGroups) * tileValues
	// tileLeast is the rows that pay for what is done once for all rows.
	tileLeast = 2 * tileRows
	tileSpan  = cacheLine / 4 // values of a line, to which scratch is aligned
)

// tileBlock is the bytes of 16 rows of x.
func (r *Rounded) tileBlock() int { return r.N / r.Group * (r.Group*tileRows + 4*tileFactors) }

// Blocks returns how many blocks of rows there are to be made by Tile: none
// where products go another way.
func (r *Rounded) Blocks() int {
	if !r.tiles {
		return 0
	}
	return (r.Rows + tileRows - 1) / tileRows
}

// tileData returns block i: of each group the values of 16 rows, 4 of a row side by
// side, which is a tile, and behind all of them the groups' factors.
func (r *Rounded) tileData(i int) (values *int8, factors *float32) {
	q, groups := r.quadRow(), r.N/r.Group
	first := (r.Rows+tile-1)&^(tile-1)*q.stride + i*r.tileBlock()
	return &r.Data[first], (*float32)(unsafe.Pointer(&r.Data[first+groups*r.Group*tileRows]))
}

// Tile makes blocks from to to of the rows that Round has rounded; rows that a
// block lacks are zeros.
func (r *Rounded) Tile(from, to int) {
	q, groups := r.quadRow(), r.N/r.Group
	for i := from; i < to; i++ {
		values, factors := r.tileData(i)
		words := unsafe.Slice((*uint32)(unsafe.Pointer(values)), groups*r.Group*tileRows/4)
		out := at(factors, 0, groups*tileFactors)
		rows := min(tileRows, r.Rows-i*tileRows)
		if rows < tileRows {
			clear(words)
			clear(out)
		}
		for t := range rows {
			row := unsafe.Slice((*uint32)(unsafe.Pointer(&r.Data[(i*tileRows+t)*q.stride])), q.values/4)
			f := at(r.firstFactor(i*tileRows+t), 0, q.quads*quadFactors/4)
			for g := range groups {
				out[g*tileFactors+t] = f[g/quadGroups*2*quadGroups+g%quadGroups]
				out[g*tileFactors+tileRows+t] = f[g/quadGroups*2*quadGroups+quadGroups+g%quadGroups]
				to := words[g*r.Group*tileRows/4+t:]
				for p := range r.Group / quadPiece {
					piece := row[(g/quadGroups*quadGroups*r.Group+(p*quadGroups+g%quadGroups)*quadPiece)/4:][:quadPiece/4]
					at := to[p*quadPiece/4*tileRows:][:3*tileRows+1]
					at[0], at[tileRows], at[2*tileRows], at[3*tileRows] = piece[0], piece[1], piece[2], piece[3]
				}
			}
		}
	}
}

// tileArgs is one call of a kernel over tiles: blocks of 16 rows of x with 16
// rows of weights. Strides and steps are bytes.
type tileArgs struct {
	x        *int8    // of the first block
	xFactors *float32 // likewise
	xStep    int      // from block to block, of both
	codes    *byte    // 16 rows of codes of 8 bits, in the order of x
	stride   int      // from row to row
	step     int      // from group to group
	factors  *float32 // of each group 16 scales and 16 biases
	groups   int
	group    int
	dst      *float32 // [16*blocks, 16]
	dstRow   int      // from row to row
	blocks   int
	sums     *float32 // tileSums values of scratch
	config   *tileConfig
}

// tileConfig says how large tiles are. Source: Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 1, section 18.
type tileConfig struct {
	palette, start byte
	_              [14]byte
	widths         [16]uint16 // bytes of a row
	rows           [16]byte
}

// tileConfigOf returns that of dots over a group of values: tiles 0 to 3 have dots, 4 and 5 codes, and 6
// and 7 values of x.
func tileConfigOf(group int) *tileConfig {
	c := &tileConfig{palette: 1}
	for i := range 8 {
		switch i / 2 {
		case 2:
			c.widths[i], c.rows[i] = uint16(group), tileRows
		case 3:
			c.widths[i], c.rows[i] = 4*tileRows, byte(group/4)
		default:
			c.widths[i], c.rows[i] = 4*tileRows, tileRows
		}
	}
	return c
}

// tileConfigs are those of groups of 32 and of 64.
var tileConfigs = [2]*tileConfig{tileConfigOf(32), tileConfigOf(64)}

// scratchTiles returns how many values of scratch matMulTiles needs.
func scratchTiles(n, group int) int {
	return n/group*tileFactors + n*tileRows/4 + tileSums + tileValues + 3*tileSpan
}

// matMulTiles is MatMulRounded for rows that have been made tiles, from a whole block
// on, and for outs a multiple of 16.
func matMulTiles(dst Matrix, x *Rounded, w *Packed, scratch []float32, from, rows, outs int) {
	groups := x.N / x.Group
	take := func(n int) []float32 {
		skip := -int(uintptr(unsafe.Pointer(&scratch[0]))/4) & (tileSpan - 1)
		part := scratch[skip : skip+n]
		scratch = scratch[skip+n:]
		return part
	}
	factors, sums, edge := take(groups*tileFactors), take(tileSums), take(tileValues)
	a := tileArgs{
		stride: w.Stride, step: x.Group, factors: &factors[0], groups: groups, group: x.Group,
		sums: &sums[0], config: tileConfigs[x.Group/roundedBlock], xStep: x.tileBlock(),
	}
	var codes *byte
	if w.Format == Q4 {
		codes = (*byte)(unsafe.Pointer(&take(x.N * tileRows / 4)[0]))
		a.stride, a.step = x.Group, x.Group*tileRows
	}
	width := w.RoundedFactors(x.N)
	for o := 0; o < outs; o += tileRows {
		tileFactorsOf(factors, w, o, groups, width)
		if a.codes = &w.Data[o*w.Stride]; w.Format == Q4 {
			tileCodes(codes, a.codes, w.Stride, groups, x.Group)
			a.codes = codes
		}
		a.x, a.xFactors = x.tileData(from / tileRows)
		a.blocks, a.dst, a.dstRow = rows/tileRows, &dst.Data[o], 4*dst.Stride
		if a.blocks > 0 {
			tiles(&a)
		}
		if rest := rows % tileRows; rest > 0 { // of the last block, all of which is computed
			a.x, a.xFactors = x.tileData((from + rows) / tileRows)
			a.blocks, a.dst, a.dstRow = 1, &edge[0], 4*tileRows
			tiles(&a)
			for t := range rest {
				copy(dst.Data[(rows-rest+t)*dst.Stride+o:][:tileRows], edge[t*tileRows:])
			}
		}
	}
}

// tileFactorsOf brings scales and biases of 16 rows of weights, from row o on, side by side.
func tileFactorsOf(out []float32, w *Packed, o, groups, width int) {
	for i := range tileRows {
		if first := (o + i) * width; w.ScaleBits != nil {
			scales, biases := w.ScaleBits[2*first:], w.BiasBits[2*first:]
			for g := range groups {
				f := out[g*tileFactors+i:][:tileRows+1]
				f[0] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(scales[2*g:])) << 16)
				f[tileRows] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(biases[2*g:])) << 16)
			}
		} else {
			for g := range groups {
				out[g*tileFactors+i], out[g*tileFactors+tileRows+i] = w.Scales[first+g], w.Biases[first+g]
			}
		}
	}
}

// tileCodesGeneric widens codes of 4 bits of 16 rows: of each group the 16 rows, in the order of Rounded, which has the
// even ones of 32 before the odd ones.
func tileCodesGeneric(dst, codes *byte, stride, groups, group int) {
	out := unsafe.Slice(dst, groups*group*tileRows)
	for i := range tileRows {
		row := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(codes), i*stride)), groups*group/2)
		for g := range groups {
			to := out[(g*tileRows+i)*group:][:group]
			for k, c := range row[g*group/2:][:group/2] {
				at := k/quadPiece*2*quadPiece + k%quadPiece
				to[at], to[at+quadPiece] = c&15, c>>4
			}
		}
	}
}

// tilesGeneric is the plain Go twin of tiles.
func tilesGeneric(a *tileArgs) {
	for block := range a.blocks {
		x := unsafe.Slice((*int8)(unsafe.Add(unsafe.Pointer(a.x), block*a.xStep)), a.groups*a.group*tileRows)
		xf := at((*float32)(unsafe.Add(unsafe.Pointer(a.xFactors), block*a.xStep)), 0, a.groups*tileFactors)
		wf := at(a.factors, 0, a.groups*tileFactors)
		for o := range tileRows {
			for t := range tileRows {
				var sums [quadGroups]float32
				for g := range a.groups {
					codes := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(a.codes), o*a.stride+g*a.step)), a.group)
					dot := int32(0)
					for k, c := range codes {
						dot += int32(c) * int32(x[g*a.group*tileRows+k/4*4*tileRows+4*t+k%4])
					}
					s := &sums[g%quadGroups]
					*s += float32(xf[g*tileFactors+t]*wf[g*tileFactors+o]) * float32(dot)
					*s += xf[g*tileFactors+tileRows+t] * wf[g*tileFactors+tileRows+o]
				}
				row := (*float32)(unsafe.Add(unsafe.Pointer(a.dst), (block*tileRows+t)*a.dstRow))
				at(row, o, 1)[0] = (sums[0] + sums[2]) + (sums[1] + sums[3])
			}
		}
	}
}

// skip returns the weights from row o on.
func (w *Packed) skip(o, n int) Packed {
	v, width := *w, w.RoundedFactors(n)
	v.Data = w.Data[o*w.Stride:]
	if w.ScaleBits != nil {
		v.ScaleBits, v.BiasBits = w.ScaleBits[2*o*width:], w.BiasBits[2*o*width:]
	} else {
		v.Scales, v.Biases = w.Scales[o*width:], w.Biases[o*width:]
	}
	return v
}

// tilesExample makes a call over small whole numbers, without dst.
func tilesExample(rng *rand.Rand, groups, group, blocks int) *tileArgs {
	size := groups * group * tileRows
	step := size + groups*4*tileFactors
	words := make([]float32, blocks*step/4) // of x, aligned for its factors
	x := unsafe.Slice((*int8)(unsafe.Pointer(&words[0])), blocks*step)
	whole := func(values []float32) {
		for i := range values {
			values[i] = float32(rng.IntN(5) - 2)
		}
	}
	for b := range blocks {
		for i := range x[b*step:][:size] {
			x[b*step+i] = int8(rng.IntN(255) - 127)
		}
		whole(words[(b*step+size)/4:][:groups*tileFactors])
	}
	codes, factors := make([]byte, size), make([]float32, groups*tileFactors)
	for i := range codes {
		codes[i] = byte(rng.Uint32())
	}
	whole(factors)
	return &tileArgs{
		x: &x[0], xFactors: &words[size/4], xStep: step, codes: &codes[0], stride: groups * group, step: group,
		factors: &factors[0], groups: groups, group: group, dstRow: 4 * tileRows, blocks: blocks,
		sums: &make([]float32, tileSums)[0], config: tileConfigs[group/roundedBlock],
	}
}
