package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/engine/backend/backendtest"
	"hark/engine/backend/cpu"
	"hark/engine/grammar"
	"hark/engine/model"
	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

// device is a backend made tensor.Ahead: what it picks nobody can see before it
// is read, and its steps take time of their own.
type device struct {
	tensor.Backend
	takes time.Duration // a step, behind the one before
	ready time.Time     // when all that was begun is over
	log   []string      // begin, read
	kept  []*picked     // since the last Begin
	fail  string        // at which entry of the log it fails, "read 7"; "" at none
}

// note writes the log, and fails where it is to.
func (d *device) note(what string) {
	d.log = append(d.log, what)
	if d.fail == fmt.Sprint(what, " ", len(d.log)) {
		panic(&tensor.DeviceError{Op: what, Err: errors.New("it is broken")})
	}
}

// picked are ids that were picked.
type picked struct {
	ids   []int32
	ready time.Time // zero: not begun
	freed bool
}

func (p *picked) Shape() []int { return []int{len(p.ids)} }

// cutKV is a cache that knows what its last Truncate dropped.
type cutKV struct {
	tensor.KV
	whole tensor.KV // nil: it was changed since
}

// aheadOf makes a backend tensor.Ahead, if it is not.
func aheadOf(b tensor.Backend) tensor.Ahead {
	if a, ok := b.(tensor.Ahead); ok {
		return a
	}
	return &device{Backend: b}
}

func (d *device) Pick(logits tensor.Tensor, how []tensor.Pick) tensor.Tensor {
	values, p := d.Read(nil, logits), &picked{}
	vocab := len(values) / len(how)
	for i, h := range how {
		draw := sample.Draw{Temperature: h.Temperature, TopK: h.TopK, TopP: h.TopP, MinP: h.MinP, Uniform: h.Uniform}
		for _, id := range h.Suppress {
			draw.Suppress = append(draw.Suppress, token.ID(id))
		}
		id, err := draw.Pick(values[i*vocab:][:vocab])
		if err != nil {
			id = -1
		}
		p.ids = append(p.ids, int32(id))
	}
	return p
}

func (d *device) EmbedPicked(w tensor.Weight, ids tensor.Tensor, index []int, scale float32) tensor.Tensor {
	list := make([]int32, len(index))
	for i, at := range index {
		list[i] = max(0, ids.(*picked).ids[at])
	}
	return d.Embed(w, list, scale)
}

func (d *device) Keep(x tensor.Tensor) tensor.Tensor {
	if p, ok := x.(*picked); ok {
		d.kept = append(d.kept, p)
		return p
	}
	return d.Backend.Keep(x)
}

func (d *device) Free(x tensor.Tensor) {
	if p, ok := x.(*picked); ok {
		if p.freed {
			panic("freed twice")
		}
		p.freed = true
		return
	}
	d.Backend.Free(x)
}

func (d *device) Begin() {
	d.note("begin")
	if d.takes > 0 {
		if now := time.Now(); d.ready.Before(now) {
			d.ready = now
		}
		d.ready = d.ready.Add(d.takes)
	}
	for _, p := range d.kept {
		p.ready = d.ready
	}
	d.kept = d.kept[:0]
}

func (d *device) ReadPicked(dst []int32, ids tensor.Tensor) []int32 {
	d.note("read")
	p := ids.(*picked)
	if d.takes > 0 {
		<-time.After(time.Until(p.ready))
	}
	return append(dst[:0], p.ids...)
}

func (d *device) Extend(kv tensor.KV, n int) {
	k := kv.(*cutKV)
	if k.whole == nil || k.whole.Len() < n {
		panic("extended by what is not there")
	}
	k.KV.Free()
	k.KV, k.whole = k.whole, nil
	k.KV.Truncate(n)
}

func (d *device) NewKV(layers []tensor.KVLayer) tensor.KV { return &cutKV{KV: d.Backend.NewKV(layers)} }

func (d *device) ReadKV(layers []tensor.KVLayer, r io.Reader) (tensor.KV, error) {
	kv, err := d.Backend.ReadKV(layers, r)
	if err != nil {
		return nil, err
	}
	return &cutKV{KV: kv}, nil
}

// changed drops what can no longer come back.
func (k *cutKV) changed() {
	if k.whole != nil {
		k.whole.Free()
		k.whole = nil
	}
}

func (k *cutKV) Truncate(n int) {
	k.changed()
	k.whole = k.KV.Fork()
	k.KV.Truncate(n)
}

