package main

import (
	"slices"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// benchDecode measures the next token.
type benchDecode struct {
	benchModel
	Positions []int `help:"Tokens in the cache before, rising." default:"0,1024,4096,8192"`
	Batches   []int `help:"Numbers of sequences side by side, at the first position." default:"1,2,4,8,16"`
	NoAhead   bool  `help:"Have each step wait for the logits of the one before, on devices too that pick tokens and go on."`
}

// Run measures one sequence at each position, then several at the first.
func (c *benchDecode) Run() error {
	b, err := c.open()
	if err != nil {
		return err
	}
	defer b.close()
	if len(c.Positions) == 0 || len(c.Batches) == 0 || slices.Min(c.Positions) < 0 || slices.Min(c.Batches) < 1 || !slices.IsSorted(c.Positions) {
		return usage("--positions must rise from 0 or more, --batches must be 1 or more")
	}
	context := b.model.Info().Context
	ahead := c.aheadOf(b.backend)
	one := b.sequences(1)
	for _, position := range c.Positions {
		if position+2 > context {
			continue
		}
		one.fill(position)
		row := b.measure(benchRow{Bench: "decode", Batch: 1, Position: &position}, func() { one.step(position, ahead) })
		one.land(ahead)
		row.rate(1, "tok/s")
		if err := b.out.add(row); err != nil {
			return err
		}
	}
	one.free()
	first := c.Positions[0]
	for _, n := range c.Batches {
		if n == 1 {
			continue
		}
		many := b.sequences(n)
		many.fill(first)
		row := b.measure(benchRow{Bench: "decode", Batch: n, Position: &first}, func() { many.step(first, ahead) })
		many.land(ahead)
		row.rate(float64(n), "tok/s")
		many.free()
		if err := b.out.add(row); err != nil {
			return err
		}
	}
	return b.out.end()
}

// benchSequences are caches that grow in step.
type benchSequences struct {
	b      *bencher
	caches []tensor.KV
	length int
	logits []float32
	picked tensor.Tensor // by a step that nobody waited for yet; nil: none
	tokens []int32
}

func (b *bencher) sequences(n int) *benchSequences {
	s := &benchSequences{b: b}
	for range n {
		s.caches = append(s.caches, b.backend.NewKV(b.model.KVLayers()))
	}
	return s
}

func (s *benchSequences) free() {
	for _, kv := range s.caches {
		kv.Free()
	}
}

// benchPiece is how many tokens of a prompt are read in at a time.
const benchPiece = 512

// ids returns n tokens of text, no special ones.
func (s *benchSequences) ids(n int) []token.ID {
	ids := make([]token.ID, n)
	vocab := s.b.model.Info().Vocab
	for i := range ids {
		ids[i] = token.ID(300+(s.length+i)*7919%(vocab*3/4)) % token.ID(vocab)
	}
	return ids
}

// fill reads in tokens until every cache holds n.
func (s *benchSequences) fill(n int) {
	for s.length < n {
		s.read(min(n-s.length, benchPiece), 0)
	}
}

// read reads n tokens in.
func (s *benchSequences) read(n, logits int) {
	rows := make([]model.Row, len(s.caches))
	for i, kv := range s.caches {
		rows[i] = model.Row{KV: kv, Pos: s.length, IDs: s.ids(n), Logits: logits}
	}
	x := s.b.model.Forward(rows)
	if logits > 0 {
		s.logits = s.b.backend.Read(s.logits, x)
	}
	s.b.backend.EndStep()
	s.length += n
}

// step decodes one token, at position from or shortly behind it; ahead picks it,
// or nobody does.
func (s *benchSequences) step(from int, ahead tensor.Ahead) {
	if s.length >= from+8 {
		s.cut(from)
	}
	if ahead != nil {
		s.stepAhead(ahead)
	} else {
		s.read(1, 1)
	}
}

// cut goes back to n tokens.
func (s *benchSequences) cut(n int) {
	for _, kv := range s.caches {
		kv.Truncate(n)
	}
	s.length = n
}

// benchPrefill measures prompts.
type benchPrefill struct {
	benchModel
	Tokens []int `help:"Lengths of the prompts." default:"16,64,128,512,2048"`
}

// Run measures each length, in an empty cache.
func (c *benchPrefill) Run() error {
	b, err := c.open()
	if err != nil {
		return err
	}
	defer b.close()
	for _, n := range c.Tokens {
		if n < 1 || n > b.model.Info().Context {
			return usage("--tokens %d, this model takes 1 to %d", n, b.model.Info().Context)
		}
		s := b.sequences(1)
		row := b.measure(benchRow{Bench: "prefill", Batch: 1, Tokens: n}, func() {
			s.cut(0)
			s.fill(n - min(n, benchPiece))
			s.read(min(n, benchPiece), 1)
		})
		row.rate(float64(n), "tok/s")
		s.free()
		if err := b.out.add(row); err != nil {
			return err
		}
	}
	return b.out.end()
}
