package kernel

// Panels are Rows rows of N values in the order in which products of many rows
// with many read them: tile rows together, piece by piece. How long a piece is,
// is a matter of the implementation that made them, and only it can read them.
type Panels struct{ Rows, N int }

// panelVector divides the values of a row of a panel.
const panelVector = 16

// Fit reports whether rows of N values can be made panels.
func (p Panels) Fit() bool { return p.N > 0 && p.N%panelVector == 0 }

// Size returns the values of the panels: rows come in whole tiles.
func (p Panels) Size() int { return (p.Rows + tile - 1) &^ (tile - 1) * p.N }

// Pack makes the panels of src, which must fit, in dst. What fills up the last
// tile is 0.
func (p Panels) Pack(dst []float32, src Matrix) {
	if p.Rows <= 0 {
		return
	}
	p.check("Pack")
	need("Pack", "dst", len(dst), p.Size())
	need("Pack", "src", len(src.Data), span(p.Rows, src.Stride, p.N))
	for r := 0; r < p.Rows; r += tile {
		to := dst[r*p.N : (r+tile)*p.N]
		if r+tile <= p.Rows {
			pack4(&to[0], &src.Data[r*src.Stride], src.Stride, p.N, p.N)
		} else {
			packFew(to, src.from(r*src.Stride), p.Rows-r, p.N)
		}
	}
}

func (p Panels) check(kernel string) {
	if !p.Fit() {
		panic("kernel: " + kernel + ": values are not whole vectors")
	}
}

// packFew packs less than a tile of rows.
func packFew(to []float32, src Matrix, rows, n int) {
	var few [tile * panelVector]float32
	for from := 0; from < n; from += panelVector {
		for i := range rows {
			copy(few[i*panelVector:(i+1)*panelVector], src.Data[i*src.Stride+from:])
		}
		pack4(panelAt(to, from), &few[0], panelVector, n, panelVector)
	}
}

// MatMulPanels is MatMulAdd with operands in panels: it gives the same bits.
func MatMulPanels(dst Matrix, x, w []float32, rows, outs, n int, add bool) {
	if rows <= 0 || outs <= 0 {
		return
	}
	xs, ws := Panels{rows, n}, Panels{outs, n}
	xs.check("MatMulPanels")
	need("MatMulPanels", "dst", len(dst.Data), span(rows, dst.Stride, outs))
	need("MatMulPanels", "x", len(x), xs.Size())
	need("MatMulPanels", "w", len(w), ws.Size())
	need("MatMulPanels", "block", Block, n)
	for t := 0; t < rows; t += tile {
		xt := &x[t*n]
		for o := 0; o < outs; o += tile {
			to := dst.from(t*dst.Stride + o)
			if t+tile <= rows && o+tile <= outs {
				panel4x4(&to.Data[0], dst.Stride, xt, &w[o*n], n, add)
			} else {
				panelEdge(to, xt, &w[o*n], n, min(tile, rows-t), min(tile, outs-o), add)
			}
		}
	}
}

// panelEdge computes part of a tile.
func panelEdge(dst Matrix, x, w *float32, n, rows, outs int, add bool) {
	var sums [tile * tile]float32
	for r := range rows {
		copy(sums[r*tile:][:outs], dst.Data[r*dst.Stride:])
	}
	panel4x4(&sums[0], tile, x, w, n, add)
	for r := range rows {
		copy(dst.Data[r*dst.Stride:][:outs], sums[r*tile:])
	}
}

// The plain Go panels are tiles of rows that follow each other.

func pack4Generic(dst, src *float32, stride, width, n int) {
	for r := range tile {
		copy(at(dst, r*width, n), at(src, r*stride, n))
	}
}

func panel4x4Generic(dst *float32, dstStride int, x, w *float32, n int, add bool) {
	dot4x4Generic(dst, dstStride, x, n, w, n, n, add)
}
