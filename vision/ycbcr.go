package vision

import "image"

// chroma is how a decoder brings chroma to the size of luma and turns both
// into colours. Files do not say how; each style follows the library by which
// Pillow reads the format, to the last bit.
type chroma struct {
	// double widens one row of 4:2:0 chroma by two. The row that covers the
	// output row is near, the next one above or below far. len(dst) is
	// 2*len(near).
	double func(dst, near, far []byte)
	// colour turns one row into colours, [len(y), 3].
	colour func(dst, y, cb, cr []byte)
}

var (
	jpegChroma = chroma{triangle, fullRange}  // libjpeg-turbo
	webpChroma = chroma{bilinear, videoRange} // libwebp
)

// fromYCbCr converts a picture whose bounds begin at 0, 0.
func fromYCbCr(img *image.YCbCr, style chroma) *Image {
	out := newImage(img.Rect.Dx(), img.Rect.Dy())
	columns, rows := ratio(img.SubsampleRatio)
	width := (out.Width + columns - 1) / columns
	height := (out.Height + rows - 1) / rows
	cb, cr := make([]byte, width*columns), make([]byte, width*columns)
	for y := range out.Height {
		near := y / rows
		far, lower := near-1, y%rows > 0
		if lower {
			far = near + 1
		}
		far = min(max(far, 0), height-1)
		for _, plane := range []struct{ dst, pix []byte }{{cb, img.Cb}, {cr, img.Cr}} {
			near, far := plane.pix[near*img.CStride:][:width], plane.pix[far*img.CStride:][:width]
			switch {
			case columns == 2 && rows == 2:
				style.double(plane.dst, near, far)
			case columns == 2 && rows == 1:
				triangleRow(plane.dst, near)
			case columns == 1 && rows == 2:
				triangleColumn(plane.dst, near, far, lower)
			default:
				repeat(plane.dst, near, columns)
			}
		}
		style.colour(out.Pix[y*out.Width*3:][:out.Width*3], img.Y[y*img.YStride:][:out.Width], cb, cr)
	}
	return out
}

// ratio returns how many columns and rows of luma share one of chroma.
func ratio(r image.YCbCrSubsampleRatio) (columns, rows int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// repeat writes each value as often as it has columns.
func repeat(dst, near []byte, columns int) {
	for i := range dst {
		dst[i] = near[i/columns]
	}
}

// narrow is the width of chroma up to which libjpeg does not interpolate.
const narrow = 2

// triangle weighs the four chroma samples round a pixel 9:3:3:1. Source:
// libjpeg, jdsample.c, h2v2_fancy_upsample.
func triangle(dst, near, far []byte) {
	if len(near) <= narrow {
		repeat(dst, near, 2)
		return
	}
	last := len(near) - 1
	sum := func(i int) int { return 3*int(near[i]) + int(far[i]) }
	before, here := sum(0), sum(0)
	for i := range near {
		after := here
		if i < last {
			after = sum(i + 1)
		}
		dst[2*i] = byte((3*here + before + 8) >> 4)
		dst[2*i+1] = byte((3*here + after + 7) >> 4)
		before, here = here, after
	}
}

// triangleRow weighs the two samples beside a pixel 3:1. Source: libjpeg,
// jdsample.c, h2v1_fancy_upsample.
func triangleRow(dst, near []byte) {
	if len(near) <= narrow {
		repeat(dst, near, 2)
		return
	}
	last := len(near) - 1
	for i, v := range near {
		dst[2*i] = byte((3*int(v) + int(near[max(i-1, 0)]) + 1) >> 2)
		dst[2*i+1] = byte((3*int(v) + int(near[min(i+1, last)]) + 2) >> 2)
	}
}

// triangleColumn weighs the samples above and below a pixel 3:1. Source:
// libjpeg-turbo, jdsample.c, h1v2_fancy_upsample.
func triangleColumn(dst, near, far []byte, lower bool) {
	bias := 1
	if lower {
		bias = 2
	}
	for i, v := range near {
		dst[i] = byte((3*int(v) + int(far[i]) + bias) >> 2)
	}
}

// bilinear weighs the four chroma samples round a pixel 9:3:3:1, in two steps
// that round each. Source: libwebp, dsp/upsampling.c, UPSAMPLE_FUNC.
func bilinear(dst, near, far []byte) {
	last := len(near) - 1
	dst[0] = byte((3*int(near[0]) + int(far[0]) + 2) >> 2)
	dst[2*last+1] = byte((3*int(near[last]) + int(far[last]) + 2) >> 2)
	for i := range last {
		n0, n1, f0, f1 := int(near[i]), int(near[i+1]), int(far[i]), int(far[i+1])
		all := n0 + n1 + f0 + f1 + 8
		dst[2*i+1] = byte(((all+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*i+2] = byte(((all+2*(n0+f1))>>3 + n1) >> 1)
	}
}

// fullRange is the conversion of JFIF, luma 0 to 255, in 16 fractional bits:
// 1.402, 0.344136, 0.714136, 1.772. Source: ITU-T T.871, 7; libjpeg, jdcolor.c.
func fullRange(dst, y, cb, cr []byte) {
	const half = 1 << 15
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, luma := range y {
		y, u, v := int32(luma), int32(cb[i])-128, int32(cr[i])-128
		p := dst[3*i:][:3]
		p[0] = clip(y + (91881*v+half)>>16)
		p[1] = clip(y + (-22554*u-46802*v+half)>>16)
		p[2] = clip(y + (116130*u+half)>>16)
	}
}

// videoRange is the conversion of BT.601, luma 16 to 235 and chroma 16 to 240,
// in 14 fractional bits of which 8 are dropped after each product: 255/219,
// 1.596, 0.392, 0.813, 2.017. Source: RFC 6386, 9.2; libwebp, dsp/yuv.h.
func videoRange(dst, y, cb, cr []byte) {
	const (
		red   = -14234 // 6 fractional bits: black, grey chroma and rounding
		green = 8708
		blue  = -17685
	)
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, luma := range y {
		y, u, v := int32(luma)*19077>>8, int32(cb[i]), int32(cr[i])
		p := dst[3*i:][:3]
		p[0] = clip((y + v*26149>>8 + red) >> 6)
		p[1] = clip((y - u*6419>>8 - v*13320>>8 + green) >> 6)
		p[2] = clip((y + u*33050>>8 + blue) >> 6)
	}
}

// clip returns v, 0 if it is below and 255 if it is above that range.
func clip(v int32) byte {
	if uint32(v) <= 255 {
		return byte(v)
	}
	return byte(^v >> 31)
}
