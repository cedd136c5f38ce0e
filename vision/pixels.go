package vision

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
)

// fromPixels takes the colours of a picture as they are stored, alpha left
// out. The types are those that the decoders of the standard library make.
func fromPixels(img image.Image) (*Image, error) {
	switch img := img.(type) {
	case *image.NRGBA:
		return gather(img.Rect, img.Pix, img.Stride, 4, 0, 1, 2), nil
	case *image.RGBA: // opaque wherever it occurs, so not multiplied
		return gather(img.Rect, img.Pix, img.Stride, 4, 0, 1, 2), nil
	case *image.Gray:
		return gather(img.Rect, img.Pix, img.Stride, 1, 0, 0, 0), nil
	case *image.NRGBA64: // big-endian: the upper byte comes first
		return gather(img.Rect, img.Pix, img.Stride, 8, 0, 2, 4), nil
	case *image.RGBA64:
		return gather(img.Rect, img.Pix, img.Stride, 8, 0, 2, 4), nil
	case *image.Gray16:
		return gather(img.Rect, img.Pix, img.Stride, 2, 0, 0, 0), nil
	case *image.Paletted:
		return fromPalette(img.Rect, img.Pix, img.Stride, colours(img.Palette)), nil
	case *image.CMYK:
		return fromCMYK(img), nil
	}
	return nil, fmt.Errorf("pixels of type %T", img)
}

// gather copies bytes r, g and b of each pixel of the given size in bytes.
func gather(rect image.Rectangle, pix []byte, stride, size, r, g, b int) *Image {
	out := newImage(rect.Dx(), rect.Dy())
	dst := out.Pix
	for y := range out.Height {
		row := pix[y*stride:]
		for x := range out.Width {
			p := row[x*size:][:size]
			dst[0], dst[1], dst[2] = p[r], p[g], p[b]
			dst = dst[3:]
		}
	}
	return out
}

// colours returns the stored colours of a palette, [256*3], black after its
// end.
func colours(palette color.Palette) (out [256 * 3]byte) {
	for i, c := range palette[:min(len(palette), 256)] {
		switch c := c.(type) {
		case color.NRGBA:
			out[3*i], out[3*i+1], out[3*i+2] = c.R, c.G, c.B
		case color.RGBA: // opaque
			out[3*i], out[3*i+1], out[3*i+2] = c.R, c.G, c.B
		}
	}
	return out
}

// fromPalette looks up one byte a pixel.
func fromPalette(rect image.Rectangle, pix []byte, stride int, palette [256 * 3]byte) *Image {
	out := newImage(rect.Dx(), rect.Dy())
	dst := out.Pix
	for y := range out.Height {
		for _, p := range pix[y*stride:][:out.Width] {
			copy(dst[:3], palette[3*int(p):])
			dst = dst[3:]
		}
	}
	return out
}

// fromCMYK multiplies each ink with black, as Pillow does.
func fromCMYK(img *image.CMYK) *Image {
	out := newImage(img.Rect.Dx(), img.Rect.Dy())
	dst := out.Pix
	for y := range out.Height {
		row := img.Pix[y*img.Stride:]
		for x := range out.Width {
			p := row[4*x:][:4]
			white := 255 - int(p[3])
			for c := range 3 {
				product := int(p[c])*white + 128
				dst[c] = byte(max(white-(product>>8+product)>>8, 0)) // product/255, rounded
			}
			dst = dst[3:]
		}
	}
	return out
}

// decodeGIF returns the first frame on the whole screen of the file. Around a
// frame that is smaller lies the transparent colour, or colour 0 if there is
// none, as in Pillow.
func decodeGIF(data []byte) (*Image, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	first, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, ok := first.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("pixels of type %T", first)
	}
	// The decoder replaces the colour that is transparent, so the palette is
	// taken from the file.
	palette, background := gifPalette(data)
	screen := image.Rect(0, 0, config.Width, config.Height)
	if frame.Rect == screen {
		return fromPalette(screen, frame.Pix, frame.Stride, palette), nil
	}
	pix := bytes.Repeat([]byte{background}, screen.Dx()*screen.Dy())
	for y := frame.Rect.Min.Y; y < frame.Rect.Max.Y; y++ {
		row := frame.Pix[(y-frame.Rect.Min.Y)*frame.Stride:][:frame.Rect.Dx()]
		copy(pix[y*screen.Dx()+frame.Rect.Min.X:], row)
	}
	return fromPalette(screen, pix, screen.Dx(), palette), nil
}

// gifPalette returns the colours of the first frame of a file that decodes,
// and the number of the transparent one, or 0. Source: GIF89a, 17 to 23.
func gifPalette(data []byte) (palette [256 * 3]byte, transparent byte) {
	const (
		header     = 13 // signature and screen descriptor
		descriptor = 10 // of an image, with its first byte
		hasTable   = 0x80
	)
	table := func(at int, flags byte) (size int) {
		if flags&hasTable == 0 {
			return 0
		}
		size = 3 << (flags&7 + 1)
		clear(palette[:])
		copy(palette[:], data[min(at, len(data)):min(at+size, len(data))])
		return size
	}
	if len(data) < header {
		return palette, 0
	}
	at := header + table(header, data[10])
	for at+descriptor <= len(data) && data[at] == '!' {
		if data[at+1] == 0xf9 && data[at+3]&1 != 0 { // graphic control
			transparent = data[at+6]
		}
		// Sub-blocks follow, each behind its length, up to one of length 0.
		for at += 2; at < len(data) && data[at] != 0; {
			at += 1 + int(data[at])
		}
		at++
	}
	if at+descriptor <= len(data) {
		table(at+descriptor, data[at+9])
	}
	return palette, transparent
}
