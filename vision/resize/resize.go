// Package resize changes the size of pictures exactly as Pillow does, so that
// a model sees the pixels that it was trained and tested on.
//
// Start reading at Bicubic.
package resize

import "math"

// Coefficients are integers of 22 fractional bits. Source: gemma4.md 9.1.
const (
	fraction = 22
	half     = 1 << (fraction - 1)
)

// Bicubic returns the RGB picture pix, [height, width, 3], resampled to
// [newHeight, newWidth, 3] with the bicubic filter of a = -0.5, widened by the
// factor of reduction so that it does not alias. The result equals Pillow's
// byte for byte. If the size is unchanged, the result is pix itself. All sizes
// must be at least 1 and len(pix) must be width*height*3.
//
// Beside the result it needs memory for the rows that one output row weighs,
// and four bytes for each weight of a column or row.
//
// Source: Pillow 13, Image.resize with Image.BICUBIC (ImagingResample);
// gemma4.md 9.1 step 2.
func Bicubic(pix []byte, width, height, newWidth, newHeight int) []byte {
	if newWidth == width && newHeight == height {
		return pix
	}
	columns, rows := newAxis(width, newWidth), newAxis(height, newHeight)
	out := make([]byte, newWidth*newHeight*3)
	if verticalFirst(width, height, newWidth, newHeight) {
		row := make([]byte, width*3)
		sums := make([]int32, len(row))
		source := func(i int) []byte { return pix[i*width*3:] }
		for y := range newHeight {
			first, weights := rows.at(y)
			vertical(row, source, first, weights, sums)
			horizontal(out[y*newWidth*3:][:newWidth*3], row, columns)
		}
		return out
	}

	// Rows pass the horizontal filter when the vertical one asks for them. A
	// ring holds as many of them as one output row weighs.
	ring := make([][]byte, rows.taps)
	for i := range ring {
		ring[i] = make([]byte, newWidth*3)
	}
	source := func(i int) []byte { return ring[i%len(ring)] }
	sums, done := make([]int32, newWidth*3), 0
	for y := range newHeight {
		first, weights := rows.at(y)
		for ; done < first+len(weights); done++ {
			horizontal(source(done), pix[done*width*3:][:width*3], columns)
		}
		vertical(out[y*newWidth*3:][:newWidth*3], source, first, weights, sums)
	}
	return out
}

// verticalFirst reports whether Pillow filters columns before rows. The order
// shows, by a level or so, because the result between the passes is rounded
// and clipped. Versions before 13 always filter rows first.
func verticalFirst(width, height, newWidth, newHeight int) bool {
	return newHeight < height && 2*(width-newWidth) < height-newHeight
}

// horizontal writes one row of the new width.
func horizontal(dst, source []byte, columns *axis) {
	for x := 0; len(dst) >= 3; x++ {
		first, weights := columns.at(x)
		r, g, b := int32(half), int32(half), int32(half)
		pixels := source[first*3:][:len(weights)*3]
		for _, w := range weights {
			if len(pixels) < 3 {
				break // never: it lets the compiler drop checks below
			}
			r += w * int32(pixels[0])
			g += w * int32(pixels[1])
			b += w * int32(pixels[2])
			pixels = pixels[3:]
		}
		dst[0], dst[1], dst[2] = clip(r), clip(g), clip(b)
		dst = dst[3:]
	}
}

// vertical writes one row: the weighted sum of rows first, first+1, … of the
// source. sums is scratch of the length of dst.
func vertical(dst []byte, source func(int) []byte, first int, weights, sums []int32) {
	sums = sums[:len(dst)]
	for i := range sums {
		sums[i] = half
	}
	for ; len(weights) >= 4; first, weights = first+4, weights[4:] {
		r0, r1 := source(first)[:len(sums)], source(first + 1)[:len(sums)]
		r2, r3 := source(first + 2)[:len(sums)], source(first + 3)[:len(sums)]
		w0, w1, w2, w3 := weights[0], weights[1], weights[2], weights[3]
		for i := range sums {
			sums[i] += w0*int32(r0[i]) + w1*int32(r1[i]) + w2*int32(r2[i]) + w3*int32(r3[i])
		}
	}
	for k, w := range weights {
		row := source(first + k)[:len(sums)]
		for i := range sums {
			sums[i] += w * int32(row[i])
		}
	}
	for i, v := range sums {
		dst[i] = clip(v)
	}
}

// clip returns the integer part of v, 0 to 255.
func clip(v int32) byte {
	v >>= fraction
	if uint32(v) <= 255 {
		return byte(v)
	}
	return byte(^v >> 31) // 0 below, 255 above
}

// axis says, for each position of the new size, which positions of the old
// size it weighs and how much.
type axis struct {
	taps    int     // most weights of a position
	first   []int   // [new size]
	count   []int   // [new size]
	weights []int32 // [new size, taps], 22 fractional bits
}

func (a *axis) at(i int) (first int, weights []int32) {
	return a.first[i], a.weights[i*a.taps:][:a.count[i]]
}

// newAxis computes the weights in float64, in Pillow's order of operations.
// The conversions keep a compiler from fusing a product with a sum, which
// would round differently.
func newAxis(size, newSize int) *axis {
	scale := float64(size) / float64(newSize)
	stretch := max(scale, 1)
	support := 2 * stretch
	taps := int(math.Ceil(support))*2 + 1
	taps = min(taps, size)
	a := &axis{
		taps:    taps,
		first:   make([]int, newSize),
		count:   make([]int, newSize),
		weights: make([]int32, newSize*taps),
	}
	inverse := 1 / stretch
	values := make([]float64, taps)
	for i := range newSize {
		center := float64((float64(i) + 0.5) * scale)
		first := max(int(center-support+0.5), 0)
		last := min(int(center+support+0.5), size)
		values = values[:last-first]
		sum := 0.0
		for k := range values {
			values[k] = bicubic(float64((float64(k+first) - center + 0.5) * inverse))
			sum += values[k]
		}
		for k, v := range values {
			if sum != 0 {
				v /= sum
			}
			fixed := float64(v * (1 << fraction))
			a.weights[i*taps+k] = int32(fixed + math.Copysign(0.5, fixed))
		}
		a.first[i], a.count[i] = first, len(values)
	}
	return a
}

// bicubic is Keys' kernel with a = -0.5.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return float64((float64((float64((x-5)*x)+8)*x) - 4) * a)
	}
	return 0
}
