package video

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"golang.org/x/image/vp8"
)

// ErrPicture is a keyframe that cannot be decoded.
var ErrPicture = errors.New("video: not a keyframe of VP8")

const (
	maxSide   = 4096
	maxPixels = 1920 * 1440
	// quality is that of the JPEG, which has to keep what VP8 has left.
	quality = 92
)

// Decode returns the picture of a keyframe as a JPEG file. VP8 has luma from 16
// to 235 and chroma from 16 to 240 (BT.601), JPEG all of 0 to 255, so the
// planes are stretched; nothing is made of them but that, and chroma stays as
// coarse as it was. With full the frame has all values already: some cameras
// send it so, and VP8 has no field that says it.
func Decode(keyframe []byte, full bool) ([]byte, error) {
	planes, err := planes(keyframe)
	if err != nil {
		return nil, err
	}
	if !full {
		stretch(planes.Y, &lumas)
		stretch(planes.Cb, &chromas)
		stretch(planes.Cr, &chromas)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, planes, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("video: %w", err)
	}
	return out.Bytes(), nil
}

// planes decodes a keyframe. They are the caller's.
func planes(keyframe []byte) (*image.YCbCr, error) {
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(keyframe), len(keyframe))
	h, err := d.DecodeFrameHeader()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPicture, err)
	}
	if !h.KeyFrame || h.Width <= 0 || h.Height <= 0 || h.Width > maxSide || h.Height > maxSide || h.Width*h.Height > maxPixels {
		return nil, fmt.Errorf("%w: %d x %d", ErrPicture, h.Width, h.Height)
	}
	picture, err := d.DecodeFrame()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrPicture, err)
	}
	return picture, nil
}

// lumas and chromas have the full-range value of each limited-range one.
var lumas, chromas = func() (y, c [256]uint8) {
	for i := range 256 {
		y[i] = clamp((float64(i) - 16) * 255 / 219)
		c[i] = clamp((float64(i)-128)*255/224 + 128)
	}
	return y, c
}()

func clamp(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }

func stretch(plane []uint8, by *[256]uint8) {
	for i, v := range plane {
		plane[i] = by[v]
	}
}
