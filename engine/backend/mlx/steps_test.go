//go:build mlx

package mlx

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"testing"

	"hark/engine/model"
	_ "hark/engine/model/all"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

// decoder is one layer of a decoder, enough to have every kind of handle in it.
type decoder struct {
	b           *Backend
	embed, proj tensor.Weight // bfloat16 [V, H], 4 bits [3H, H]
	norm        tensor.Tensor
	rotary      *tensor.Rotary
	layers      []tensor.KVLayer
}

const hidden, heads, dim, vocabulary = 64, 2, 32, 50

func newDecoder(t testing.TB, b *Backend) *decoder {
	t.Helper()
	d := &decoder{b: b, rotary: &tensor.Rotary{Sections: 1, Freq: make([]float32, dim/2)}}
	fill := func(n int) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i * 37 % 61)
		}
		return data
	}
	var err error
	take := func(s tensor.Stored) tensor.Weight {
		w, e := b.Weight(s)
		if e != nil {
			err = e
		}
		return w
	}
	d.embed = take(tensor.Stored{Name: "embed", Shape: []int{vocabulary, hidden}, Format: tensor.BF16, Data: fill(2 * vocabulary * hidden)})
	d.proj = take(tensor.Stored{
		Name: "proj", Shape: []int{3 * hidden, hidden}, Format: tensor.Affine, Bits: 4, Group: 64, Scale: tensor.BF16,
		Data: fill(3 * hidden * hidden / 2), Scales: fill(6 * hidden), Biases: fill(6 * hidden),
	})
	if err != nil {
		t.Fatal(err)
	}
	ones := make([]float32, hidden)
	for i := range ones {
		ones[i] = 1
	}
	d.norm = b.Constant(ones, hidden)
	d.layers = []tensor.KVLayer{{Heads: heads, Dim: dim, Window: 40, Rotary: d.rotary}, {Heads: heads, Dim: dim, Bits: 8, Rotary: d.rotary}}
	return d
}

// step reads n positions into each of the caches and returns the logits.
func (d *decoder) step(n int, caches ...tensor.KV) tensor.Tensor {
	b := d.b
	var ids, pos []int32
	var segs []tensor.Segment
	for _, kv := range caches {
		segs = append(segs, tensor.Segment{From: len(ids), To: len(ids) + n, KV: kv, Pos: kv.Len()})
		for i := range n {
			ids, pos = append(ids, int32((kv.Len()+i)*7%vocabulary)), append(pos, int32(kv.Len()+i))
		}
	}
	x := b.Embed(d.embed, ids, 8)
	turns := b.Angles(d.rotary, pos)
	for layer := range d.layers {
		mark := b.Mark()
		h := b.Linear(b.RMSNorm(x, d.norm, 1e-6), d.proj, nil)
		part := func(i int) tensor.Tensor {
			return b.Reshape(b.Cols(h, i*hidden, (i+1)*hidden), len(ids), heads, dim)
		}
		b.Store(layer, b.Rope(part(1), turns), part(2), segs)
		o := b.Attention(layer, b.Rope(part(0), turns), segs, false)
		x = b.Sweep(mark, b.Add(x, b.GatedGELU(o, b.Scale(b.Clamp(o, -9, 9), 0.5))))
	}
	return b.Linear(x, d.embed, nil)
}

// resident returns the pages of memory of the process, 0 where the system does
// not say.
func resident() int {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(string(bytes.Fields(data)[1]))
	if err != nil {
		return 0
	}
	return n * os.Getpagesize()
}

