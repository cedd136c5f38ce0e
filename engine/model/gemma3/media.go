package gemma3

import (
	"errors"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/vision"
)

// textOnly is what a model of text alone says to sound and pictures.
type textOnly struct{}

// NewFrontEnd returns nil: the model does not hear.
func (textOnly) NewFrontEnd() audio.FrontEnd { return nil }

// Hear returns nil: the model does not hear.
func (textOnly) Hear([]model.Piece) []tensor.Tensor { return nil }

// NewAudio returns nil: the model does not hear.
func (textOnly) NewAudio() model.AudioEncoder { return nil }

// ClipTokens returns 0.
func (textOnly) ClipTokens(int64) int { return 0 }

// Cut refuses the picture.
func (textOnly) Cut(*vision.Image, int) (vision.Patches, error) {
	return vision.Patches{}, errors.New("gemma3: the model does not see")
}

// PictureTokens returns 0.
func (textOnly) PictureTokens(vision.Patches) int { return 0 }

// NewPicture returns nil.
func (textOnly) NewPicture(vision.Patches) model.PictureEncoder { return nil }

// EncodePicture returns nil.
func (textOnly) EncodePicture(vision.Patches) tensor.Tensor { return nil }

// Placeholder returns -1, which is no token: nothing stands for soft tokens.
func (textOnly) Placeholder(model.Medium) token.ID { return -1 }
