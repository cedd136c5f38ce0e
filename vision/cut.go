package vision

import (
	"fmt"
	"math"

	"hark/vision/resize"
)

// Validate returns an error that names the first field of g out of range:
// Patch 1 to 64, Pool 1 to 16, Tokens 1 to 4096.
func (g Geometry) Validate() error {
	for _, field := range []struct {
		name       string
		value, max int
	}{{"Patch", g.Patch, 64}, {"Pool", g.Pool, 16}, {"Tokens", g.Tokens, 4096}} {
		if field.value < 1 || field.value > field.max {
			return fmt.Errorf("vision: geometry: %s %d, want 1 to %d", field.name, field.value, field.max)
		}
	}
	return nil
}

// TargetSize returns the size to which a picture of width by height is brought
// before it is cut: the largest, by area, of about the same shape whose sides
// are multiples of Patch*Pool and which makes at most Tokens soft tokens.
// Small pictures are enlarged; a side that would be 0 becomes Patch*Pool. It
// returns an error if g or a side is out of range.
//
// Source: gemma4.md 9.2; transformers, get_aspect_ratio_preserving_size.
func TargetSize(width, height int, g Geometry) (newWidth, newHeight int, err error) {
	if err := g.Validate(); err != nil {
		return 0, 0, err
	}
	if width < 1 || height < 1 {
		return 0, 0, fmt.Errorf("%w: %d by %d pixels", ErrInvalid, width, height)
	}
	side := g.Patch * g.Pool
	area := g.Tokens * side * side
	factor := math.Sqrt(float64(area) / (float64(height) * float64(width)))
	newHeight = int(math.Floor(factor*float64(height)/float64(side))) * side
	newWidth = int(math.Floor(factor*float64(width)/float64(side))) * side
	switch {
	case newHeight == 0 && newWidth == 0:
		return 0, 0, fmt.Errorf("%w: %d by %d pixels make no soft token", ErrInvalid, width, height)
	case newHeight == 0:
		newHeight, newWidth = side, min(width/height, g.Tokens)*side
	case newWidth == 0:
		newWidth, newHeight = side, min(height/width, g.Tokens)*side
	}
	if newWidth*newHeight > area {
		return 0, 0, fmt.Errorf("%w: %d by %d pixels become %d by %d, want at most %d in all",
			ErrInvalid, width, height, newWidth, newHeight, area)
	}
	return newWidth, newHeight, nil
}

// SoftTokens returns the number of soft tokens that a picture of width by
// height makes, 1 to Tokens. It returns the errors of TargetSize.
func SoftTokens(width, height int, g Geometry) (int, error) {
	newWidth, newHeight, err := TargetSize(width, height, g)
	if err != nil {
		return 0, err
	}
	side := g.Patch * g.Pool
	return newWidth / side * (newHeight / side), nil
}

// Cut returns img, resized by TargetSize, in squares of Patch pixels: [Rows *
// Cols, Patch*Patch*3], 768 values for Gemma. Rows and Cols are multiples of
// Pool. It returns an error if img or g makes no sense.
//
// Source: gemma4.md 9.1, for models with a vision tower.
func Cut(img *Image, g Geometry) (Patches, error) { return cut(img, g, g.Patch) }

// CutBlocks is Cut in blocks of Patch*Pool pixels, one a soft token: [Rows *
// Cols, (Patch*Pool)^2*3], 6912 values for Gemma.
//
// Source: gemma4.md 12, for models without a vision tower.
func CutBlocks(img *Image, g Geometry) (Patches, error) { return cut(img, g, g.Patch*g.Pool) }

// unit[v] is v/255.
var unit = func() (table [256]float32) {
	for v := range table {
		table[v] = float32(v) / 255
	}
	return table
}()

// cut resizes img and cuts it into squares of side pixels.
func cut(img *Image, g Geometry, side int) (Patches, error) {
	width, height, err := TargetSize(img.Width, img.Height, g)
	if err != nil {
		return Patches{}, err
	}
	if len(img.Pix) != img.Width*img.Height*3 {
		return Patches{}, fmt.Errorf("vision: %d bytes for %d by %d pixels, want %d", len(img.Pix), img.Width, img.Height, img.Width*img.Height*3)
	}
	pix := resize.Bicubic(img.Pix, img.Width, img.Height, width, height)
	p := Patches{Rows: height / side, Cols: width / side, Width: side * side * 3}
	p.Data = make([]float32, len(pix))
	dst := p.Data
	for row := range p.Rows {
		for col := range p.Cols {
			for y := range side {
				line := pix[((row*side+y)*width+col*side)*3:][:side*3]
				for i, v := range line {
					dst[i] = unit[v]
				}
				dst = dst[len(line):]
			}
		}
	}
	return p, nil
}