// TestTenThousandStepsLeakNothing decodes, rewinds, forks, cuts, saves and
// keeps tensors over ten thousand steps. As many arrays and as much memory are
// held afterwards as after the first few.
func TestTenThousandStepsLeakNothing(t *testing.T) {
	b := open(t, Options{})
	d := newDecoder(t, b)
	kv := b.NewKV(d.layers)
	var carried tensor.Tensor
	var logits []float32
	var saved bytes.Buffer
	// round is 100 steps after which all is as it was before.
	round := func() {
		kv.Truncate(0)
		d.step(30, kv)
		b.EndStep()
		for i := range 99 {
			x := d.step(1, kv)
			switch i % 10 {
			case 3: // nobody reads: evaluated behind the next step's recording
			case 5:
				f := kv.Fork()
				b.EndStep()
				x = d.step(1, kv, f)
				logits = b.Read(logits, x)
				f.Free()
			case 7:
				if carried != nil {
					b.Free(carried)
				}
				carried = b.Keep(b.Rows(x, 0, 1))
			default:
				logits = b.Read(logits, x)
			}
			b.EndStep()
			if i == 40 {
				kv.Truncate(kv.Len() - 5)
			}
			if i == 80 {
				kv.Cut(5, 20)
			}
		}
		saved.Reset()
		if _, err := kv.WriteTo(&saved); err != nil {
			t.Fatal(err)
		}
		kv.Free()
		var err error
		if kv, err = b.ReadKV(d.layers, &saved); err != nil {
			t.Fatal(err)
		}
		b.EndStep()
		b.settle()
	}
	for range 10 {
		round()
	}
	handles, memory, process := b.Handles(), b.Memory(), resident()
	for range 100 {
		round()
	}
	if got := b.Handles(); got != handles {
		t.Errorf("%d handles, %d before", got, handles)
	}
	// Memory that is used again may be a little larger than what was asked for.
	if got := b.Memory(); got.Active > memory.Active+4096 {
		t.Errorf("%d bytes in arrays, %d before", got.Active, memory.Active)
	}
	if grown := resident() - process; process > 0 && grown > 8<<20 {
		t.Errorf("the process grew by %d bytes", grown)
	} else {
		t.Logf("%d handles, %d bytes in arrays, the process grew by %d", handles, memory.Active, grown)
	}
	for _, v := range logits {
		if math.IsNaN(float64(v)) {
			t.Fatal("logits are no numbers")
		}
	}
	kv.Free()
	b.Free(carried)
}

// TestOneEvaluationAStep counts evaluations: one a step, whether somebody reads
// a result or not.
func TestOneEvaluationAStep(t *testing.T) {
	b := open(t, Options{})
	d := newDecoder(t, b)
	kv, other := b.NewKV(d.layers), b.NewKV(d.layers)
	var logits []float32
	for _, read := range []bool{true, false, false, true} {
		before := b.Work()
		x := d.step(2, kv, other)
		if read {
			logits = b.Read(logits, x)
		}
		b.EndStep()
		if n := b.Work().Evaluations - before.Evaluations; n != 1 {
			t.Errorf("%d evaluations in a step, want 1 (read: %v)", n, read)
		}
	}
	before := b.Work()
	b.EndStep()
	if b.Work().Evaluations != before.Evaluations {
		t.Error("an empty step was evaluated")
	}
	kv.Free()
	other.Free()
}

// TestCloseFreesEverything: whatever is still held goes with the backend.
func TestCloseFreesEverything(t *testing.T) {
	b := open(t, Options{})
	before := b.Memory().Active
	d := newDecoder(t, b)
	kv := b.NewKV(d.layers)
	b.Keep(d.step(3, kv))
	b.EndStep()
	kv.Fork()
	c := b.c
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if held := c.Made - c.Freed; held != 0 {
		t.Errorf("%d handles are left", held)
	}
	if now := c.Memory().Active; now > before {
		t.Errorf("%d bytes are left, %d before", now, before)
	}
}

// TestHalfIsNear: in bfloat16 a model says nearly what it says in float32.
func TestHalfIsNear(t *testing.T) {
	ids := []token.ID{2, 50, 51, 52, 60, 71, 80, 90}
	run := func(half bool) []float32 {
		src, err := weights.Dir("../../../testdata/tiny/e/hf-bf16")
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		b := open(t, Options{Half: half})
		m, err := model.Open(src, b)
		if err != nil {
			t.Fatal(err)
		}
		kv := b.NewKV(m.KVLayers())
		defer kv.Free()
		x := m.Forward([]model.Row{{KV: kv, IDs: ids, Logits: 1}})
		defer b.EndStep()
		return b.Read(nil, x)
	}
	full, half := run(false), run(true)
	worst, most := 0.0, 0.0
	for i := range full {
		worst, most = max(worst, math.Abs(float64(full[i]-half[i]))), max(most, math.Abs(float64(full[i])))
	}
	t.Logf("logits to %.2g, off by at most %.2g", most, worst)
	if !(worst < 0.05*most) || worst == 0 {
		t.Errorf("logits to %v are off by %v, want a few hundredths", most, worst)
	}
}