func (k *cutKV) Cut(from, to int) {
	k.changed()
	k.KV.Cut(from, to)
}

func (k *cutKV) Fork() tensor.KV { return &cutKV{KV: k.KV.Fork()} }

func (k *cutKV) Free() {
	k.changed()
	k.KV.Free()
}

// within returns segments with the caches beneath.
func within(segs []tensor.Segment) []tensor.Segment {
	segs = slices.Clone(segs)
	for i := range segs {
		segs[i].KV = segs[i].KV.(*cutKV).KV
	}
	return segs
}

func (d *device) Store(layer int, k, v tensor.Tensor, segs []tensor.Segment) {
	for _, s := range segs {
		s.KV.(*cutKV).changed()
	}
	d.Backend.Store(layer, k, v, within(segs))
}

func (d *device) Attention(layer int, q tensor.Tensor, segs []tensor.Segment, ahead bool) tensor.Tensor {
	return d.Backend.Attention(layer, q, within(segs), ahead)
}

// openOn loads the tiny E-form checkpoint on a backend.
func openOn(t *testing.T, b tensor.Backend, o *engine.Options) *engine.Engine {
	t.Helper()
	src, err := weights.Dir(tiny + "e/hf-bf16")
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(src, b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		src.Close()
	})
	return e
}

// plain hides what a backend has beside the rest.
type plain struct{ tensor.Backend }

// TestAheadChangesNoAnswer compares random conversations, side by side and
// alone, with answers picked in all kinds of ways, on the host and on a device
// that goes on ahead, with and without guesses.
func TestAheadChangesNoAnswer(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	host := openOn(t, plain{backendtest.New(1)}, &engine.Options{Lookup: -1, PrefixBytes: -1})
	var engines []*engine.Engine
	for _, o := range []engine.Options{{}, {Lookup: -1}, {NoAhead: true}, {KVBits: 0, Piece: 5}} {
		engines = append(engines, openOn(t, aheadOf(backendtest.New(1)), &o))
	}
	for round := range 16 {
		for i, e := range engines {
			got := make([][]token.ID, 1+round%4)
			var talking sync.WaitGroup
			for j := range got {
				talking.Go(func() { got[j] = chat(t, e, ids, uint64(100*round+j)) })
			}
			talking.Wait()
			for j := range got {
				if want := chat(t, host, ids, uint64(100*round+j)); !slices.Equal(got[j], want) {
					t.Fatalf("engine %d, conversation %d of round %d: %v, on the host %v", i, j, round, got[j], want)
				}
			}
		}
	}
	for i, e := range engines {
		st := e.Stats()
		if ahead := i != 2; (st.Ahead > 0) != ahead || (st.Void > 0) != ahead {
			t.Errorf("engine %d: %d steps ran ahead, %d rows were void", i, st.Ahead, st.Void)
		}
		t.Logf("engine %d: %d tokens in %d rows, %d steps of %d ran ahead, %d rows void, %d of %d guesses right", i, st.Decoded, st.Answering, st.Ahead, st.Steps, st.Void, st.Right, st.Guessed)
	}
	if st := engines[0].Stats(); st.Right == 0 {
		t.Error("nothing was guessed beside steps that run ahead")
	}
}

// chat is a conversation of a few turns, some of them broken off, that depends
// on the seed alone and on what the model answers.
func chat(t *testing.T, e *engine.Engine, ids []token.ID, seed uint64) (all []token.ID) {
	rng := rand.New(rand.NewPCG(seed, 11))
	s, err := e.Open()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer s.Close()
	heard := ids[:3+rng.IntN(len(ids)-3)]
	for range 1 + rng.IntN(3) {
		if err := s.Append([]engine.Part{engine.Tokens(slices.Concat(heard, ids[:1+rng.IntN(4)]))}); err != nil {
			t.Error(err)
			return nil
		}
		o := engine.Generate{Max: 1 + rng.IntN(40), Ahead: rng.IntN(12), Stops: []token.ID{token.ID(rng.IntN(640))}}
		if rng.IntN(2) == 0 {
			o.Sample = sample.Options{Temperature: 0.2 + rng.Float32(), Seed: rng.Uint64(), TopK: rng.IntN(20), TopP: rng.Float32(), MinP: rng.Float32() / 10}
		}
		if rng.IntN(4) == 0 {
			o.Sample.Suppress = []token.ID{ids[0], token.ID(rng.IntN(640))}
		}
		if rng.IntN(4) == 0 { // the host picks
			o.Sample.Presence = rng.Float32()
		}
		stop := 1 + rng.IntN(50)
		heard = nil
		for tok, err := range s.Generate(t.Context(), o) {
			if err != nil {
				t.Error(err)
				return nil
			}
			all = append(all, tok.ID)
			if heard = append(heard, tok.ID); len(heard) == stop {
				break
			}
		}
	}
	return all
}

