// Package vision turns bytes of a picture into the squares that a model's
// vision tower takes, and refuses what is broken or too large before it
// spends memory on it.
//
// Start reading at Decode.
package vision

// Image is a picture in 8-bit RGB, rows from the top, three bytes a pixel,
// without padding.
type Image struct {
	Width, Height int
	Pix           []byte // [Height, Width, 3]
}

// Geometry says how a model cuts pictures: squares of Patch pixels, pooled
// Pool by Pool to one soft token, at most Tokens soft tokens a picture.
type Geometry struct {
	Patch  int // 16
	Pool   int // 3
	Tokens int // 70, 140, 280, 560 or 1120
}

// Patches are the squares of one resized picture in reading order. Inside a
// square values run y, x, channel.
type Patches struct {
	Rows, Cols int
	Width      int       // side*side*3
	Data       []float32 // [Rows*Cols, Width], in [0, 1]
}
