package engine

import (
	"crypto/sha256"
	"fmt"
	"time"

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
	enc     model.PictureEncoder // nil before and after
	failed  bool                 // the tower, once
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
	e.do(func() { e.pictures = append(e.pictures, p) })
	return p, nil
}

// Tokens returns the number of soft tokens of the picture.
func (p *Picture) Tokens() int { return p.tokens }

// Close frees the picture; see Clip.Close.
func (p *Picture) Close() {
	p.e.do(func() {
		if p.enc != nil {
			p.enc.Close()
			p.enc = nil
		}
		p.patches = vision.Patches{}
		p.soft.free(p.e.backend)
	})
}

func (p *Picture) state() *soft { return &p.soft }

func (p *Picture) key() (contentKey, bool) { return p.content, true }

// again reports whether the picture is to be encoded from its beginning after a
// failure of the tower: once, a device may have been in trouble for a moment.
func (p *Picture) again() bool {
	if p.freed || p.whole || p.failed {
		return false
	}
	p.failed = true
	if p.enc != nil {
		p.enc.Close()
		p.enc = nil
	}
	return true
}

// encode works on the soft tokens until they are made or until a time. It
// reports whether there is more to do.
func (p *Picture) encode(e *Engine, until time.Time) (more bool) {
	if p.freed || p.whole {
		return false
	}
	if p.enc == nil {
		p.enc = e.model.NewPicture(p.patches)
	}
	for {
		if x := p.enc.Step(); x != nil {
			p.add(e, x)
			p.whole, p.patches, p.enc = true, vision.Patches{}, nil
			return false
		}
		if time.Now().After(until) {
			return true
		}
	}
}
