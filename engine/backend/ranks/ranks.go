// Package ranks divides a model among several machines, each with its part of
// the weights: tensor parallelism. All ranks run the same operations. The
// first, the leader, is driven by an engine and tells the others each
// operation over a connection; they, the followers, do the same with their own
// parts. Where a product needs what the others have, their devices exchange it
// through a Group, MLX's ring for one.
//
// A matrix is divided by its outputs, so that every output is computed on one
// rank in the order of one machine, and results are the same bits as without
// ranks where the device's kernels do not change with the number of outputs.
// The experts of a mixture are divided by their inner width and summed.
// Activations, norms and KV caches are on every rank.
//
// Both ends of a connection prove that they have the same secret before anything
// else is said, but what follows is neither encrypted nor signed: ranks belong on
// a network of their own.
//
// Start reading at New, then Backend.Linear and Backend.Follow.
package ranks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"net"
	"sync/atomic"
	"time"

	"hark/engine/tensor"
)

// Group exchanges activations among the devices of all ranks. Each rank must
// make the same calls in the same order.
type Group interface {
	// Rank is this one's number, 0 for the leader; Size their number.
	Rank() int
	Size() int
	// GatherRows joins the ranks' x along the first axis, in their order.
	GatherRows(x tensor.Tensor) tensor.Tensor
	// GatherCols joins the ranks' x along the last axis, in their order.
	GatherCols(x tensor.Tensor) tensor.Tensor
	// Sum adds the ranks' x, of the same shape everywhere.
	Sum(x tensor.Tensor) tensor.Tensor
}

// Errors that callers tell apart.
var (
	// ErrLost is what a leader says once a follower is gone. The model has to be
	// started again on all ranks.
	ErrLost = errors.New("ranks: a follower is gone")
	// ErrStranger is what Join says of somebody who is no rank of this model.
	ErrStranger = errors.New("no rank of the same file of hosts and version of hark")
)

// smallest is the number of values up to which a matrix is held whole on every
// rank: computing it is quicker than asking.
const smallest = 1 << 16

// Backend is one rank's part of a divided backend. Its methods must be called
// from one goroutine at a time.
type Backend struct {
	inner tensor.Backend
	group Group
	whole int // matrices of so many values or fewer are not divided

	conns []net.Conn // the leader's, one to each follower
	out   []byte     // what is not sent yet
	lost  atomic.Pointer[error]
	gone  func(error)   // is told of lost
	quit  chan struct{} // closed by hangUp
	done  chan struct{} // of who watches and who beats, one each
	pulse time.Duration // between two beats
	quiet time.Duration // how long none may come
	loads hash.Hash64   // of what the model took

	next    uint64   // numbers are never used again: a week of work makes more than 32 bits hold
	step    []uint64 // made in this step
	tensors map[uint64]*ref
	kvs     map[uint64]*kv
	angles  map[uint64]*angles
	weights []*weight
	rotary  map[*tensor.Rotary]uint32
	rotated []*tensor.Rotary // by number, from 1
	kernel  map[*tensor.Convolution]uint32
	kernels []*tensor.Convolution // by number, from 1

	segs []tensor.Segment // of the operation being made
}

var _ tensor.Backend = (*Backend)(nil)

// ref is a tensor with the number by which all ranks know it.
type ref struct {
	tensor.Tensor
	id   uint64
	kept bool
}

// angles are turns with their number.
type angles struct {
	inner tensor.Angles
	id    uint64
}

// New divides inner, the device of one rank, which it closes with itself.
func New(inner tensor.Backend, g Group) *Backend {
	return &Backend{
		inner: inner, group: g, whole: smallest, loads: fnv.New64a(), pulse: pulseTime, quiet: silence,
		tensors: map[uint64]*ref{}, kvs: map[uint64]*kv{}, angles: map[uint64]*angles{},
		rotary: map[*tensor.Rotary]uint32{}, kernel: map[*tensor.Convolution]uint32{},
	}
}

