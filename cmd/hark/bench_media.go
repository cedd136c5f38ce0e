package main

import (
	"hark/audio"
	"hark/vision"
)

// benchAudio measures the audio tower.
type benchAudio struct {
	benchModel
	Pieces []int `help:"Milliseconds of sound pushed at a time." default:"40,80,200,1000,10000"`
}

// Run pushes a clip of ten seconds in pieces of each length. Front end and
// decoder are not part of it.
func (c *benchAudio) Run() error {
	b, err := c.open()
	if err != nil {
		return err
	}
	defer b.close()
	info := b.model.Info()
	if !info.Hears {
		return usage("%s is deaf", c.name())
	}
	samples := make([]float32, 10*int(audio.ModelRate))
	for i := range samples {
		samples[i] = float32(i*i%1997)/9985 - 0.1
	}
	for _, piece := range c.Pieces {
		n := piece * int(audio.ModelRate) / 1000
		if n < 1 {
			return usage("--pieces must be at least 1")
		}
		row := b.measure(benchRow{Bench: "audio", PieceMs: float64(piece), Tokens: b.model.ClipTokens(int64(len(samples)))}, func() {
			front, tower := b.model.NewFrontEnd(), b.model.NewAudio()
			for from := 0; from < len(samples); from += n {
				tower.Push(front.Push(samples[from:min(from+n, len(samples))]))
				b.backend.EndStep()
			}
			tower.Close()
			b.backend.EndStep()
		})
		row.rate(10, "x-realtime")
		if err := b.out.add(row); err != nil {
			return err
		}
	}
	return b.out.end()
}

// benchVision measures the vision tower.
type benchVision struct {
	benchModel
	Tokens []int `help:"Budgets of soft tokens of a picture." default:"70,280"`
}

// Run encodes a picture of 4 to 3 for each budget.
func (c *benchVision) Run() error {
	b, err := c.open()
	if err != nil {
		return err
	}
	defer b.close()
	if !b.model.Info().Sees {
		return usage("%s is blind", c.name())
	}
	img := &vision.Image{Width: 1024, Height: 768, Pix: make([]byte, 1024*768*3)}
	for i := range img.Pix {
		img.Pix[i] = byte(i*i/4096 + i)
	}
	for _, tokens := range c.Tokens {
		patches, err := b.model.Cut(img, tokens)
		if err != nil {
			return usageError{err}
		}
		var seen []float32
		row := b.measure(benchRow{Bench: "vision", Tokens: b.model.PictureTokens(patches)}, func() {
			seen = b.backend.Read(seen, b.model.EncodePicture(patches)) // and so computed
			b.backend.EndStep()
		})
		row.rate(1, "pictures/s")
		if err := b.out.add(row); err != nil {
			return err
		}
	}
	return b.out.end()
}
