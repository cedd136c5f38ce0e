package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/engine/backend/backendtest"
	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

// schedules is how many random schedules TestSchedules runs; make schedules
// runs thousands.
var schedules = flag.Int("schedules", 60, "random schedules of TestSchedules")

// counted is a backend that knows the tensors that are kept.
type counted struct {
	tensor.Backend
	kept map[tensor.Tensor]bool
}

func (c *counted) Keep(x tensor.Tensor) tensor.Tensor {
	c.kept[x] = true
	return c.Backend.Keep(x)
}

func (c *counted) Free(x tensor.Tensor) {
	delete(c.kept, x)
	c.Backend.Free(x)
}

// countedAhead is counted for a backend that picks tokens.
type countedAhead struct {
	*counted
	tensor.Ahead
}

func (c *countedAhead) Keep(x tensor.Tensor) tensor.Tensor {
	c.kept[x] = true
	return c.Ahead.Keep(x)
}

func (c *countedAhead) Free(x tensor.Tensor) {
	delete(c.kept, x)
	c.Ahead.Free(x)
}

// world is an engine with a second one beside it, in which every prompt is
// alone and is read in from its beginning.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	e     *engine.Engine
	b     *counted
	alone *engine.Engine
	how   sample.Options    // of all answers
	known map[string][]said // answers to prompts by what is in them
	ids   []token.ID
	sound []float32
	begin token.ID // of a clip
	ends  token.ID

	seqs  []*being
	clips []*medium
}

// medium is a clip that knows what was pushed to it.
type medium struct {
	clip    *engine.Clip
	samples []float32
}

// piece is a part of a prompt: ids, or a clip.
type piece struct {
	ids []token.ID
	m   *medium
}

// being is a sequence and what it must hold.
type being struct {
	s      *engine.Sequence
	pieces []piece
	live   *medium // the last piece, if it may still grow
	answer *answer // in progress
}

// said is a token, and its logits as far as they can be seen.
type said struct {
	id      token.ID
	logprob float32
}

// sameAnswer compares answers bit by bit, or where the backend rounds by the
// number of rows as near as that.
func sameAnswer(a, b []said) bool {
	return slices.EqualFunc(a, b, func(x, y said) bool {
		return x.id == y.id && (x == y || math.Abs(float64(x.logprob-y.logprob)) <= backendtest.Rounding())
	})
}

// answer is one that is read by a goroutine of its own.
type answer struct {
	want, got []said
	stop      int // tokens after which the reader leaves
	cancel    bool
	err       error
	done      chan struct{}
}

const longest = 8 // tokens of an answer

// newWorld makes a world; ahead is whether its device picks tokens.
func newWorld(t *testing.T, seed uint64, ahead bool) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), known: map[string][]said{}}
	w.ids, w.sound = golden(t).IDs("text.input_ids"), sound(t)
	src, err := weights.Dir(tiny + "e/hf-bf16")
	if err != nil {
		t.Fatal(err)
	}
	w.b = &counted{Backend: backendtest.New(1), kept: map[tensor.Tensor]bool{}}
	b := tensor.Backend(w.b)
	w.how.LogProbs = 1
	if ahead {
		a := aheadOf(w.b.Backend)
		if d, ok := a.(*device); ok {
			d.takes = 5 * time.Millisecond // in which others do things
		}
		b = &countedAhead{w.b, a}
		w.how = sample.Options{Seed: seed}
		if seed%2 == 1 {
			w.how.Temperature, w.how.TopK = 0.8, w.rng.IntN(30)
		}
	}
	bits := 8 * w.rng.IntN(2)
	w.e, err = engine.Open(src, b, &engine.Options{
		KVBits: bits,
		Piece:  1 + w.rng.IntN(40), MaxSequences: 6, PrefixBytes: []int64{-1, 100_000, 1 << 20}[w.rng.IntN(3)],
		MaxBytes: []int64{0, 40 << 20}[w.rng.IntN(2)],
	})
	if err != nil {
		t.Fatal(err)
	}
	w.alone, err = engine.Open(src, plain{backendtest.New(1)}, &engine.Options{PrefixBytes: -1, KVBits: bits})
	if err != nil {
		t.Fatal(err)
	}
	w.begin, _ = w.e.Tokenizer().Special("<|audio>")
	w.ends, _ = w.e.Tokenizer().Special("<audio|>")
	return w
}