// onDevice runs a test in a bubble with an engine on a device of its own.
func onDevice(t *testing.T, o engine.Options, test func(t *testing.T, e *engine.Engine, d *device, w *watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		src, err := weights.Dir(tiny + "e/hf-bf16")
		if err != nil {
			t.Fatal(err)
		}
		d := &device{Backend: cpu.New(&cpu.Options{Threads: 1})}
		m, err := model.Open(src, d)
		if err != nil {
			t.Fatal(err)
		}
		w := &watched{Model: m}
		e, err := engine.Load(w, d, &o)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		test(t, e, d, w)
	})
}

// TestTheDeviceNeverWaits has a step take 10 ms of the device and 6 ms of the
// host: ahead, a token takes 10 ms, and each step is begun before the tokens of
// the one before are read.
func TestTheDeviceNeverWaits(t *testing.T) {
	const tokens = 40
	for _, ahead := range []bool{false, true} {
		onDevice(t, engine.Options{NoAhead: !ahead, PrefixBytes: -1, Lookup: -1}, func(t *testing.T, e *engine.Engine, d *device, w *watched) {
			d.takes = 10 * time.Millisecond
			w.forward = func([]model.Row) { <-time.After(6 * time.Millisecond) }
			s := sequence(t, e)
			defer s.Close()
			set(t, s, same(10, 4))
			began := time.Now()
			n := <-reader(t, s, tokens)
			took := time.Since(began)
			synctest.Wait()
			st := e.Stats()
			want := time.Duration(n) * 16 * time.Millisecond
			if ahead {
				want = 6*time.Millisecond + time.Duration(n)*10*time.Millisecond
			}
			// The prompt may be read in before the answer is asked for.
			if n < 10 || took > want+7*time.Millisecond || took < want-time.Millisecond {
				t.Errorf("%d tokens took %v, want %v", n, took, want)
			}
			if ahead && (st.Ahead < int64(n)-1 || st.Steps > int64(n)+1) || !ahead && st.Ahead != 0 {
				t.Errorf("%d of %d steps ran ahead", st.Ahead, st.Steps)
			}
			if p50 := st.StepTime.Quantile(0.5); ahead && p50 > 12*time.Millisecond {
				t.Errorf("a step takes %v by the statistics, want 10 ms", p50)
			}
			for i := 2; ahead && i+1 < min(len(d.log), 2*n-2); i += 2 {
				if d.log[i-1] != "begin" || d.log[i] != "read" {
					t.Fatalf("%v: read before the next step was begun", d.log[:i+1])
				}
			}
		})
	}
}

// TestAStepThatRanAheadLeavesNothing ends answers in every way while the next
// step is under way. What the sequence, a fork and a prefix hold then is what
// they held without it.
func TestAStepThatRanAheadLeavesNothing(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	ends := []struct {
		name string
		o    engine.Generate
		leaf func(cancel context.CancelFunc, n int) bool // whether to leave the loop
	}{
		{"length", engine.Generate{Max: 5}, nil},
		{"left", engine.Generate{}, func(_ context.CancelFunc, n int) bool { return n == 5 }},
		{"cancelled", engine.Generate{}, func(cancel context.CancelFunc, n int) bool {
			if n == 5 {
				cancel()
			}
			return false
		}},
		{"slow", engine.Generate{Max: 9, Ahead: 1}, nil},
	}
	for _, end := range ends {
		onDevice(t, engine.Options{}, func(t *testing.T, e *engine.Engine, d *device, w *watched) {
			d.takes = 10 * time.Millisecond
			s, fresh := sequence(t, e), sequence(t, e)
			defer s.Close()
			defer fresh.Close()
			set(t, s, engine.Tokens(ids[:60]))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var said []token.ID
			for tok, err := range s.Generate(ctx, end.o) {
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
					break
				}
				said = append(said, tok.ID)
				if end.leaf != nil && end.leaf(cancel, len(said)) {
					break
				}
			}
			f, err := s.Fork()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if n, want := s.Len(), 60+len(said); n != want {
				t.Errorf("%s: %d positions, want %d", end.name, n, want)
			}
			all := slices.Concat(ids[:60], said, ids[:3])
			set(t, fresh, engine.Tokens(all))
			want := greedy(t, fresh, 6)
			for _, q := range []*engine.Sequence{s, f} {
				if err := q.Append([]engine.Part{engine.Tokens(ids[:3])}); err != nil {
					t.Fatal(err)
				}
				if got := greedy(t, q, 6); !slices.Equal(got, want) {
					t.Errorf("%s: goes on with %v, a fresh sequence with %v", end.name, got, want)
				}
			}
			if st := e.Stats(); end.name != "slow" && st.Ahead == 0 {
				t.Errorf("%s: no step ran ahead", end.name)
			}
		})
	}
}

