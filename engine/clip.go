package engine

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
)

// Clip is sound that becomes soft tokens while it comes in. Push,
// End and Fork must be called from one goroutine at a time.
type Clip struct {
	e *Engine

	mu      sync.Mutex
	front   audio.FrontEnd
	samples int64
	hash    hash.Hash // of the samples; nil: not known
	ended   bool
	// history tells forks apart: the rows that were made between two forks.
	// The last run still grows, the others are shared and do not change.
	history []*run

	soft // the step goroutine's
	enc  model.AudioEncoder
	todo audio.Features // rows that wait for the tower
	came []arrival      // of the rows in todo
	last bool           // todo ends with the clip's end
	made []arrival      // of soft tokens that no sequence has read in
}

// run is a stretch of a clip that belongs to it and to its later forks.
type run struct{ rows int64 }

// arrival is when the last of some rows, or of some soft tokens, was pushed.
type arrival struct {
	upTo int // rows of todo, or soft tokens of the clip
	at   time.Time
}

// NewClip begins a clip. ErrDeaf: the model cannot hear.
func (e *Engine) NewClip() (*Clip, error) {
	if !e.info.Hears {
		return nil, ErrDeaf
	}
	return &Clip{
		e: e, front: e.model.NewFrontEnd(), hash: sha256.New(), history: []*run{{}},
		soft: soft{id: e.model.Placeholder(model.Sound)},
	}, nil
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
	if c.hash != nil {
		hashFloats(c.hash, samples)
	}
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
	c.history[len(c.history)-1].rows += int64(f.Rows())
	f.Data = slices.Clone(f.Data)
	now := time.Now()
	c.e.do(func() {
		if c.freed || c.whole || c.last || c.err != nil {
			return
		}
		c.todo.Width, c.todo.Hop = f.Width, f.Hop
		c.todo.Data, c.last = append(c.todo.Data, f.Data...), last
		c.came = append(c.came, arrival{c.todo.Rows(), now})
		c.e.hearLater(c)
	})
}

// Fork returns a clip of its own that has heard what c has: it may be pushed
// to and ended while c goes on, and both must be closed. The soft tokens made
// so far are shared, and so is their place in the cache of a sequence: a Set
// with the fork where c stood reads in only what the two do not share.
func (c *Clip) Fork() *Clip {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &Clip{
		e: c.e, front: c.front.Fork(), samples: c.samples, hash: cloneHash(c.hash), ended: c.ended,
		soft: soft{id: c.id},
	}
	c.history = append(c.history, &run{})
	f.history = append(slices.Clone(c.history[:len(c.history)-1]), &run{})
	c.e.do(func() {
		f.share(&c.soft)
		f.whole, f.last = c.whole, c.last
		f.todo, f.came, f.made = c.todo, slices.Clone(c.came), slices.Clone(c.made)
		f.todo.Data = slices.Clone(c.todo.Data)
		if c.enc != nil {
			if err := c.e.guard(func() { f.enc = c.enc.Fork() }); err != nil {
				c.e.spoil(err, f)
			}
		}
		if len(f.came) > 0 {
			c.e.hearLater(f)
		}
	})
	return f
}

// cloneHash copies the state of a hash, or returns nil where that cannot be:
// then the clip is known by itself alone.
func cloneHash(h hash.Hash) hash.Hash {
	if c, ok := h.(hash.Cloner); ok {
		if clone, err := c.Clone(); err == nil {
			return clone
		}
	}
	return nil
}

// sharedTokens returns how many soft tokens c and o begin with that stand for
// the same rows of one clip that both are forks of.
func (c *Clip) sharedTokens(o *Clip) int {
	a, b := c.past(), o.past()
	var rows int64
	for i, r := range a {
		if i == len(b) || b[i] != r {
			break
		}
		rows += r.rows
	}
	return int(rows) / max(1, c.e.rowsPerToken)
}

// past returns the runs that cannot grow any more.
func (c *Clip) past() []*run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.history[:len(c.history)-1]
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
	if !c.ended || c.hash == nil {
		return contentKey{}, false
	}
	return contentKey(c.hash.Sum(nil)), true
}

func (c *Clip) closeEncoder() {
	if c.enc != nil {
		c.enc.Close()
		c.enc = nil
	}
	c.todo, c.came, c.made = audio.Features{}, nil, nil
}

// take hands out the rows that are waiting: the more the tower falls behind,
// the larger and so the cheaper its pieces, up to budget soft tokens.
func (c *Clip) take(e *Engine, budget int) (piece model.Piece, ok bool) {
	if c.freed || c.whole || c.err != nil || len(c.came) == 0 {
		return piece, false
	}
	if c.enc == nil {
		c.enc = e.model.NewAudio()
	}
	waiting := c.todo.Rows()
	n := min(waiting, budget*e.rowsPerToken)
	piece = model.Piece{Encoder: c.enc, Rows: c.todo, Last: c.last && n == waiting}
	piece.Rows.Data = c.todo.Data[:n*c.todo.Width]
	return piece, true
}

// took takes note of the soft tokens x that a piece gave, and reports whether
// rows are still waiting.
func (c *Clip) took(e *Engine, piece model.Piece, x tensor.Tensor) (more bool) {
	c.add(e, x)
	n := piece.Rows.Rows()
	c.arrived(n, x != nil)
	c.todo.Data = append(c.todo.Data[:0], c.todo.Data[n*c.todo.Width:]...)
	if piece.Last {
		c.whole = true
		made := c.made
		c.closeEncoder()
		c.made = made
	}
	return len(c.came) > 0
}

// arrived moves the arrivals of n rows from came to made, if they gave soft
// tokens.
func (c *Clip) arrived(n int, tokens bool) {
	if tokens {
		c.made = append(c.made, arrival{c.count, c.came[0].at})
	}
	last := n == c.todo.Rows() // and so what ends the clip without a row
	left := c.came[:0]
	for _, a := range c.came {
		if a.upTo > n && !last {
			left = append(left, arrival{a.upTo - n, a.at})
		}
	}
	c.came = left
}

// read returns when the oldest of the soft tokens up to n arrived that no
// sequence had read in before, and forgets them.
func (c *Clip) read(n int) (oldest time.Time) {
	for len(c.made) > 0 && c.made[0].upTo <= n {
		if oldest.IsZero() {
			oldest = c.made[0].at
		}
		c.made = c.made[1:]
	}
	return oldest
}
