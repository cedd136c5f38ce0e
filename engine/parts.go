package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"
	"sync"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/vision"
)

// Part is a piece of a prompt: Tokens, a *Clip or a *Picture.
type Part interface{ isPart() }

// Tokens are ids.
type Tokens []token.ID

func (Tokens) isPart()   {}
func (*Clip) isPart()    {}
func (*Picture) isPart() {}

// soft is a medium as the step goroutine sees it: soft tokens that are there
// already, and whether more will come. Its fields belong to that goroutine.
type soft struct {
	chunks []tensor.Tensor // kept, [n, H] each
	count  int             // rows in chunks
	whole  bool            // no more will come
	freed  bool
	id     token.ID // the placeholder's
	err    error    // why it will never be whole
}

// encoder is a medium with work for the tower.
type encoder interface {
	// encode does one bounded piece of work on the step goroutine and
	// reports whether more is waiting.
	encode(e *Engine) bool
	state() *soft
	// key names the content; false while it is not complete.
	key() (contentKey, bool)
}

// contentKey is the hash of what a medium shows or says: media with one key
// have the same soft tokens.
type contentKey [sha256.Size]byte

func (s *soft) add(e *Engine, x tensor.Tensor) {
	if x == nil {
		return
	}
	s.chunks = append(s.chunks, e.backend.Keep(x))
	s.count += x.Shape()[0]
}

// rows returns rows from to to of the soft tokens.
func (s *soft) rows(ops tensor.Ops, from, to int) []tensor.Tensor {
	var out []tensor.Tensor
	at := 0
	for _, c := range s.chunks {
		n := c.Shape()[0]
		if lo, hi := max(from, at), min(to, at+n); lo < hi {
			out = append(out, ops.Rows(c, lo-at, hi-at))
		}
		at += n
	}
	return out
}

func (s *soft) free(ops tensor.Ops) {
	for _, c := range s.chunks {
		ops.Free(c)
	}
	s.chunks, s.freed = nil, true
}

// Clip is a piece of sound that becomes soft tokens while it comes in. Push
// and End must be called from one goroutine at a time.
type Clip struct {
	e *Engine

	mu      sync.Mutex
	front   audio.FrontEnd
	samples int64
	hash    hash.Hash // of the samples
	ended   bool

	soft // the step goroutine's
	enc  model.AudioEncoder
	todo []audio.Features
	last bool // todo ends with the clip's end
}

// NewClip begins a clip. ErrDeaf: the model cannot hear.
func (e *Engine) NewClip() (*Clip, error) {
	if !e.info.Hears {
		return nil, ErrDeaf
	}
	return &Clip{e: e, front: e.model.NewFrontEnd(), hash: sha256.New(), soft: soft{id: e.model.Placeholder(model.Sound)}}, nil
}

// Push adds 16 kHz mono samples in [-1, 1]. It computes the front end and
// returns; the tower follows on the step goroutine. ErrClipFull: the clip
// would be longer than the model can hear in one piece; nothing was added.
func (c *Clip) Push(samples []float32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return fmt.Errorf("engine: push to a clip that has ended")
	}
	if limit := int64(c.e.info.ClipSamples); limit > 0 && c.samples+int64(len(samples)) > limit {
		return ErrClipFull
	}
	c.samples += int64(len(samples))
	hashFloats(c.hash, samples)
	c.hand(c.front.Push(samples), false)
	return nil
}

// End says that the clip is complete. Calling it again does nothing.
func (c *Clip) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		c.hand(c.front.Flush(), true)
	}
}

// hand gives rows to the step goroutine; c.mu is held so that they keep their
// order.
func (c *Clip) hand(f audio.Features, last bool) {
	if f.Rows() == 0 && !last {
		return
	}
	f.Data = slices.Clone(f.Data)
	c.e.do(func() {
		if c.freed || c.whole || c.last {
			return
		}
		c.todo, c.last = append(c.todo, f), last
		c.e.encodeLater(c)
	})
}

// Samples returns the number of samples pushed.
func (c *Clip) Samples() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.samples
}

// Tokens returns the soft tokens of the clip if it ended now.
func (c *Clip) Tokens() int { return c.e.model.ClipTokens(c.Samples()) }

// Ended reports whether End was called.
func (c *Clip) Ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Close frees the clip. Sequences that hold it keep what they have read in,
// but it must not be part of a prompt any more.
func (c *Clip) Close() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.e.do(func() {
		c.closeEncoder()
		c.soft.free(c.e.backend)
	})
}

func (c *Clip) state() *soft { return &c.soft }

func (c *Clip) key() (contentKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		return contentKey{}, false
	}
	return contentKey(c.hash.Sum(nil)), true
}

// hashFloats adds the bits of values to h.
func hashFloats(h hash.Hash, values []float32) {
	buf := make([]byte, 0, 4096)
	for piece := range slices.Chunk(values, cap(buf)/4) {
		buf = buf[:0]
		for _, v := range piece {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
}

func (c *Clip) closeEncoder() {
	if c.enc != nil {
		c.enc.Close()
		c.enc = nil
	}
	c.todo = nil
}

// encode runs the tower over all rows that are waiting: the more it falls
// behind, the larger and so the cheaper the pieces.
func (c *Clip) encode(e *Engine) bool {
	if c.freed || c.whole {
		return false
	}
	if c.enc == nil {
		c.enc = e.model.NewAudio()
	}
	var f audio.Features
	for i, t := range c.todo {
		if i == 0 {
			f = t
		} else {
			f.Data = append(f.Data, t.Data...)
		}
	}
	c.todo = c.todo[:0]
	if !c.last {
		c.add(e, c.enc.Push(f))
		return false
	}
	c.add(e, c.enc.Flush(f))
	c.whole = true
	c.closeEncoder()
	return false
}

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

func (p *Picture) encode(e *Engine) bool {
	if !p.freed && !p.whole {
		p.add(e, e.model.EncodePicture(p.patches))
		p.whole, p.patches = true, vision.Patches{}
	}
	return false
}
