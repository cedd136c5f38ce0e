package kernel

import "unsafe"

// Matrix is rows of float32 values, Stride values from one to the next.
type Matrix struct {
	Data   []float32
	Stride int
}

// Block is the number of values that are summed up before their sum is added
// to that of the blocks before it. It is a multiple of every group of a
// quantized matrix, and 4 rows of it fit into a first-level cache.
const Block = 1536

// MatMul sets dst[t][o] to the product of row t of x and row o of w over n
// values, for t below rows and o below outs.
//
// Against float64 each product errs by at most
// (min(n, Block)/lanes+n/Block+8)*2^-24*Σ|x·w|, with 16 lanes for AVX-512 and 8
// otherwise.
func MatMul(dst, x, w Matrix, rows, outs, n int) {
	MatMulAdd(dst, x, w, rows, outs, min(n, Block), false)
	for from := Block; from < n; from += Block {
		MatMulAdd(dst, x.from(from), w.from(from), rows, outs, min(n-from, Block), true)
	}
}

// from returns the columns of a matrix from column i on.
func (m Matrix) from(i int) Matrix { return Matrix{m.Data[i:], m.Stride} }

// MatMulAdd is the part of MatMul that sums up one block: n is at most Block.
// If add is true it adds to dst. A caller that does not have all of w at once
// gets the bits of MatMul by going through the blocks in order, the first one
// without add.
func MatMulAdd(dst, x, w Matrix, rows, outs, n int, add bool) {
	if rows <= 0 || outs <= 0 {
		return
	}
	need("MatMul", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMul", "x", len(x.Data), span(rows, x.Stride, n))
	need("MatMul", "w", len(w.Data), span(outs, w.Stride, n))
	need("MatMul", "block", Block, n)
	if n <= 0 {
		for t := range rows {
			clear(dst.Data[t*dst.Stride:][:outs])
		}
		return
	}
	whole := outs &^ (tile - 1)
	t := 0
	for ; t+tile <= rows; t += tile {
		xt := &x.Data[t*x.Stride]
		for o := 0; o < whole; o += tile {
			dot4x4(&dst.Data[t*dst.Stride+o], dst.Stride, xt, x.Stride, &w.Data[o*w.Stride], w.Stride, n, add)
		}
	}
	for ; t < rows; t++ {
		xt := &x.Data[t*x.Stride]
		for o := 0; o < whole; o += tile {
			dot1x4(&dst.Data[t*dst.Stride+o], xt, &w.Data[o*w.Stride], w.Stride, n, add)
		}
	}
	var last [tile]float32
	for o := whole; o < outs; o++ {
		for t := range rows {
			to := &dst.Data[t*dst.Stride+o]
			last[0] = *to
			dot1x4(&last[0], &x.Data[t*x.Stride], &w.Data[o*w.Stride], 0, n, add)
			*to = last[0]
		}
	}
}

// Dot returns the product of a and b, with the bits that MatMul gives.
func Dot(a, b []float32) float32 {
	need("Dot", "b", len(b), len(a))
	var sums [tile]float32
	for add := false; len(a) > 0; add = true {
		n := min(len(a), Block)
		dot1x4(&sums[0], &a[0], &b[0], 0, n, add)
		a, b = a[n:], b[n:]
	}
	return sums[0]
}

// Mix adds to row r of dst the mean of the rows of v weighted by row r of p,
// not divided by the weights: dst[r][d] += Σ p[r][j]*v[j][d], j below n in
// order, d below width, for 4 rows r.
//
// Adding n rows at once or in pieces gives the same bits.
func Mix(dst, p, v Matrix, n, width int) {
	if n <= 0 || width <= 0 {
		return
	}
	need("Mix", "dst", len(dst.Data), span(tile, dst.Stride, width))
	need("Mix", "p", len(p.Data), span(tile, p.Stride, n))
	need("Mix", "v", len(v.Data), span(n, v.Stride, width))
	mix4(&dst.Data[0], dst.Stride, &p.Data[0], p.Stride, &v.Data[0], v.Stride, n, width)
}

// at returns the n values that begin offset values after p.
func at(p *float32, offset, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(p), 4*offset)), n)
}

func dot4x4Generic(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool) {
	for r := range tile {
		dot1x4Generic(&at(dst, r*dstStride, 1)[0], &at(x, r*xStride, 1)[0], w, wStride, n, add)
	}
}

func dot1x4Generic(dst, x, w *float32, wStride, n int, add bool) {
	out, a := at(dst, 0, tile), at(x, 0, n)
	if wStride == 0 {
		out = out[:1]
	}
	for c := range out {
		sum := dotGeneric(a, at(w, c*wStride, n))
		if add {
			sum += out[c]
		}
		out[c] = sum
	}
}

// dotGeneric sums in 8 lanes, value i in lane i mod 8.
func dotGeneric(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= 8 {
		a8, b8 := a[:8:8], b[:8:8]
		s0 += a8[0] * b8[0]
		s1 += a8[1] * b8[1]
		s2 += a8[2] * b8[2]
		s3 += a8[3] * b8[3]
		s4 += a8[4] * b8[4]
		s5 += a8[5] * b8[5]
		s6 += a8[6] * b8[6]
		s7 += a8[7] * b8[7]
		a, b = a[8:], b[8:]
	}
	for i := range a {
		s0 += a[i] * b[i]
	}
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

func mix4Generic(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int) {
	for r := range tile {
		out, weights := at(dst, r*dstStride, width), at(p, r*pStride, n)
		for j, weight := range weights {
			row := at(v, j*vStride, width)[:len(out)]
			for d := range out {
				out[d] += weight * row[d]
			}
		}
	}
}
