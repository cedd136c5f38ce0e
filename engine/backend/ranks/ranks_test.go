package ranks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"hark/engine/backend/cpu"
	_ "hark/engine/model/gemma4"
	"hark/engine/model/modeltest"
	"hark/engine/tensor"
	"hark/engine/tensor/tensortest"
	"hark/engine/weights"
	"hark/internal/leak"
)

// ring exchanges values among the backends of one process.
type ring struct {
	rank  int
	b     tensor.Backend
	boxes [][]chan part // [from][to]
	gone  <-chan struct{}
}

type part struct {
	data  []float32
	shape []int
}

func (g *ring) Rank() int { return g.rank }
func (g *ring) Size() int { return len(g.boxes) }

// all returns the ranks' x.
func (g *ring) all(x tensor.Tensor) []part {
	mine := part{slices.Clone(g.b.Read(nil, x)), slices.Clone(x.Shape())}
	for to := range g.boxes {
		if to != g.rank {
			g.boxes[g.rank][to] <- mine
		}
	}
	list := make([]part, len(g.boxes))
	for from := range g.boxes {
		if from == g.rank {
			list[from] = mine
			continue
		}
		select {
		case list[from] = <-g.boxes[from][g.rank]:
		case <-g.gone:
			panic(&tensor.DeviceError{Op: "exchange", Err: errors.New("the ring is broken")})
		}
	}
	return list
}

func (g *ring) GatherRows(x tensor.Tensor) tensor.Tensor {
	var data []float32
	for _, p := range g.all(x) {
		data = append(data, p.data...)
	}
	shape := slices.Clone(x.Shape())
	shape[0] *= g.Size()
	return g.b.Input(data, shape...)
}

func (g *ring) GatherCols(x tensor.Tensor) tensor.Tensor {
	shape := slices.Clone(x.Shape())
	n := shape[len(shape)-1]
	var data []float32
	list := g.all(x)
	for r := range len(list[0].data) / n {
		for _, p := range list {
			data = append(data, p.data[r*n:(r+1)*n]...)
		}
	}
	shape[len(shape)-1] *= g.Size()
	return g.b.Input(data, shape...)
}

func (g *ring) Sum(x tensor.Tensor) tensor.Tensor {
	sum := make([]float32, len(g.b.Read(nil, x)))
	for _, p := range g.all(x) {
		for i, v := range p.data {
			sum[i] += v
		}
	}
	return g.b.Input(sum, x.Shape()...)
}

// divided makes a backend of size ranks of one thread each. load is done on
// every rank before the first leads.
func divided(t *testing.T, size int, load func(b tensor.Backend)) *Backend {
	t.Helper()
	gone := make(chan struct{})
	boxes := make([][]chan part, size)
	for i := range boxes {
		for range size {
			boxes[i] = append(boxes[i], make(chan part, 1))
		}
	}
	list := make([]*Backend, size)
	for i := range list {
		device := cpu.New(&cpu.Options{Threads: 1})
		list[i] = New(device, &ring{rank: i, b: device, boxes: boxes, gone: gone})
		list[i].whole = 0
	}
	var loading sync.WaitGroup
	for _, b := range list {
		loading.Go(func() { load(b) })
	}
	loading.Wait()
	secret := [32]byte{1, 2, 3}
	var followers sync.WaitGroup
	var conns []net.Conn
	for _, b := range list[1:] {
		near, far := pipe(t)
		conns = append(conns, near)
		followers.Go(func() {
			defer b.Close()
			if err := b.Join(far, secret); err != nil {
				t.Error(err)
				return
			}
			if err := b.Follow(context.Background(), far); err != nil {
				t.Error(err)
			}
		})
	}
	if err := list[0].Lead(conns, secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		list[0].Close()
		close(gone)
		followers.Wait()
	})
	return list[0]
}

// pipe returns the ends of a connection on loopback.
func pipe(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if near, err = Dial(ctx, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// TestContract: a divided backend is a backend.
func TestContract(t *testing.T) {
	for _, size := range []int{2, 3} {
		t.Run(fmt.Sprintf("ranks=%d", size), func(t *testing.T) {
			leak.Check(t)
			tensortest.Run(t, divided(t, size, func(tensor.Backend) {}))
		})
	}
}

// TestGoldens: a divided model says what the reference says, experts too.
func TestGoldens(t *testing.T) {
	for _, form := range []string{"dense", "moe"} {
		t.Run(form, func(t *testing.T) {
			const tiny = "../../../testdata/tiny/"
			src, err := weights.Dir(tiny + form + "/hf-bf16")
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			g, err := modeltest.ReadGolden(tiny + form + "/golden-hf.safetensors")
			if err != nil {
				t.Fatal(err)
			}
			c := modeltest.Case{Source: src, Golden: g, Prompts: g, Backend: func() tensor.Backend {
				return divided(t, 2, func(tensor.Backend) {})
			}}
			if g.Has("text.logits_bf16_scale") {
				c.Logits = "text.logits_bf16_scale"
			}
			modeltest.Run(t, c)
		})
	}
}

// TestALostFollowerIsAnError: what needs the others fails, and nothing hangs.
func TestALostFollowerIsAnError(t *testing.T) {
	leak.Check(t)
	device := cpu.New(&cpu.Options{Threads: 1})
	gone := make(chan struct{})
	boxes := [][]chan part{{nil, make(chan part, 9)}, {make(chan part, 9), nil}}
	b := New(device, &ring{b: device, boxes: boxes, gone: gone})
	b.whole = 0
	near, far := pipe(t)
	other := New(device, &ring{rank: 1, b: device, boxes: boxes})
	joined := make(chan error)
	go func() { joined <- other.Join(far, [32]byte{}) }()
	if err := b.Lead([]net.Conn{near}, [32]byte{}); err != nil {
		t.Fatal(err)
	}
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	w, err := b.Weight(tensor.Stored{Name: "w", Shape: []int{2, 1}, Format: tensor.F32, Data: make([]byte, 8)})
	if err != nil {
		t.Fatal(err)
	}
	x := b.Input([]float32{1}, 1, 1)
	far.Close()
	close(gone)
	<-b.done // the watcher saw it
	b.done <- struct{}{}
	func() {
		defer func() {
			err, ok := recover().(*tensor.DeviceError)
			if !ok || !errors.Is(err, ErrLost) {
				t.Errorf("a product panicked with %v, want ErrLost", err)
			}
		}()
		b.Linear(x, w, nil)
	}()
	b.EndStep() // goes on, so that the engine can end
	b.NewKV(nil).Free()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnotherModelIsRefused: a follower that loaded something else would
// compute nonsense.
func TestAnotherModelIsRefused(t *testing.T) {
	leak.Check(t)
	near, far := pipe(t)
	defer near.Close()
	defer far.Close()
	backend := func(rank int) *Backend {
		device := cpu.New(&cpu.Options{Threads: 1})
		t.Cleanup(func() { device.Close() })
		return New(device, &ring{rank: rank, b: device, boxes: make([][]chan part, 2)})
	}
	leader, follower := backend(0), backend(1)
	if _, err := follower.Weight(tensor.Stored{Name: "w", Shape: []int{1, 1}, Format: tensor.F32, Data: make([]byte, 4)}); err != nil {
		t.Fatal(err)
	}
	var joined error
	done := make(chan struct{})
	go func() {
		joined = follower.Join(far, [32]byte{})
		close(done)
	}()
	err := leader.Lead([]net.Conn{near}, [32]byte{})
	<-done
	if err == nil || joined == nil {
		t.Errorf("led: %v, joined: %v, want errors", err, joined)
	}
}