// Device says what computes.
func (b *Backend) Device() string {
	return fmt.Sprintf("%s, rank %d of %d", b.inner.Device(), b.group.Rank(), b.group.Size())
}

// Precision is that of this rank's device, divided.
func (b *Backend) Precision() string {
	inner := b.inner.Device()
	if p, ok := b.inner.(tensor.Precise); ok {
		inner = p.Precision()
	}
	return fmt.Sprintf("%s, %d ranks", inner, b.group.Size())
}

// ValueBytes is that of this rank's device.
func (b *Backend) ValueBytes() int {
	if p, ok := b.inner.(tensor.Precise); ok {
		return p.ValueBytes()
	}
	return 4
}

// Close ends the followers, if this is the leader, and frees everything.
func (b *Backend) Close() error {
	if b.conns != nil {
		b.tell(opClose)
		over := net.ErrClosed
		b.lost.CompareAndSwap(nil, &over) // followers that go now are not lost
		b.flush()
		b.hangUp()
	}
	return b.inner.Close()
}

// number gives what was made the next number.
func (b *Backend) number() uint64 {
	b.next++
	return b.next
}

// made lists a tensor of the step.
func (b *Backend) made(x tensor.Tensor) tensor.Tensor {
	r := &ref{Tensor: x, id: b.number()}
	if b.follows() {
		b.tensors[r.id] = r
		b.step = append(b.step, r.id)
	}
	return r
}

// follows reports whether operations come by number.
func (b *Backend) follows() bool { return b.group.Rank() != 0 }

// in returns the device's tensor behind an operand, nil for nil.
func in(x tensor.Tensor) tensor.Tensor {
	if x == nil {
		return nil
	}
	return x.(*ref).Tensor
}

// EndStep ends the step on all ranks.
func (b *Backend) EndStep() {
	b.tell(opEndStep)
	b.flush()
	b.inner.EndStep()
	for _, id := range b.step {
		if r := b.tensors[id]; r != nil && !r.kept {
			delete(b.tensors, id)
		}
	}
	b.step = b.step[:0]
	clear(b.angles)
}

// Constant makes a tensor that lives until Close.
func (b *Backend) Constant(data []float32, shape ...int) tensor.Tensor {
	r := &ref{Tensor: b.inner.Constant(data, shape...), id: b.number(), kept: true}
	if b.conns == nil {
		binary.Write(b.loads, binary.LittleEndian, data)
	}
	if b.follows() {
		b.tensors[r.id] = r
	}
	b.tell(opConstant).floats(data).ints(shape)
	return r
}

// Input makes a tensor of host values.
func (b *Backend) Input(data []float32, shape ...int) tensor.Tensor {
	x := b.made(b.inner.Input(data, shape...))
	b.tell(opInput).floats(data).ints(shape)
	return x
}

// Read evaluates x on all ranks and appends its values to dst[:0].
func (b *Backend) Read(dst []float32, x tensor.Tensor) []float32 {
	b.tell(opRead).tensor(x)
	b.meet()
	return b.inner.Read(dst, in(x))
}

// Keep makes x survive EndStep until it is freed.
func (b *Backend) Keep(x tensor.Tensor) tensor.Tensor {
	b.inner.Keep(in(x))
	x.(*ref).kept = true
	b.tell(opKeep).tensor(x)
	return x
}

// Free releases a kept tensor, or one of the step before its end.
func (b *Backend) Free(x tensor.Tensor) {
	if x == nil {
		return
	}
	b.tell(opFree).tensor(x)
	b.inner.Free(in(x))
	delete(b.tensors, x.(*ref).id)
}

// Mark returns a place in the step.
func (b *Backend) Mark() int { return b.inner.Mark() }

// Sweep releases what the step made since mark but x.
func (b *Backend) Sweep(mark int, x tensor.Tensor) tensor.Tensor {
	b.inner.Sweep(mark, in(x))
	b.tell(opSweep).int(mark).tensor(x)
	return x
}

// Name names x on this rank alone.
func (b *Backend) Name(x tensor.Tensor, name string) tensor.Tensor {
	b.inner.Name(in(x), name)
	return x
}
