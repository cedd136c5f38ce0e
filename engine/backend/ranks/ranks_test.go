package ranks

import (
	"context"
	"errors"
	"fmt"
	"math"
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
		list[i].next = math.MaxUint32 - 100 // as after days of work
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
			if err := b.Join(context.Background(), far, secret); err != nil {
				t.Error(err)
				return
			}
			if err := b.Follow(context.Background(), far, func(error) {}); err != nil {
				t.Error(err)
			}
		})
	}
	if err := list[0].Lead(t.Context(), conns, secret, func(err error) { t.Error(err) }); err != nil {
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
