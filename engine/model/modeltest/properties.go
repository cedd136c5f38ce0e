package modeltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// boundCut is how far results may lie apart that differ only in how the work
// was cut: on a backend that keeps the order of sums they are equal.
const boundCut = 2e-4

// properties checks what must hold for every model on every backend.
func properties(t *testing.T, c *Case) {
	t.Run("PrefillInPiecesEqualsWhole", func(t *testing.T) { open(t, c).pieces() })
	t.Run("BatchEqualsSingle", func(t *testing.T) { open(t, c).batch() })
	t.Run("RewindNeverHappened", func(t *testing.T) { open(t, c).rewind() })
	t.Run("ForkIsACopy", func(t *testing.T) { open(t, c).fork() })
	if f := open(t, c); f.m.Info().Hears && f.Samples != nil {
		t.Run("AudioInPiecesEqualsWhole", func(t *testing.T) { open(t, c).audioPieces() })
		t.Run("AudioTogetherEqualsAlone", func(t *testing.T) { open(t, c).audioTogether() })
	}
}

func (f *fixture) rng() *rand.Rand {
	const seed = 20
	f.t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// last runs ids behind what kv holds, in pieces that rng cuts, and returns the
// logits of the last position.
func (f *fixture) last(kv tensor.KV, ids []token.ID, rng *rand.Rand) []float32 {
	for {
		n := len(ids)
		if rng != nil {
			n = 1 + rng.IntN(len(ids))
		}
		r := model.Row{KV: kv, Pos: kv.Len(), IDs: ids[:n]}
		ids = ids[n:]
		if len(ids) == 0 {
			r.Logits = 1
			return f.forward(r)
		}
		f.forward(r)
	}
}

func (f *fixture) pieces() {
	rng, ids := f.rng(), f.ids("text.input_ids")
	whole := f.cache()
	want := f.last(whole, ids, nil)
	for range 5 {
		kv := f.cache()
		if got := f.last(kv, ids, rng); !within(f.t, "pieces", got, want, boundCut) {
			return
		}
		kv.Free()
	}
	whole.Free()
}

func (f *fixture) batch() {
	ids := f.ids("text.input_ids")
	var rows []model.Row
	var want []float32
	for i := range 3 {
		part := ids[i : len(ids)-7*i]
		kv := f.cache()
		want = append(want, f.last(kv, part, nil)...)
		kv.Free()
		// Each sequence stands elsewhere: one has read part of its prompt.
		kv = f.cache()
		if i == 1 {
			f.forward(model.Row{KV: kv, IDs: part[:9]})
		}
		rows = append(rows, model.Row{KV: kv, Pos: kv.Len(), IDs: part[kv.Len():], Logits: 1})
	}
	got := f.b.Read(nil, f.m.Forward(rows))
	f.b.EndStep()
	within(f.t, "batch", got, want, boundCut)
}

func (f *fixture) rewind() {
	rng, ids := f.rng(), f.ids("text.input_ids")
	kv := f.cache()
	want := f.last(kv, ids, nil)
	for range 5 {
		keep := rng.IntN(len(ids))
		kv.Truncate(keep)
		f.last(kv, slices.Repeat(ids[:1], 5+rng.IntN(40)), rng)
		kv.Truncate(keep)
		if got := f.last(kv, ids[keep:], rng); !within(f.t, "rewound", got, want, boundCut) {
			return
		}
	}
}

func (f *fixture) fork() {
	ids := f.ids("text.input_ids")
	kv := f.cache()
	want := f.last(kv, ids, nil)
	kv.Truncate(len(ids) - 10)
	other := kv.Fork()
	f.last(kv, slices.Repeat(ids[:1], 20), nil)
	kv.Free()
	within(f.t, "forked", f.last(other, ids[len(ids)-10:], nil), want, boundCut)
	other.Free()
}

func (f *fixture) audioPieces() {
	rng, samples := f.rng(), f.Samples
	want := f.b.Read(nil, f.clip(samples))
	f.b.EndStep()
	for range 8 {
		front, enc := f.m.NewFrontEnd(), f.m.NewAudio()
		var got []float32
		take := func(x tensor.Tensor) {
			if x != nil {
				got = append(got, f.b.Read(nil, x)...)
			}
			f.b.EndStep()
		}
		for rest := samples; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(2000))
			var rows audio.Features = front.Push(rest[:n])
			take(enc.Push(rows))
			rest = rest[n:]
		}
		take(enc.Flush(front.Flush()))
		enc.Close()
		if !within(f.t, "pieces", got, want, boundCut) {
			return
		}
	}
}

// speaker is one of several that are heard together.
type speaker struct {
	front     audio.FrontEnd
	enc       model.AudioEncoder
	rest, all []float32 // samples to come, and all
	got       []float32
}

// audioTogether has several clips share their passes of the tower, one of them
// a fork that begins in the middle of another and ends differently.
func (f *fixture) audioTogether() {
	rng, samples := f.rng(), f.Samples
	of := []*speaker{{all: samples}, {all: samples[len(samples)/3:]}, {all: samples[:len(samples)/2]}}
	for _, s := range of {
		s.front, s.enc, s.rest = f.m.NewFrontEnd(), f.m.NewAudio(), s.all
	}
	forked := false
	for len(of[0].rest)+len(of[1].rest) > 0 {
		var pieces []model.Piece
		var who []*speaker
		for _, s := range of {
			if rng.IntN(3) == 0 {
				continue // it says nothing just now
			}
			n := min(len(s.rest), rng.IntN(4000))
			rows := s.front.Push(s.rest[:n])
			rows.Data = slices.Clone(rows.Data)
			pieces, who = append(pieces, model.Piece{Encoder: s.enc, Rows: rows}), append(who, s)
			s.rest = s.rest[n:]
		}
		f.listen(pieces, who)
		if a := of[0]; !forked && len(a.rest) < len(samples)/2 {
			forked = true
			said := len(a.all) - len(a.rest)
			of = append(of, &speaker{
				front: a.front.Fork(), enc: a.enc.Fork(), got: slices.Clone(a.got),
				all: slices.Concat(a.all[:said], samples[:5000]), rest: samples[:5000],
			})
		}
	}
	var pieces []model.Piece
	for _, s := range of {
		rows := s.front.Push(s.rest)
		rows.Data = append(slices.Clone(rows.Data), s.front.Flush().Data...)
		pieces = append(pieces, model.Piece{Encoder: s.enc, Rows: rows, Last: true})
	}
	f.listen(pieces, of)
	for i, s := range of {
		s.enc.Close()
		want := f.b.Read(nil, f.clip(s.all))
		f.b.EndStep()
		if !within(f.t, fmt.Sprintf("clip %d of %d", i, len(of)), s.got, want, boundCut) {
			return
		}
	}
}

// listen hands out the soft tokens of a pass.
func (f *fixture) listen(pieces []model.Piece, who []*speaker) {
	if len(pieces) == 0 {
		return
	}
	for i, x := range f.m.Hear(pieces) {
		if x != nil {
			who[i].got = append(who[i].got, f.b.Read(nil, x)...)
		}
	}
	f.b.EndStep()
}
