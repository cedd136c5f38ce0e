package engine

import (
	"crypto/sha256"
	"fmt"

	"hark/engine/model"
	"hark/vision"
)

// Picture is an image that becomes soft tokens once.
type Picture struct {
	e       *Engine
	tokens  int
	content contentKey

	soft    // the step goroutine's
	patches vision.Patches
}

// NewPicture cuts img on the caller's goroutine, with at most tokens soft
// tokens (0: the model's own budget), and has it encoded. ErrBlind: the model
// cannot see. Other errors are about the picture's shape.
func (e *Engine) NewPicture(img *vision.Image, tokens int) (*Picture, error) {
	if !e.info.Sees {
		return nil, ErrBlind
	}
	patches, err := e.model.Cut(img, tokens)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	fmt.Fprintln(h, patches.Rows, patches.Cols, patches.Width)
	hashFloats(h, patches.Data)
	p := &Picture{e: e, tokens: e.model.PictureTokens(patches), content: contentKey(h.Sum(nil)), patches: patches, soft: soft{id: e.model.Placeholder(model.Sight)}}
	e.do(func() { e.encodeLater(p) })
	return p, nil
}

// Tokens returns the number of soft tokens of the picture.
func (p *Picture) Tokens() int { return p.tokens }

// Close frees the picture; see Clip.Close.
func (p *Picture) Close() {
	p.e.do(func() {
		p.patches = vision.Patches{}
		p.soft.free(p.e.backend)
	})
}

func (p *Picture) state() *soft { return &p.soft }

func (p *Picture) key() (contentKey, bool) { return p.content, true }

// encode makes the soft tokens.
func (p *Picture) encode(e *Engine) {
	if !p.freed && !p.whole {
		p.add(e, e.model.EncodePicture(p.patches))
		p.whole, p.patches = true, vision.Patches{}
	}
}
