//go:build mlx

package mlx

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"hark/engine/tensor"
)

// deviceError runs f and returns the *tensor.DeviceError that it panics with.
func deviceError(t *testing.T, f func()) (err *tensor.DeviceError) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			var ok bool
			if err, ok = p.(*tensor.DeviceError); !ok {
				panic(p)
			}
		}
	}()
	f()
	return nil
}

// TestMemoryLimit: what would go beyond the limit fails with both sizes, and
// what is held stays of use.
func TestMemoryLimit(t *testing.T) {
	b := open(t, Options{})
	d := newDecoder(t, b)
	b.limit = b.Memory().Active + 24<<20
	_, err := b.Weight(tensor.Stored{Name: "big", Shape: []int{1 << 13, 1 << 12}, Format: tensor.BF16, Data: make([]byte, 1<<26)})
	if err == nil || !strings.Contains(err.Error(), "out of memory") || !strings.Contains(err.Error(), "64.0 MiB") {
		t.Errorf("Weight = %v, want that 64 MiB are too much", err)
	}
	wide := []tensor.KVLayer{{Heads: 64, Dim: 64}}
	kv, small := b.NewKV(wide), b.NewKV(d.layers)
	x := b.Input(make([]float32, 64*64*64), 64, 64, 64)
	var failed *tensor.DeviceError
	for n := 0; failed == nil && n < 64; n++ {
		failed = deviceError(t, func() {
			b.Store(0, x, x, []tensor.Segment{{To: 64, KV: kv, Pos: kv.Len()}})
		})
	}
	if failed == nil || !strings.Contains(failed.Error(), "out of memory") {
		t.Fatalf("%v, want out of memory", failed)
	}
	b.EndStep()
	held := kv.Len()
	if held == 0 || held%64 != 0 {
		t.Errorf("%d positions are held", held)
	}
	kv.Truncate(64)
	b.Store(0, b.Input(make([]float32, 64*64), 1, 64, 64), b.Input(make([]float32, 64*64), 1, 64, 64), []tensor.Segment{{To: 1, KV: kv, Pos: 64}})
	b.EndStep()
	kv.Free() // others have the memory now
	b.Read(nil, d.step(2, small))
	b.EndStep()
	small.Free()
}

// TestLostCacheIsReadInAgain: what an evaluation that failed took with it is
// not restorable, and serves again when it is empty.
func TestLostCacheIsReadInAgain(t *testing.T) {
	b := open(t, Options{})
	d := newDecoder(t, b)
	kv := b.NewKV(d.layers)
	d.step(5, kv)
	b.spoil(errors.New("no memory")) // as after an evaluation that failed
	b.EndStep()
	if kv.Restorable(3) || kv.Cuttable(1, 2) || !kv.Restorable(0) {
		t.Error("a lost cache is restorable, or cannot be emptied")
	}
	if err := deviceError(t, func() { d.step(1, kv) }); err == nil || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("a step on a lost cache: %v", err)
	}
	if _, err := kv.WriteTo(&strings.Builder{}); err == nil {
		t.Error("a lost cache was saved")
	}
	kv.Truncate(2) // as the engine does with a sequence that failed
	kv.Truncate(0)
	b.Read(nil, d.step(5, kv))
	b.EndStep()
	d.step(1, kv)
	b.EndStep()
	b.landed(errors.New("no memory")) // as after one that was begun and failed
	if kv.Restorable(3) {
		t.Error("a cache lost behind the step is restorable")
	}
	kv.Free()
}

// TestNoGraphicsProcessor: where MLX has none, asking for one is an error that
// says so.
func TestNoGraphicsProcessor(t *testing.T) {
	if b := open(t, Options{}); b.c.Has(1) {
		return // a Mac
	}
	if _, err := New(&Options{Library: *library, Device: GPU}); !errors.Is(err, ErrNoGPU) {
		t.Errorf("New = %v, want ErrNoGPU", err)
	}
	if _, err := New(&Options{Library: *library, Device: "abacus"}); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("New = %v, want that there is no such device", err)
	}
}

