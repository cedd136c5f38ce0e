package kernel

import (
	"fmt"
	"unsafe"
)

// Codes is rows of 8-bit codes, Stride of them from one row to the next. Groups
// of Group codes of a row, the last of which may be shorter, share a scale: of
// rows of n codes, value i of row r is Data[r*Stride+i] times scale number
// r*ceil(n/Group)+i/Group.
type Codes struct {
	Data   []int8
	Stride int
	Scales []float32
	Group  int
	// Next is where more such rows lie that will be read after these; nil
	// where that is not known. It makes nothing but speed.
	Next []int8
}

// needs panics unless there are so many rows of width codes. It returns the
// scales of a row.
func (c *Codes) needs(kernel string, rows, width int) (groups int) {
	groups = (width + c.Group - 1) / c.Group
	need(kernel, "codes", len(c.Data), span(rows, c.Stride, width))
	need(kernel, "scales", len(c.Scales), rows*groups)
	return groups
}

const (
	cacheLine = 64
	// aheadRows is how far ahead of its loads dotCodes4x4 asks for memory.
	aheadRows = 8
)

// CodeGroup is the Group of MatMulCodes.
const CodeGroup = 32

// vector is how many columns MixCodes takes at a time; the rest is left to
// plain Go.
const vector = 16

// MatMulCodes sets dst[t][o] to the product of row t of x and row o of w over
// n values, for t below rows and o below outs. w.Group must be CodeGroup.
//
// Against float64 each product errs by at most (n/lanes+40)*2^-24*Σ|x·w|, with
// 16 lanes for AVX-512 and 8 otherwise.
func MatMulCodes(dst, x Matrix, w Codes, rows, outs, n int) {
	if rows <= 0 || outs <= 0 {
		return
	}
	need("MatMulCodes", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMulCodes", "x", len(x.Data), span(rows, x.Stride, n))
	if w.Group != CodeGroup {
		panic(fmt.Sprintf("kernel: MatMulCodes: groups of %d, want %d", w.Group, CodeGroup))
	}
	groups := w.needs("MatMulCodes", outs, n)
	if lines := min(aheadRows*w.Stride, len(w.Next)) / cacheLine; lines > 0 {
		prefetch(&w.Next[0], cacheLine, lines)
	}
	whole := n &^ (CodeGroup - 1)
	if whole > 0 {
		matMulCodes(dst, x, w, rows, outs, whole, groups)
	}
	for t := 0; t < rows && (whole < n || n == 0); t++ {
		out := dst.Data[t*dst.Stride:][:outs]
		if whole == 0 {
			clear(out)
		}
		for o := 0; o < outs && n > 0; o++ {
			rest := codesRest(x.Data[t*x.Stride+whole:t*x.Stride+n], w.Data[o*w.Stride+whole:])
			out[o] += float32(rest * w.Scales[o*groups+groups-1])
		}
	}
}

// matMulCodes is MatMulCodes for n a multiple of CodeGroup. Rows or columns
// that do not fill a tile are computed one at a time.
func matMulCodes(dst, x Matrix, w Codes, rows, outs, n, groups int) {
	var block [tile * tile]float32
	for t := 0; t < rows; {
		high, xStride := tile, x.Stride
		if t+tile > rows {
			high, xStride = 1, 0
		}
		xt := &x.Data[t*x.Stride]
		for o := 0; o < outs; {
			wide, wStride, sStride := tile, w.Stride, groups
			if o+tile > outs {
				wide, wStride, sStride = 1, 0, 0
			}
			out, stride := &block[0], tile
			if high == tile && wide == tile {
				out, stride = &dst.Data[t*dst.Stride+o], dst.Stride
			}
			dotCodes4x4(out, stride, xt, xStride, &w.Data[o*w.Stride], wStride, &w.Scales[o*groups], sStride, n)
			if out == &block[0] {
				for r := range high {
					copy(dst.Data[(t+r)*dst.Stride+o:][:wide], block[r*tile:])
				}
			}
			o += wide
		}
		t += high
	}
}

// codesRest sums the products that the kernels leave.
func codesRest(x []float32, codes []int8) (sum float32) {
	for i, v := range x {
		sum += v * float32(codes[i])
	}
	return sum
}

// mixedRows is how many rows of codes are mixed at a time.
const mixedRows = 64

// MixCodes is Mix with rows of codes: dst[r][d] += Σ p[r][j]*v[j][d], j below n
// in order, d below width, for 4 rows r. A row of v has one scale, which is
// multiplied with the weight first.
//
// Adding n rows at once or in pieces gives the same bits.
func MixCodes(dst, p Matrix, v Codes, n, width int) {
	if n <= 0 || width <= 0 {
		return
	}
	need("MixCodes", "dst", len(dst.Data), span(tile, dst.Stride, width))
	need("MixCodes", "p", len(p.Data), span(tile, p.Stride, n))
	if v.Group < width {
		panic(fmt.Sprintf("kernel: MixCodes: groups of %d, want %d", v.Group, width))
	}
	v.needs("MixCodes", n, width)
	var weights [tile * mixedRows]float32
	whole := width &^ (vector - 1)
	if rows := min(n, len(v.Next)/max(v.Stride, 1)); rows > 0 {
		prefetch(&v.Next[0], v.Stride, rows)
	}
	for from := 0; from < n; from += mixedRows {
		count := min(mixedRows, n-from)
		for r := range tile {
			for j, scale := range v.Scales[from : from+count] {
				weights[r*mixedRows+j] = p.Data[r*p.Stride+from+j] * scale
			}
		}
		codes := v.Data[from*v.Stride:]
		if whole > 0 {
			mixCodes4(&dst.Data[0], dst.Stride, &weights[0], mixedRows, &codes[0], v.Stride, count, whole)
		}
		if whole < width {
			mixCodes4Generic(&dst.Data[whole], dst.Stride, &weights[0], mixedRows, &codes[whole], v.Stride, count, width-whole)
		}
	}
}

// codesAt returns the n codes that begin offset codes after p.
func codesAt(p *int8, offset, n int) []int8 {
	return unsafe.Slice((*int8)(unsafe.Add(unsafe.Pointer(p), offset)), n)
}

func dotCodes4x4Generic(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int) {
	for r := range tile {
		for c := range tile {
			at(dst, r*dstStride+c, 1)[0] = dotCodesGeneric(at(x, r*xStride, n), codesAt(w, c*wStride, n), at(s, c*sStride, n/CodeGroup))
			if wStride == 0 {
				break
			}
		}
		if xStride == 0 {
			break
		}
	}
}

// dotCodesGeneric sums in 8 lanes, value i in lane i mod 8.
func dotCodesGeneric(a []float32, b []int8, scales []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for g, scale := range scales {
		for i := g * CodeGroup; i < (g+1)*CodeGroup; i += 8 {
			a8, b8 := a[i:i+8:i+8], b[i:i+8:i+8]
			s0 += a8[0] * (scale * float32(b8[0]))
			s1 += a8[1] * (scale * float32(b8[1]))
			s2 += a8[2] * (scale * float32(b8[2]))
			s3 += a8[3] * (scale * float32(b8[3]))
			s4 += a8[4] * (scale * float32(b8[4]))
			s5 += a8[5] * (scale * float32(b8[5]))
			s6 += a8[6] * (scale * float32(b8[6]))
			s7 += a8[7] * (scale * float32(b8[7]))
		}
	}
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

func mixCodes4Generic(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int) {
	for r := range tile {
		out, weights := at(dst, r*dstStride, width), at(p, r*pStride, n)
		for j, weight := range weights {
			row := codesAt(v, j*vStride, width)[:len(out)]
			for d := range out {
				out[d] += weight * float32(row[d])
			}
		}
	}
}