// TestStopsWithinAStep: who cancels while a step runs ahead waits for the end of
// the step before, not for its own, and others join in after one step.
func TestStopsWithinAStep(t *testing.T) {
	onDevice(t, engine.Options{}, func(t *testing.T, e *engine.Engine, d *device, w *watched) {
		d.takes = 10 * time.Millisecond
		s, other := sequence(t, e), sequence(t, e)
		defer s.Close()
		defer other.Close()
		set(t, s, same(10, 4))
		end := reader(t, s, 300)
		<-time.After(94 * time.Millisecond)
		began := time.Now()
		set(t, other, same(20, 4))
		if n := <-reader(t, other, 1); n != 1 {
			t.Errorf("%d tokens", n)
		}
		// The step under way, the one ahead of it, and its own.
		if took := time.Since(began); took > 31*time.Millisecond {
			t.Errorf("who joins waits %v for a token, want 30 ms", took)
		}
		if n := <-end; n == 0 {
			t.Error("no token beside another answer")
		}
	})
}

// TestADeviceThatFails: an answer whose tokens cannot be read ends with the
// error; a step that cannot run ahead is no loss. The sequence serves again.
func TestADeviceThatFails(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	for _, fail := range []string{"", "begin 2", "begin 8", "read 3", "read 9"} {
		onDevice(t, engine.Options{Lookup: -1}, func(t *testing.T, e *engine.Engine, d *device, w *watched) {
			var want []token.ID
			for _, d.fail = range []string{"", fail, ""} {
				s := sequence(t, e)
				defer s.Close()
				d.log = nil
				set(t, s, engine.Tokens(ids[:60]))
				var got []token.ID
				var failed error
				for tok, err := range s.Generate(t.Context(), engine.Generate{Max: 12}) {
					if failed = err; err == nil {
						got = append(got, tok.ID)
					}
				}
				if want == nil {
					want = got
				}
				if broken := strings.HasPrefix(d.fail, "read"); (failed != nil) != broken || !broken && !slices.Equal(got, want) {
					t.Errorf("%q: %v, %v, want %v", d.fail, got, failed, want)
				}
				d.fail = ""
				set(t, s, engine.Tokens(ids[:60]))
				if got := greedy(t, s, 12); !slices.Equal(got, want) {
					t.Errorf("%q: then %v, want %v", fail, got, want)
				}
			}
		})
	}
}

// TestGrammarsBeginBehindAStepThatRanAhead: a token that puts a grammar in force
// makes the step void that was begun behind it; the next token is drawn again,
// on the host.
func TestGrammarsBeginBehindAStepThatRanAhead(t *testing.T) {
	ids := golden(t).IDs("text.input_ids")
	g, err := grammar.JSON(json.RawMessage(`{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"],"additionalProperties":false}`))
	if err != nil {
		t.Fatal(err)
	}
	host, ahead := openOn(t, plain{backendtest.New(1)}, nil), openOn(t, aheadOf(backendtest.New(1)), nil)
	for seed := range uint64(6) {
		o := engine.Generate{Max: 60, Sample: sample.Options{Temperature: 0.9, Seed: seed}}
		said := func(e *engine.Engine) (all []token.ID) {
			s := sequence(t, e)
			defer s.Close()
			set(t, s, engine.Tokens(ids[:60]))
			for tok, err := range s.Generate(t.Context(), o) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, tok.ID)
			}
			return all
		}
		free := said(host)
		o.Grammar, o.Trigger = g, free[min(3, len(free)-1)]
		want, void := said(host), ahead.Stats().Void
		if got := said(ahead); !slices.Equal(got, want) {
			t.Errorf("seed %d: %v, on the host %v", seed, got, want)
		}
		if len(want) > 4 && ahead.Stats().Void == void {
			t.Errorf("seed %d: no step was void", seed)
		}
	}
}
