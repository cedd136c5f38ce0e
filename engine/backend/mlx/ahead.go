package mlx

import (
	"fmt"
	"time"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

var _ tensor.Ahead = (*Backend)(nil)

// flight is an evaluation that was begun and not waited for. There is one
// stream, so flights land in their order.
type flight struct {
	number int64      // counts flights, from 1
	h      mlxc.Array // of its results one, to wait for
	caches []*cache   // whose content it makes
}

// inPlace is the size of caches from which on a step is begun only when the one
// before is over. MLX writes into an array in place if nothing else holds it,
// and a step that computes holds the caches it reads: one that is begun
// meanwhile would copy them, at the price of memory and of bandwidth. It is
// recorded meanwhile all the same.
const inPlace = 32 << 20

// Begin begins the evaluation of what is pending; see tensor.Ahead.
func (b *Backend) Begin() {
	if len(b.flights) > 0 && b.written() > b.inPlace {
		b.waits = true // ReadPicked begins it
		b.built()
		return
	}
	if err := b.begin(); err != nil {
		panic(&tensor.DeviceError{Op: "Begin", Err: err})
	}
}

// written returns the memory of the caches in which something was stored.
func (b *Backend) written() (bytes int64) {
	for _, c := range b.dirty {
		bytes += c.Bytes()
	}
	return bytes
}

// begin is Begin that tells of an error; then the caches are lost.
func (b *Backend) begin() error {
	list := b.pending()
	b.built()
	b.waits = false
	if len(list) == 0 {
		b.evaluated()
		return nil
	}
	b.work.Evaluations++
	began := time.Now()
	err := b.c.AsyncEval(list) // may wait: MLX lets few kernels queue up
	b.work.Waiting += time.Since(began)
	if err != nil {
		b.spoil(err)
		return err
	}
	b.takeoffs++
	for _, a := range b.keepers {
		a.flight = b.takeoffs
	}
	b.flights = append(b.flights, flight{b.takeoffs, b.c.Again(list[0]), append([]*cache(nil), b.dirty...)})
	b.evaluated()
	return nil
}

// EndStep begins the evaluation of what is pending, waits for all that was begun
// before, and releases the step's tensors. So the next step is recorded while
// this one computes, and no more than one is ahead. What fails here is told to
// who uses the caches next.
func (b *Backend) EndStep() {
	defer b.forget()
	defer b.arena.endStep(b.c)
	if b.begin() == nil {
		b.wait(b.takeoffs - 1)
	}
}

// wait waits for the flights up to a number. If one failed, the caches that it
// should have filled are lost, which who uses them next is told.
func (b *Backend) wait(number int64) {
	for len(b.flights) > 0 && b.flights[0].number <= number {
		began := time.Now()
		err := b.c.Wait(b.flights[0].h)
		b.work.Waiting += time.Since(began)
		b.land(1, err)
	}
}

// settle waits for all that was begun.
func (b *Backend) settle() { b.wait(b.takeoffs) }

// land notes that the first n flights are over.
func (b *Backend) land(n int, err error) {
	for i := range n {
		f := &b.flights[i]
		if err != nil {
			lose(f.caches, err)
		}
		b.c.Free(f.h)
	}
	rest := copy(b.flights, b.flights[n:])
	clear(b.flights[rest:])
	b.flights = b.flights[:rest]
}

// landed notes that all flights are over.
func (b *Backend) landed(err error) { b.land(len(b.flights), err) }

// ReadPicked waits for ids that were picked; see tensor.Ahead.
func (b *Backend) ReadPicked(dst []int32, ids tensor.Tensor) []int32 {
	a := in("ReadPicked", ids)
	n := a.last()
	var err error
	if a.flight == 0 {
		err = b.evaluate(a.h)
	} else {
		began := time.Now()
		err = b.c.Wait(a.h)
		b.work.Waiting += time.Since(began)
		over := 0
		for over < len(b.flights) && b.flights[over].number <= a.flight {
			over++
		}
		b.land(over, err)
		if b.waits && err == nil {
			b.begin() // if it fails, who reads what it makes is told
		}
	}
	if err != nil {
		panic(&tensor.DeviceError{Op: "ReadPicked", Err: err})
	}
	values := b.c.Int32s(a.h, 2*n)
	dst = append(dst[:0], values[:n]...)
	for i, good := range values[n:] {
		if good == 0 {
			dst[i] = -1
		}
	}
	return dst
}

// EmbedPicked is Embed of ids that were picked; see tensor.Ahead.
func (b *Backend) EmbedPicked(w tensor.Weight, ids tensor.Tensor, index []int, scale float32) tensor.Tensor {
	m, a := matrix("EmbedPicked", w, 2), in("EmbedPicked", ids)
	n := a.last()
	for _, i := range index {
		if i < 0 || i >= n {
			panic(&tensor.ShapeError{Op: "EmbedPicked: number", Got: []int{i}, Want: []int{n}})
		}
	}
	if len(index) == 0 || !consecutive(index) {
		flat := b.temp(b.c.Reshape(a.h, 2*n))
		return b.embed("EmbedPicked", m, b.temp(b.c.Take(flat, b.index(index), 0)), len(index), scale)
	}
	h := b.temp(b.c.Slice(a.h, []int{0, index[0]}, []int{1, index[0] + len(index)}))
	return b.embed("EmbedPicked", m, b.temp(b.c.Reshape(h, len(index))), len(index), scale)
}

// Extend takes back a Truncate; see tensor.Ahead.
func (b *Backend) Extend(kv tensor.KV, n int) {
	c := kv.(*cache)
	for i := range c.layers {
		if l := &c.layers[i]; n < l.n || n > l.first+l.room {
			panic(fmt.Sprintf("mlx: Extend to %d of %d positions", n, l.n))
		}
		c.layers[i].n = n
	}
}