// close ends a world and checks that nothing is left of it.
func (w *world) close() {
	for len(w.seqs) > 0 {
		w.finish(w.seqs[0])
		w.leave(w.seqs[0])
	}
	<-time.After(time.Second) // steps under way end
	synctest.Wait()
	if st := w.e.Stats(); st.Sequences != 0 || st.Waiting != 0 || st.KVBytes != 0 {
		w.t.Errorf("left over: %d sequences, %d waiting, %d bytes in caches", st.Sequences, st.Waiting, st.KVBytes)
	}
	if err := errors.Join(w.e.Close(), w.alone.Close()); err != nil {
		w.t.Error(err)
	}
	if n := len(w.b.kept); n > 0 {
		w.t.Errorf("%d tensors are still kept", n)
	}
}

// key names the content of pieces.
func key(pieces []piece) string {
	h := sha256.New()
	for _, p := range pieces {
		for _, id := range p.ids {
			binary.Write(h, binary.LittleEndian, int32(id))
		}
		if p.m != nil {
			fmt.Fprint(h, "clip", len(p.m.samples))
			for _, v := range p.m.samples {
				binary.Write(h, binary.LittleEndian, math.Float32bits(v))
			}
		}
	}
	return string(h.Sum(nil))
}

// reference is the answer to pieces in a sequence of its own.
func (w *world) reference(pieces []piece) []said {
	k := key(pieces)
	if words, ok := w.known[k]; ok {
		return words
	}
	var parts []engine.Part
	for _, p := range pieces {
		if p.m == nil {
			parts = append(parts, engine.Tokens(p.ids))
			continue
		}
		clip, err := w.alone.NewClip()
		w.must(err)
		defer clip.Close()
		w.must(clip.Push(p.m.samples))
		clip.End()
		parts = append(parts, clip)
	}
	s, err := w.alone.Open()
	w.must(err)
	defer s.Close()
	_, err = s.Set(parts)
	w.must(err)
	var words []said
	for tok, err := range s.Generate(w.t.Context(), engine.Generate{Sample: w.how, Max: longest}) {
		w.must(err)
		words = append(words, said{tok.ID, tok.Logprob})
	}
	w.known[k] = words
	return words
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// some returns a few ids, often the same.
func (w *world) some() []token.ID {
	from := w.rng.IntN(4) * 10
	return w.ids[from : from+1+w.rng.IntN(4)*7]
}

// open begins a sequence; most begin with the same instructions.
func (w *world) open() {
	s, err := w.e.Open()
	if errors.Is(err, engine.ErrBusy) {
		return
	}
	w.must(err)
	s.SetClass(engine.Class(w.rng.IntN(3)))
	b := &being{s: s}
	w.seqs = append(w.seqs, b)
	w.set(b, []piece{{ids: w.ids[:20+w.rng.IntN(3)*13]}, {ids: w.some()}})
}

func (w *world) set(b *being, pieces []piece) {
	_, err := b.s.Set(parts(pieces))
	w.must(err)
	b.pieces = pieces
	w.sweep()
}

func parts(pieces []piece) []engine.Part {
	parts := make([]engine.Part, len(pieces))
	for i, p := range pieces {
		parts[i] = engine.Tokens(p.ids)
		if p.m != nil {
			parts[i] = p.m.clip
		}
	}
	return parts
}

// slide drops a stretch behind the instructions, and waits until what follows
// it is exact again.
func (w *world) slide(b *being) {
	if len(b.pieces) < 3 {
		return
	}
	pieces := append(b.pieces[:1:1], b.pieces[2+w.rng.IntN(len(b.pieces)-2):]...)
	if w.rng.IntN(2) == 0 {
		pieces = append(pieces, piece{ids: w.some()})
	}
	b.s.SetClass(engine.Class(w.rng.IntN(2))) // a speculation would stay as it is
	_, err := b.s.Slide(parts(pieces))
	w.must(err)
	b.pieces = pieces
	w.sweep()
	if w.rng.IntN(2) == 0 {
		<-time.After(time.Duration(w.rng.IntN(800)) * time.Millisecond)
		ids := w.some() // while it is read in again, perhaps
		w.must(b.s.Append([]engine.Part{engine.Tokens(ids)}))
		b.pieces = append(slices.Clone(b.pieces), piece{ids: ids})
	}
	<-time.After(time.Hour)
}

// chorus has all that can answer do so at once.
func (w *world) chorus() {
	var of []*being
	for _, b := range w.seqs {
		if b.answer == nil && b.live == nil && b.pieces[len(b.pieces)-1].m == nil {
			w.reference(b.pieces)
			of = append(of, b)
		}
	}
	for _, b := range of {
		w.generate(b, 0, false)
	}
}

// flat returns the pieces with one id each.
func flat(pieces []piece) (out []piece) {
	for _, p := range pieces {
		if p.m != nil {
			out = append(out, p)
		}
		for i := range p.ids {
			out = append(out, piece{ids: p.ids[i : i+1]})
		}
	}
	return out
}

// rewind goes back to a position.
func (w *world) rewind(b *being) {
	all := flat(b.pieces)
	n := w.rng.IntN(len(all)) + 1
	at := 0
	for _, p := range all[:n] {
		if at++; p.m != nil {
			at += p.m.clip.Tokens() - 1
		}
	}
	if n < len(all) && all[n].m != nil && all[n].m.clip.Tokens() > 1 && w.rng.IntN(2) == 0 {
		at++ // into the clip: it goes whole
	}
	w.must(b.s.Rewind(at))
	for all[n-1].m != nil && all[n-1].m.clip.Tokens() == 0 {
		n-- // it stands where it was rewound to
	}
	b.pieces = all[:n]
	w.sweep()
}

// speak begins a clip at the end of a sequence.
func (w *world) speak(b *being) {
	clip, err := w.e.NewClip()
	w.must(err)
	b.live = w.newMedium(clip, nil)
	w.set(b, append(slices.Clone(b.pieces), piece{ids: []token.ID{w.begin}}, piece{m: b.live}))
}

// push has a live clip grow.
func (w *world) push(m *medium) {
	from := len(m.samples)
	n := min(w.rng.IntN(4000), len(w.sound)-from)
	w.must(m.clip.Push(w.sound[from : from+n]))
	m.samples = append(m.samples, w.sound[from:from+n]...)
}

// hush ends a live clip.
func (w *world) hush(b *being) {
	b.live.clip.End()
	b.live = nil
	w.must(b.s.Append([]engine.Part{engine.Tokens{w.ends}, engine.Tokens(w.ids[:2])}))
	b.pieces = append(slices.Clone(b.pieces), piece{ids: []token.ID{w.ends}}, piece{ids: w.ids[:2]})
}

// fork makes a second sequence; a live clip is forked and ends there.
func (w *world) fork(b *being) *being {
	var m *medium
	if b.live != nil {
		m = w.newMedium(b.live.clip.Fork(), slices.Clone(b.live.samples))
		if w.rng.IntN(2) == 0 {
			w.push(b.live) // the sequence hears more than the fork of the clip
			synctest.Wait()
		}
	}
	s, err := b.s.Fork()
	if errors.Is(err, engine.ErrBusy) {
		w.sweep()
		return nil
	}
	w.must(err)
	f := &being{s: s, pieces: slices.Clone(b.pieces)}
	w.seqs = append(w.seqs, f)
	if m == nil {
		return f
	}
	if w.rng.IntN(3) == 0 {
		w.push(m) // it goes another way
	}
	m.clip.End()
	pieces := append(slices.Clone(f.pieces[:len(f.pieces)-1]), piece{m: m}, piece{ids: []token.ID{w.ends}}, piece{ids: w.ids[:2]})
	w.set(f, pieces)
	return f
}

// generate begins an answer, which is read beside what follows.
func (w *world) generate(b *being, stop int, cancel bool) {
	a := &answer{want: w.reference(b.pieces), stop: stop, cancel: cancel, done: make(chan struct{})}
	b.answer = a
	ctx, end := context.WithCancel(w.t.Context())
	go func() {
		defer close(a.done)
		defer end()
		for tok, err := range b.s.Generate(ctx, engine.Generate{Sample: w.how, Max: longest}) {
			if err != nil {
				a.err = err
				return
			}
			a.got = append(a.got, said{tok.ID, tok.Logprob})
			if len(a.got) == a.stop {
				if !a.cancel {
					return
				}
				end()
			}
		}
	}()
}

// finish waits for an answer and compares it with that of a sequence alone.
func (w *world) finish(b *being) {
	a := b.answer
	if a == nil {
		return
	}
	b.answer = nil
	<-a.done
	if a.err != nil && !(a.cancel && errors.Is(a.err, context.Canceled)) {
		w.t.Fatal(a.err)
	}
	if len(a.got) > len(a.want) || !sameAnswer(a.got, a.want[:len(a.got)]) || a.stop == 0 && len(a.got) < len(a.want) {
		w.t.Fatalf("answer %v, alone %v", a.got, a.want)
	}
	// A token that ends the model's turn is not part of the record.
	var ids []token.ID
	for _, word := range a.got {
		ids = append(ids, word.id)
	}
	if n := len(ids); n > 0 && slices.Contains(w.e.Model().Stops, ids[n-1]) {
		ids = ids[:n-1]
	}
	if len(ids) > 0 {
		b.pieces = append(slices.Clone(b.pieces), piece{ids: ids})
	}
}

// leave closes a sequence and the clips that no other holds.
func (w *world) leave(b *being) {
	w.must(b.s.Close())
	w.seqs = slices.DeleteFunc(w.seqs, func(o *being) bool { return o == b })
	w.sweep()
}

// sweep closes the clips that no sequence holds any more.
func (w *world) sweep() {
	w.clips = slices.DeleteFunc(w.clips, func(m *medium) bool {
		held := slices.ContainsFunc(w.seqs, func(b *being) bool {
			return slices.ContainsFunc(b.pieces, func(p piece) bool { return p.m == m })
		})
		if !held {
			m.clip.Close()
		}
		return !held
	})
}

// newMedium keeps a clip in mind.
func (w *world) newMedium(clip *engine.Clip, samples []float32) *medium {
	m := &medium{clip: clip, samples: samples}
	w.clips = append(w.clips, m)
	return m
}

// act does one random thing.
func (w *world) act() {
	if len(w.seqs) == 0 || w.rng.IntN(8) == 0 {
		w.open()
		return
	}
	b := w.seqs[w.rng.IntN(len(w.seqs))]
	if b.answer != nil {
		if w.rng.IntN(2) == 0 {
			w.finish(b)
		}
		return
	}
	if w.rng.IntN(3) == 0 {
		b.s.SetClass(engine.Class(w.rng.IntN(3)))
	}
	if b.live != nil {
		switch w.rng.IntN(6) {
		case 0:
			w.hush(b)
		case 1: // a speculation
			if f := w.fork(b); f != nil {
				f.s.SetClass(engine.Speculative)
				w.generate(f, 0, false)
			}
		default:
			w.push(b.live)
		}
		return
	}
	switch w.rng.IntN(11) {
	case 10:
		w.chorus()
	case 9:
		w.slide(b)
	case 0:
		w.rewind(b)
	case 1, 2:
		ids := w.some()
		w.must(b.s.Append([]engine.Part{engine.Tokens(ids)}))
		b.pieces = append(slices.Clone(b.pieces), piece{ids: ids})
	case 3:
		w.set(b, append(slices.Clone(b.pieces[:1]), piece{ids: w.some()}))
	case 4:
		w.speak(b)
	case 5:
		w.fork(b)
	case 6:
		w.leave(b)
	case 7:
		w.answer(b, 1+w.rng.IntN(longest), w.rng.IntN(2) == 0)
	default:
		w.answer(b, 0, false)
	}
}

// answer answers what ends in an id.
func (w *world) answer(b *being, stop int, cancel bool) {
	if b.pieces[len(b.pieces)-1].m == nil {
		w.generate(b, stop, cancel)
	}
}

// TestSchedules has several sequences live through random schedules of
// prompts, answers, cancelled answers, rewinds, slides that are given time,
// forks, and clips that grow and are forked while they grow, with caches that are shared and evicted: every
// answer is that of the prompt in a sequence alone, and in the end nothing is
// left.
func TestSchedules(t *testing.T) { live(t, false) }

// TestSchedulesAhead is TestSchedules on a device that picks tokens and goes on
// with them.
func TestSchedulesAhead(t *testing.T) { live(t, true) }

func live(t *testing.T, ahead bool) {
	const group, acts = 10, 25 // schedules on one engine, things done in one
	var ran, void int64
	for seed := range uint64((*schedules + group - 1) / group) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed, ahead)
			defer func() {
				if t.Failed() {
					t.Log("seed", seed)
				}
			}()
			for range group {
				for range acts {
					w.act()
					switch w.rng.IntN(6) {
					case 0, 1:
						synctest.Wait()
					case 2:
						<-time.After(time.Duration(w.rng.IntN(20)) * time.Millisecond)
					}
				}
				for len(w.seqs) > 0 {
					w.finish(w.seqs[0])
					w.leave(w.seqs[0])
				}
			}
			st := w.e.Stats()
			ran, void = ran+st.Ahead, void+st.Void
			w.close()
		})
	}
	if ahead && !t.Failed() && (ran == 0 || void == 0) {
		t.Errorf("%d steps ran ahead, %d of their rows were void", ran, void)
	}
	t.Logf("%d steps ran ahead, %d of their rows were void", ran, void)
}
