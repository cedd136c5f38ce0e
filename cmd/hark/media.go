package main

import (
	"os"
	"time"

	"hark/audio"
	"hark/audio/sound"
	"hark/audio/vad"
	"hark/engine"
	"hark/vision"
)

// readPicture decodes a picture file for the model.
func readPicture(e *engine.Engine, path string) (*engine.Picture, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("--image: %w", err)
	}
	img, err := vision.Decode(data, nil)
	if err != nil {
		return nil, usage("--image %s: %w", path, err)
	}
	p, err := e.NewPicture(img, 0)
	if err != nil {
		return nil, usage("--image %s: %w", path, err)
	}
	return p, nil
}

// readSound reads a file of sound, WAV, MP3, FLAC or Ogg, as 16 kHz mono.
func readSound(path string) ([]float32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	samples, err := sound.Decode(data, nil)
	if err != nil {
		return nil, usage("%s: %w", path, err)
	}
	return samples, nil
}

// quietTail is how much silence behind the last speech a model is given: they
// are trained on clips that end soon after the last word.
const quietTail = 600 * time.Millisecond

// withoutTail cuts long silence off the end of a clip. Sound without any
// speech stays whole.
func withoutTail(samples []float32) []float32 {
	last := int64(-1)
	for _, f := range vad.New().Push(samples) {
		if f.Probability >= 0.5 {
			last = f.Start + vad.Window
		}
	}
	keep := last + int64(quietTail.Seconds()*float64(audio.ModelRate))
	if last < 0 || keep >= int64(len(samples)) {
		return samples
	}
	return samples[:keep]
}
