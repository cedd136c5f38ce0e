package vision

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

// Errors that Decode wraps. Both are the fault of who sent the picture.
var (
	// ErrTooLarge says that a picture has more bytes or pixels than allowed.
	ErrTooLarge = errors.New("vision: picture too large")
	// ErrInvalid says that bytes are not a picture, are broken, or use a
	// feature of their format that is not supported.
	ErrInvalid = errors.New("vision: invalid picture")
)

// Options limit what Decode accepts. The zero value is the default.
type Options struct {
	MaxBytes  int // encoded size; 0 means 20 MB
	MaxPixels int // width times height; 0 means 50 million
}

const (
	defaultMaxBytes  = 20_000_000
	defaultMaxPixels = 50_000_000
	// maxSide is the longest side, that of JPEG and GIF: a stripe of one
	// pixel by millions would cost more to resize than its pixels suggest.
	maxSide = 65535
)

// format is how one kind of file is told apart and read.
type format struct {
	name   string
	prefix string // "?" is any byte
	config func([]byte) (image.Config, error)
	decode func([]byte) (*Image, error)
	// orientation returns the EXIF orientation, 1 to 8, or 1.
	orientation func([]byte) int
}

var formats = []format{
	{"png", "\x89PNG\r\n\x1a\n", pngConfig, decodePNG, pngOrientation},
	{"jpeg", "\xff\xd8\xff", jpegConfig, decodeJPEG, jpegOrientation},
	{"gif", "GIF8?a", gifConfig, decodeGIF, upright},
	{"webp", "RIFF????WEBP", webpConfig, decodeWebP, webpOrientation},
}

// Decode returns the picture that data holds: PNG, JPEG, GIF (the first frame)
// or WebP (not animated). Sizes are checked before anything is decoded.
//
// The EXIF orientation is applied. Alpha is dropped: a transparent pixel shows
// the colour that is stored under it. Of 16-bit values the upper byte is kept.
// Pixels equal Pillow's convert("RGB") for PNG (except 16-bit grey, which
// Pillow clips), GIF and WebP; for JPEG they differ by up to three levels, as
// the inverse transforms round differently.
//
// The error wraps ErrTooLarge or ErrInvalid. A nil o means the defaults.
// Decode keeps no reference to data.
//
// Source: gemma4.md 9.1 step 1.
func Decode(data []byte, o *Options) (*Image, error) {
	maxBytes, maxPixels := defaultMaxBytes, defaultMaxPixels
	if o != nil && o.MaxBytes != 0 {
		maxBytes = o.MaxBytes
	}
	if o != nil && o.MaxPixels != 0 {
		maxPixels = o.MaxPixels
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrTooLarge, len(data), maxBytes)
	}
	for _, f := range formats {
		if !matches(data, f.prefix) {
			continue
		}
		config, err := f.config(data)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, f.name, err)
		}
		w, h := config.Width, config.Height
		switch {
		case w < 1 || h < 1:
			return nil, fmt.Errorf("%w: %s: %d by %d pixels", ErrInvalid, f.name, w, h)
		case w > maxSide || h > maxSide || w*h > maxPixels:
			return nil, fmt.Errorf("%w: %d by %d pixels, want at most %d in all and %d a side", ErrTooLarge, w, h, maxPixels, maxSide)
		}
		img, err := f.decode(data)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, f.name, err)
		}
		if img.Width != w || img.Height != h {
			return nil, fmt.Errorf("%w: %s: %d by %d pixels, header says %d by %d", ErrInvalid, f.name, img.Width, img.Height, w, h)
		}
		return orient(img, f.orientation(data)), nil
	}
	return nil, fmt.Errorf("%w: %d bytes are neither PNG, JPEG, GIF nor WebP", ErrInvalid, len(data))
}

// matches reports whether data begins with prefix, in which ? is any byte.
func matches(data []byte, prefix string) bool {
	if len(data) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if prefix[i] != '?' && prefix[i] != data[i] {
			return false
		}
	}
	return true
}

func pngConfig(data []byte) (image.Config, error)  { return png.DecodeConfig(bytes.NewReader(data)) }
func jpegConfig(data []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(data)) }
func gifConfig(data []byte) (image.Config, error)  { return gif.DecodeConfig(bytes.NewReader(data)) }
func webpConfig(data []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(data)) }

func decodePNG(data []byte) (*Image, error) {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return fromPixels(img)
}

func decodeJPEG(data []byte) (*Image, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if planes, ok := img.(*image.YCbCr); ok {
		return fromYCbCr(planes, jpegChroma), nil
	}
	return fromPixels(img)
}

func decodeWebP(data []byte) (*Image, error) {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch planes := img.(type) {
	case *image.YCbCr:
		return fromYCbCr(planes, webpChroma), nil
	case *image.NYCbCrA:
		return fromYCbCr(&planes.YCbCr, webpChroma), nil
	}
	return fromPixels(img)
}

// newImage returns a black picture.
func newImage(width, height int) *Image {
	return &Image{Width: width, Height: height, Pix: make([]byte, width*height*3)}
}
