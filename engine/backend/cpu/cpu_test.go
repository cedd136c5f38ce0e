package cpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu/isa"
	"hark/engine/tensor"
	"hark/engine/tensor/tensortest"
	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// each runs test with every instruction set of this processor.
func each(t *testing.T, test func(t *testing.T)) {
	for _, l := range isa.Available() {
		t.Run("impl="+l.String(), func(t *testing.T) {
			defer isa.Use(isa.Use(l))
			test(t)
		})
	}
}

// eachMode does so with and without rounded activations.
func eachMode(t *testing.T, test func(t *testing.T, rounded bool)) {
	each(t, func(t *testing.T) {
		for _, rounded := range []bool{false, true} {
			t.Run(fmt.Sprintf("rounded=%v", rounded), func(t *testing.T) { test(t, rounded) })
		}
	})
}

// start makes a backend that ends with the test.
func start(t testing.TB, threads int) *Backend { return startWith(t, &Options{Threads: threads}) }

func startWith(t testing.TB, o *Options) *Backend {
	b := New(o)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

func TestBackendKeepsTheContract(t *testing.T) {
	each(t, func(t *testing.T) {
		b := start(t, 3)
		tensortest.Run(t, b)
		if b.pages.used != 0 {
			t.Errorf("%d pages are held after every cache was freed", b.pages.used)
		}
	})
}

func TestDeviceNamesInstructionsAndThreads(t *testing.T) {
	if got, want := start(t, 3).Device(), "cpu "+isa.Current().String()+" x3"; got != want {
		t.Errorf("Device = %q, want %q", got, want)
	}
	if got := start(t, 0).Device(); strings.HasSuffix(got, "x0") {
		t.Errorf("Device = %q, want as many threads as GOMAXPROCS", got)
	}
	New(nil).Close()
}

func TestCloseTwiceIsHarmless(t *testing.T) {
	b := New(&Options{Threads: 4})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestReleasedOperandPanics(t *testing.T) {
	b := start(t, 1)
	x := b.Input([]float32{1}, 1)
	b.EndStep()
	defer func() {
		if message := fmt.Sprint(recover()); !strings.Contains(message, "released") {
			t.Errorf("use after EndStep: %v, want a panic that says so", message)
		}
	}()
	b.Scale(x, 2)
}

// random is a source of test values.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, seed))} }

func (r random) floats(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return values
}

// affine makes a quantized matrix of random codes in groups of 64.
func (r random) affine(bits, out, in int) tensor.Stored { return r.affineOf(bits, 64, out, in) }

func (r random) affineOf(bits, group, out, in int) tensor.Stored {
	s := tensor.Stored{
		Name: fmt.Sprintf("q%dg%d", bits, group), Shape: []int{out, in},
		Format: tensor.Affine, Bits: bits, Group: group, Scale: tensor.BF16,
		Data: make([]byte, out*in*bits/8), Scales: make([]byte, out*in/group*2), Biases: make([]byte, out*in/group*2),
	}
	for i := range s.Data {
		s.Data[i] = byte(r.Uint32())
	}
	for i := 0; i < len(s.Scales); i += 2 {
		s.Scales[i], s.Scales[i+1] = byte(r.Uint32()), 0x3c // about 0.01
		s.Biases[i], s.Biases[i+1] = byte(r.Uint32()), 0xbe // about -0.2
	}
	return s
}

// bf16 makes an unquantized matrix of random values.
func (r random) bf16(out, in int) tensor.Stored {
	s := tensor.Stored{Name: "bf16", Shape: []int{out, in}, Format: tensor.BF16, Data: make([]byte, 2*out*in)}
	for i := 0; i < len(s.Data); i += 2 {
		s.Data[i], s.Data[i+1] = byte(r.Uint32()), 0x3c|byte(r.Uint32())&0x81
	}
	return s
}

// block is a decoder layer in small, enough to exercise what the engine runs
// for each token.
type block struct {
	b                          tensor.Backend
	heads, keyHeads, dim, size int
	q, k, v, o, gate, up, down tensor.Weight
	norm                       tensor.Tensor
	rotary                     tensor.Rotary
	layer                      tensor.KVLayer
}

func newBlock(t testing.TB, b tensor.Backend) *block {
	r := newRandom(3)
	m := &block{b: b, heads: 4, keyHeads: 2, dim: 32, size: 128}
	weight := func(out, in int) tensor.Weight {
		w, err := b.Weight(r.affine(8, out, in))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	m.q, m.o = weight(m.heads*m.dim, m.size), weight(m.size, m.heads*m.dim)
	m.k, m.v = weight(m.keyHeads*m.dim, m.size), weight(m.keyHeads*m.dim, m.size)
	m.gate, m.up, m.down = weight(320, m.size), weight(320, m.size), weight(m.size, 320)
	m.norm = b.Constant(r.floats(m.size), m.size)
	m.rotary = tensor.Rotary{Sections: 1, Freq: r.floats(m.dim / 2)}
	m.layer = tensor.KVLayer{Heads: m.keyHeads, Dim: m.dim, Window: 50, Rotary: &m.rotary}
	return m
}

func (m *block) cache() tensor.KV { return m.b.NewKV([]tensor.KVLayer{m.layer}) }

// forward runs the layer over rows that belong to segs.
func (m *block) forward(x tensor.Tensor, pos []int32, segs []tensor.Segment) tensor.Tensor {
	b, rows := m.b, len(pos)
	turns := b.Angles(&m.rotary, pos)
	n := b.RMSNorm(x, m.norm, 1e-6)
	q := b.Rope(b.Reshape(b.Linear(n, m.q, nil), rows, m.heads, m.dim), turns)
	k := b.Rope(b.Reshape(b.Linear(n, m.k, nil), rows, m.keyHeads, m.dim), turns)
	v := b.Reshape(b.Linear(n, m.v, nil), rows, m.keyHeads, m.dim)
	b.Store(0, k, v, segs)
	x = b.Add(x, b.Linear(b.Attention(0, q, segs, false), m.o, nil))
	n = b.RMSNorm(x, m.norm, 1e-6)
	x = b.Add(x, b.Linear(b.GatedGELU(b.Linear(n, m.gate, nil), b.Linear(n, m.up, nil)), m.down, nil))
	return b.SoftCap(x, 30)
}

// sequence runs one sequence in pieces and returns all rows.
func (m *block) sequence(x []float32, pieces ...int) []float32 {
	kv := m.cache()
	defer kv.Free()
	return m.continues(kv, x, pieces...)
}

// continues runs x behind what kv holds.
func (m *block) continues(kv tensor.KV, x []float32, pieces ...int) []float32 {
	var out []float32
	for i := 0; len(x) > 0; i++ {
		n, from := min(pieces[i%len(pieces)], len(x)/m.size), kv.Len()
		pos := make([]int32, n)
		for t := range pos {
			pos[t] = int32(from + t)
		}
		y := m.forward(m.b.Input(x[:n*m.size], n, m.size), pos, []tensor.Segment{{From: 0, To: n, KV: kv, Pos: from}})
		out = append(out, m.b.Read(nil, y)...)
		m.b.EndStep()
		x = x[n*m.size:]
	}
	return out
}

// TestBitsDoNotDependOnPiecesOrThreads runs a sequence at once, in pieces and
// token by token, on one thread and on several.
func TestBitsDoNotDependOnPiecesOrThreads(t *testing.T) {
	eachMode(t, func(t *testing.T, rounded bool) {
		const rows = 100
		x := newRandom(4).floats(rows * 128)
		for _, bits := range []int{0, 8} {
			var want []float32
			for _, threads := range []int{1, 4} {
				m := newBlock(t, startWith(t, &Options{Threads: threads, Rounded: rounded}))
				m.layer.Bits = bits
				for _, pieces := range [][]int{{rows}, {1}, {7}, {64, 3, 1}} {
					got := m.sequence(x, pieces...)
					if want == nil {
						want = got
					}
					if !slices.Equal(got, want) {
						t.Errorf("%d bits, %d threads, pieces of %v: other bits than one piece on one thread", bits, threads, pieces)
					}
				}
			}
		}
	})
}

// TestCutOfOneLayerEqualsComputingAnew cuts positions out of a model of one
// layer, whose keys and values depend on nothing but their own row.
func TestCutOfOneLayerEqualsComputingAnew(t *testing.T) {
	each(t, func(t *testing.T) {
		m := newBlock(t, start(t, 2))
		x := newRandom(9).floats(220 * m.size)
		for _, window := range []int{0, 50} {
			m.layer.Window = window
			for _, cut := range [][2]int{{0, 30}, {10, 75}, {64, 128}} {
				kv, fresh := m.cache(), m.cache()
				m.continues(kv, x[:200*m.size], 200)
				kv.Cut(cut[0], cut[1])
				m.continues(fresh, x[:cut[0]*m.size], 200)
				m.continues(fresh, x[cut[1]*m.size:200*m.size], 200)
				got, want := m.continues(kv, x[200*m.size:], 20), m.continues(fresh, x[200*m.size:], 20)
				for i, v := range got {
					if d := math.Abs(float64(v - want[i])); !(d <= 2e-4*(1+math.Abs(float64(want[i])))) {
						t.Fatalf("window %d, cut %v: value %d = %v, computed anew %v", window, cut, i, v, want[i])
					}
				}
				kv.Free()
				fresh.Free()
			}
		}
	})
}

// TestBitsDoNotDependOnTheBatch decodes three sequences at once and alone.
func TestBitsDoNotDependOnTheBatch(t *testing.T) {
	eachMode(t, func(t *testing.T, rounded bool) {
		m := newBlock(t, startWith(t, &Options{Threads: 2, Rounded: rounded}))
		r := newRandom(5)
		lengths := []int{3, 70, 12}
		var segs []tensor.Segment
		var x, want []float32
		var pos []int32
		for _, n := range lengths {
			own := r.floats((n + 5) * m.size)
			all := m.sequence(own, n, 5)
			want = append(want, all[n*m.size:]...)
			kv := m.cache()
			defer kv.Free()
			first := make([]int32, n)
			for i := range first {
				first[i] = int32(i)
			}
			m.forward(m.b.Input(own[:n*m.size], n, m.size), first, []tensor.Segment{{To: n, KV: kv}})
			segs = append(segs, tensor.Segment{From: len(pos), To: len(pos) + 5, KV: kv, Pos: n})
			x = append(x, own[n*m.size:]...)
			for i := range 5 {
				pos = append(pos, int32(n+i))
			}
		}
		got := m.b.Read(nil, m.forward(m.b.Input(x, len(pos), m.size), pos, segs))
		if !slices.Equal(got, want) {
			t.Error("a batch gives other bits than its sequences alone")
		}
	})
}

// TestWeightsNeedNoAlignment multiplies with float32 values in place and with
// the same ones at an odd address.
func TestWeightsNeedNoAlignment(t *testing.T) {
	each(t, func(t *testing.T) {
		b := start(t, 2)
		r := newRandom(8)
		var results [][]float32
		x := b.Constant(r.floats(3*100), 3, 100)
		values := r.floats(9 * 100)
		for _, offset := range []int{0, 1} {
			data := make([]byte, offset, offset+4*len(values))
			for _, v := range values {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			w, err := b.Weight(tensor.Stored{Name: "w", Shape: []int{9, 100}, Format: tensor.F32, Data: data[offset:]})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, b.Read(nil, b.Linear(x, w, nil)), b.Read(nil, b.Embed(w, []int32{8, 0}, 2)))
		}
		if !slices.Equal(results[0], results[2]) || !slices.Equal(results[1], results[3]) {
			t.Error("an odd address gives other values")
		}
	})
}

// TestWarmDecodeStepDoesNotAllocate counts what a step of one sequence and of
// several allocates in the backend; the shapes and segments that a caller makes
// are its own.
func TestWarmDecodeStepDoesNotAllocate(t *testing.T) {
	eachMode(t, func(t *testing.T, rounded bool) {
		b := startWith(t, &Options{Threads: 2, Rounded: rounded})
		m := newBlock(t, b)
		for _, rows := range []int{1, 5} {
			var segs []tensor.Segment
			for i := range rows {
				kv := m.cache()
				defer kv.Free()
				segs = append(segs, tensor.Segment{From: i, To: i + 1, KV: kv})
			}
			x, pos, shape := newRandom(6).floats(rows*m.size), make([]int32, rows), []int{rows, m.size}
			var out []float32
			step := func() {
				for _, s := range segs {
					s.KV.Truncate(0)
				}
				out = b.Read(out, m.forward(b.Input(x, shape...), pos, segs))
				b.EndStep()
			}
			step()
			// Three calls of Reshape through the interface make their shapes.
			if n := testing.AllocsPerRun(100, step); n > 3 {
				t.Errorf("a step of %d rows makes %v allocations, want 3 at most", rows, n)
			}
		}
	})
}
