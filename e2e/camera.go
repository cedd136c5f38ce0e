package e2e

import (
	"bytes"
	"fmt"
	"image"
	_ "image/png" // the samples
	"os"
)

// WriteY4M writes a film of one still picture, as Chromium's fake camera reads
// it: 4:2:0, BT.601 in the limited range. The picture keeps its pixels; an odd
// last row or column is left out.
func WriteY4M(file, picture string) error {
	source, err := os.Open(picture)
	if err != nil {
		return fmt.Errorf("e2e: %w", err)
	}
	defer source.Close()
	img, _, err := image.Decode(source)
	if err != nil {
		return fmt.Errorf("e2e: %s: %w", picture, err)
	}
	width, height := img.Bounds().Dx()&^1, img.Bounds().Dy()&^1
	frame := planes(img, width, height)
	return os.WriteFile(file, y4m(frame, width, height), 0o644)
}

// The size of the sample picture that most tests show, and of the camera that
// sees nothing.
const (
	stillWidth  = 528
	stillHeight = 288
)

// y4m returns a film of one frame.
func y4m(frame []byte, width, height int) []byte {
	var film bytes.Buffer
	fmt.Fprintf(&film, "YUV4MPEG2 W%d H%d F15:1 Ip A1:1 C420\n", width, height)
	for range 2 { // the camera plays it in a loop
		film.WriteString("FRAME\n")
		film.Write(frame)
	}
	return film.Bytes()
}

// planes returns the luma plane and the two chroma planes, each chroma sample
// the mean of four pixels.
func planes(img image.Image, width, height int) []byte {
	out := make([]byte, width*height*3/2)
	luma, blue, red := out[:width*height], out[width*height:width*height*5/4], out[width*height*5/4:]
	origin := img.Bounds().Min
	for y := 0; y < height; y += 2 {
		for x := 0; x < width; x += 2 {
			var sumR, sumG, sumB float64
			for i := range 4 {
				px, py := x+i%2, y+i/2
				r16, g16, b16, _ := img.At(origin.X+px, origin.Y+py).RGBA()
				r, g, b := float64(r16)/257, float64(g16)/257, float64(b16)/257
				luma[py*width+px] = byte(16.5 + (65.481*r+128.553*g+24.966*b)/255)
				sumR, sumG, sumB = sumR+r/4, sumG+g/4, sumB+b/4
			}
			at := y/2*(width/2) + x/2
			blue[at] = byte(128.5 + (-37.797*sumR-74.203*sumG+112*sumB)/255)
			red[at] = byte(128.5 + (112*sumR-93.786*sumG-18.214*sumB)/255)
		}
	}
	return out
}
