package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"slices"

	"hark/engine/tensor"
	"hark/engine/token"
)

// Part is a piece of a prompt: Tokens, a *Clip or a *Picture.
type Part interface{ isPart() }

// Tokens are ids.
type Tokens []token.ID

func (Tokens) isPart()   {}
func (*Clip) isPart()    {}
func (*Picture) isPart() {}

// chunk is a run of soft tokens. A clip and its forks share the chunks that
// were made before the fork.
type chunk struct {
	x    tensor.Tensor // kept, [n, H]; nil once its last owner was closed
	n    int
	refs int
}

// soft is a medium as the step goroutine sees it: soft tokens that are there
// already, and whether more will come. Its fields belong to that goroutine.
type soft struct {
	chunks []*chunk
	count  int  // rows in chunks
	whole  bool // no more will come
	freed  bool
	id     token.ID // the placeholder's
	err    error    // why it will never be whole
}

// encoder is a medium with work for a tower: a *Clip or a *Picture.
type encoder interface {
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
	n := x.Shape()[0]
	s.chunks = append(s.chunks, &chunk{x: e.backend.Keep(x), n: n, refs: 1})
	s.count += n
}

// share makes s begin as o does.
func (s *soft) share(o *soft) {
	s.chunks, s.count, s.err, s.freed = slices.Clone(o.chunks), o.count, o.err, o.freed
	for _, c := range s.chunks {
		c.refs++
	}
}

// shared returns how many soft tokens s and o begin with that are the same,
// made once. They may be freed by now.
func (s *soft) shared(o *soft) (n int) {
	for i, c := range s.chunks {
		if i == len(o.chunks) || o.chunks[i] != c {
			break
		}
		n += c.n
	}
	return n
}

// rows returns rows from to to of the soft tokens.
func (s *soft) rows(ops tensor.Ops, from, to int) []tensor.Tensor {
	var out []tensor.Tensor
	at := 0
	for _, c := range s.chunks {
		if lo, hi := max(from, at), min(to, at+c.n); lo < hi {
			out = append(out, ops.Rows(c.x, lo-at, hi-at))
		}
		at += c.n
	}
	return out
}

// free gives the soft tokens back. Which they were stays known, for shared.
func (s *soft) free(ops tensor.Ops) {
	if s.freed {
		return
	}
	s.freed = true
	for _, c := range s.chunks {
		if c.refs--; c.refs == 0 {
			ops.Free(c.x)
			c.x = nil
		}
	}
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
