package kernel

import (
	"fmt"
	"unsafe"
)

// Products of rows that come from memory rather than from a cache: keys and
// values of a long conversation. The kernels ask for the next rows while they
// compute, so that neither memory nor arithmetic waits for the other.

const (
	// aheadVector and aheadWidth are what lengths of rows and columns must be
	// multiples of for the kernels to be of use.
	aheadVector, aheadWidth = 16, 64
	// aheadBytes is how far ahead products ask for rows: what memory delivers to a thread while a load waits, and some.
	aheadBytes = 16 << 10
	// aheadMixed is how many rows are mixed before the next ones, which are asked for meanwhile.
	aheadMixed = 16
)

// MatMulAhead is MatMul, with the same bits. next is where more rows like those of w lie that will be read after them,
// nil where that is not known.
func MatMulAhead(dst, x, w Matrix, rows, outs, n int, next []float32) {
	step, outStep := tile, tile // rows of x and of w that a kernel takes
	if eights() && rows%(2*tile) == 0 {
		step, outStep = 2*tile, tile/2
	}
	whole := outs &^ (outStep - 1)
	if rows <= 0 || rows%tile != 0 || n <= 0 || n%aheadVector != 0 || whole == 0 {
		MatMul(dst, x, w, rows, outs, n)
		return
	}
	need("MatMulAhead", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMulAhead", "x", len(x.Data), span(rows, x.Stride, n))
	need("MatMulAhead", "w", len(w.Data), span(outs, w.Stride, n))
	skipped := max(aheadBytes/(4*w.Stride)&^(tile-1), tile)
	for o := 0; o < whole; o += outStep {
		wo := &w.Data[o*w.Stride]
		ahead := 4 * skipped * w.Stride
		if past := o + skipped - whole; past >= 0 {
			ahead = distance(wo, next, past*w.Stride)
		}
		for t := 0; t < rows; t += step {
			to, xt := &dst.Data[t*dst.Stride+o], &x.Data[t*x.Stride]
			if step > tile {
				dotAhead8x2(to, dst.Stride, xt, x.Stride, wo, w.Stride, n, ahead)
			} else {
				half := t / tile % 2 * (2 * 4 * w.Stride)
				dotAhead4x4(to, dst.Stride, xt, x.Stride, wo, w.Stride, n, ahead+half)
			}
		}
	}
	if whole < outs {
		rest := Matrix{w.Data[whole*w.Stride:], w.Stride}
		MatMul(Matrix{dst.Data[whole:], dst.Stride}, x, rest, rows, outs-whole, n)
	}
}

// MixAhead is Mix, with the same bits, for rows rows of dst and p, a multiple
// of 4. next is where more rows like those of v lie that will be read after
// them, nil where that is not known.
func MixAhead(dst, p, v Matrix, rows, n, width int, next []float32) {
	if rows%tile != 0 {
		panic(fmt.Sprintf("kernel: MixAhead: %d rows, want a multiple of %d", rows, tile))
	}
	if rows <= 0 || n <= 0 || width <= 0 {
		return
	}
	need("MixAhead", "dst", len(dst.Data), span(rows, dst.Stride, width))
	need("MixAhead", "p", len(p.Data), span(rows, p.Stride, n))
	need("MixAhead", "v", len(v.Data), span(n, v.Stride, width))
	whole := width &^ (aheadWidth - 1)
	for r := 0; r < rows && whole < width; r += tile {
		mix4(&dst.Data[r*dst.Stride+whole], dst.Stride, &p.Data[r*p.Stride], p.Stride, &v.Data[whole], v.Stride, n, width-whole)
	}
	for j := 0; j < n && whole > 0; j += aheadMixed {
		vj, count, ahead := v.from(j*v.Stride), min(aheadMixed, n-j), 4*aheadMixed*v.Stride
		if j+aheadMixed >= n {
			ahead = distance(&vj.Data[0], next, 0)
		}
		for r := 0; r < rows; r += tile {
			eight := eights() && r+2*tile <= rows
			mixColumns(eight, dst.from(r*dst.Stride), p.from(r*p.Stride+j), vj, count, whole, ahead)
			if ahead = 0; eight {
				r += tile
			}
		}
	}
}

// mixColumns mixes 4 rows, or 8 of them.
func mixColumns(eight bool, dst, p, v Matrix, n, width, ahead int) {
	if eight {
		mixAhead8(&dst.Data[0], dst.Stride, &p.Data[0], p.Stride, &v.Data[0], v.Stride, n, width, ahead)
	} else {
		mixAhead4(&dst.Data[0], dst.Stride, &p.Data[0], p.Stride, &v.Data[0], v.Stride, n, width, ahead)
	}
}

// distance returns the bytes from p to value n of next, 0 if there is none. Nothing is
// loaded from there, only asked for.
func distance(p *float32, next []float32, n int) int {
	if len(next) <= n {
		return 0
	}
	return int(uintptr(unsafe.Pointer(&next[n])) - uintptr(unsafe.Pointer(p)))
}