// TestSharedWeights: a large matrix that lies anywhere in a page is the same
// whether its pages are shared or its bytes copied.
func TestSharedWeights(t *testing.T) {
	b := open(t, Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	const out, in = 1024, 2048
	memory := make([]byte, out*in/2+1<<13)
	for i := range memory {
		memory[i] = byte(rng.UintN(256))
	}
	scales := make([]byte, out*in/64*4)
	for i := range scales {
		scales[i] = []byte{0, 0, 0, 0x3c}[i%4]
	}
	x := make([]float32, in)
	for i := range x {
		x[i] = rng.Float32()
	}
	for _, offset := range []int{0, 4, 4092, 4100, 3} {
		s := tensor.Stored{
			Name: "w", Shape: []int{out, in}, Format: tensor.Affine, Bits: 4, Group: 64, Scale: tensor.F32,
			Data: memory[offset : offset+out*in/2], Scales: scales, Biases: scales,
		}
		var got [2][]float32
		for i := range got {
			b.gpu = i == 1
			w, err := b.Weight(s)
			b.gpu = false
			if err != nil {
				t.Fatal(err)
			}
			got[i] = b.Read(nil, b.Linear(b.Input(x, 1, in), w, nil))
			b.EndStep()
		}
		for i := range got[0] {
			if got[0][i] != got[1][i] {
				t.Fatalf("offset %d, value %d: %v shared, %v copied", offset, i, got[1][i], got[0][i])
			}
		}
	}
}

// TestOneBitCodes: codes of one bit, which MLX has not, are doubled.
func TestOneBitCodes(t *testing.T) {
	b := open(t, Options{})
	s := tensor.Stored{
		Name: "w", Shape: []int{2, 32}, Format: tensor.Affine, Bits: 1, Group: 32, Scale: tensor.F32,
		Data: []byte{0xff, 0x01, 0, 0x80, 1, 2, 3, 4}, Scales: []byte{0, 0, 0, 0x40, 0, 0, 0, 0x40}, Biases: []byte{0, 0, 0x80, 0xbf, 0, 0, 0x80, 0xbf},
	}
	w, err := b.Weight(s)
	if err != nil {
		t.Fatal(err)
	}
	got := b.Read(nil, b.Embed(w, []int32{0, 1}, 1))
	want := make([]float32, 32)
	for r := range 2 {
		tensor.DecodeRow(want, &s, r)
		for i, v := range want {
			if got[r*32+i] != v {
				t.Errorf("row %d, value %d: %v, want %v", r, i, got[r*32+i], v)
			}
		}
	}
	b.EndStep()
}

// TestManyNumbers: an operation's numbers live until it is recorded, also where
// too many are known by then.
func TestManyNumbers(t *testing.T) {
	b := open(t, Options{})
	x := b.Input([]float32{-9, 0.5, 9}, 1, 3)
	for i := range maxScalars + 64 {
		b.scalar(float32(i + 100))
		if i >= maxScalars-8 {
			if got := b.Read(nil, b.Clamp(x, -1-float32(i), 1+float32(i)/1e6)); got[0] != -9 || got[2] != 1+float32(i)/1e6 {
				t.Fatalf("%v", got)
			}
		}
	}
	b.EndStep()
}

// TestTablesStayAsTheyAre: a matrix of 16 bits that is only looked up is not
// widened, and says what it says.
func TestTablesStayAsTheyAre(t *testing.T) {
	b := open(t, Options{})
	const rows, width = 512, 256
	s := tensor.Stored{Name: "table", Shape: []int{rows, width}, Format: tensor.BF16, Data: make([]byte, 2*rows*width), Table: true}
	for i := range rows * width {
		s.Data[2*i+1], s.Data[2*i] = 0x3f, byte(i%251)
	}
	before := b.Memory().Active
	w, err := b.Weight(s)
	if err != nil {
		t.Fatal(err)
	}
	if grown := b.Memory().Active - before; grown > 2*rows*width+1<<16 {
		t.Errorf("%d bytes of values take %d", 2*rows*width, grown)
	}
	want, x := make([]float32, width), make([]float32, width)
	tensor.DecodeRow(want, &s, 3)
	for i, got := range b.Read(nil, b.Embed(w, []int32{3}, 2)) {
		if got != 2*want[i] {
			t.Fatalf("value %d: %v, want %v", i, got, 2*want[i])
		}
	}
	x[5] = 1
	if got := b.Read(nil, b.Linear(b.Input(x, 1, width), w, nil)); got[3] != want[5] {
		t.Errorf("multiplied: %v, want %v", got[3], want[5])
	}
	b.EndStep()
}
