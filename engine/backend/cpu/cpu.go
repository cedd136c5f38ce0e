// Package cpu computes on the processor, eagerly: an operation is done when
// its method returns. Activations are float32 throughout, weights are read
// where they lie and unpacked a few rows at a time.
//
// The bits of a result row depend on that row's operands only: not on other
// rows of the batch, not on how positions were cut into forwards, not on the
// number of threads.
//
// Start reading at New.
package cpu

import (
	"fmt"

	"hark/engine/backend/cpu/isa"
	"hark/engine/tensor"
)

// Options are the choices of a backend. The zero value works.
type Options struct {
	// Threads is the number of goroutines that compute, the caller's
	// included; 0 means what Cores says.
	Threads int
	// Rounded rounds activations to 8 bits, in groups of 32 or 64, before
	// products with weights of 4 or 8 bits. These take a fraction of the time
	// then, and err by what docs/performance.md says. Without it all is float32.
	Rounded bool
}

// Backend implements tensor.Backend. Its methods must be called from one
// goroutine at a time.
type Backend struct {
	arena   arena
	pool    *pool
	scratch []scratch // one a worker
	pages   pages
	jobs    jobs
	angles  []*angles // of the step, then free: see Angles
	turns   int       // angles in use this step
	split   int       // see splitValues
	work    Work
	rounded bool
	copier  copier
	last    *weight // that was multiplied with few rows
}

// jobs are the operations' jobs, kept so that posting one allocates nothing.
type jobs struct {
	rows      rowsJob
	linear    linearJob
	pack      packJob
	round     roundJob
	strip     stripJob
	attend    attendJob
	split     splitJob
	full      fullJob
	local     localJob
	conv      convJob
	subsample subsampleJob
	rope      ropeJob
	norm      normJob
	experts   expertsWork
}

var (
	_ tensor.Backend = (*Backend)(nil)
	_ tensor.Precise = (*Backend)(nil)
)

// New starts a backend. o may be nil. Close ends it. It raises GOMAXPROCS above
// the number of threads, see spareProcessors.
func New(o *Options) *Backend {
	threads := Cores(0)
	if o != nil {
		threads = Cores(o.Threads)
	}
	spareProcessors(threads)
	return &Backend{
		pool: newPool(threads), scratch: make([]scratch, threads), split: splitValues, rounded: o != nil && o.Rounded,
		copier: copier{least: leastCopied, step: copiedStep},
	}
}

// Device returns the instruction set and the number of threads.
func (b *Backend) Device() string { return Describe(b.pool.size) }

// Precision returns the instruction set and whether activations are rounded.
func (b *Backend) Precision() string {
	if b.rounded {
		return fmt.Sprintf("cpu %v rounded", isa.Current())
	}
	return fmt.Sprintf("cpu %v", isa.Current())
}

// ValueBytes returns the size of a float32.
func (b *Backend) ValueBytes() int { return 4 }

// Describe returns what a backend of so many threads calls itself.
func Describe(threads int) string { return fmt.Sprintf("cpu %v x%d", isa.Current(), threads) }

// Work is what a backend was asked to compute since it started.
type Work struct {
	Products    int64 // of activations with weights, and of attention
	WeightBytes int64 // of weights multiplied with, as they are stored
}

// Work returns the work so far. Speed is what it grows by in some time.
func (b *Backend) Work() Work { return b.work }

// Close ends the workers and drops all memory. It may be called again.
func (b *Backend) Close() error {
	b.pool.close()
	b.copier.close()
	b.arena, b.pages = arena{}, pages{}
	b.scratch = make([]scratch, b.pool.size)
	return nil
}

// Input makes a tensor of host values.
func (b *Backend) Input(data []float32, shape ...int) tensor.Tensor {
	a := b.arena.alloc(shape...)
	same("Input", []int{len(data)}, len(a.data))
	copy(a.data, data)
	return a
}

// Constant makes a tensor that lives until Close.
func (b *Backend) Constant(data []float32, shape ...int) tensor.Tensor {
	a := b.arena.constant(shape)
	same("Constant", []int{len(data)}, len(a.data))
	copy(a.data, data)
	return a
}

// Read appends x's values to dst[:0].
func (b *Backend) Read(dst []float32, x tensor.Tensor) []float32 {
	return append(dst[:0], in("Read", x).data...)
}

// Keep makes x survive EndStep until it is freed.
func (b *Backend) Keep(x tensor.Tensor) tensor.Tensor {
	in("Keep", x).kept = true
	return x
}

// Free releases a kept tensor; nil is ignored. A tensor of the step may be
// freed too, before the step ends.
func (b *Backend) Free(x tensor.Tensor) {
	if a, ok := x.(*array); ok && a != nil {
		b.arena.release(a)
	}
}

// Mark returns how many tensors the step has made.
func (b *Backend) Mark() int { return len(b.arena.step) }

// Sweep releases the tensors made since mark but x; see tensor.Ops.
func (b *Backend) Sweep(mark int, x tensor.Tensor) tensor.Tensor {
	b.arena.sweep(mark, in("Sweep", x))
	return x
}

// EndStep releases the step's tensors.
func (b *Backend) EndStep() {
	b.copySome()
	b.arena.endStep()
	b.turns = 0
}

// Name returns x: the backend has no tracer.
func (b *Backend) Name(x tensor.Tensor, name string) tensor.Tensor { return x }

// in returns the array behind an operand. One that was released panics.
func in(op string, x tensor.Tensor) *array {
	a, ok := x.(*array)
	if !ok {
		panic(fmt.Sprintf("cpu: %s: operand is %T, not a tensor of this backend", op, x))
	}
	if a.buf == nil {
		panic(fmt.Sprintf("cpu: %s: operand was released", op))
	}
	return a
}

// optional is in for an operand that may be nil.
func optional(op string, x tensor.Tensor) *array {
	if x == nil {
		return nil
	}
	return in(op, x)
}

// same panics unless the sizes got are want.
func same(op string, got []int, want ...int) {
	if len(got) == len(want) {
		equal := true
		for i, size := range got {
			equal = equal && size == want[i]
		}
		if equal {
			return
		}
	}
	panic(&tensor.ShapeError{Op: op, Got: append([]int(nil), got...), Want: append([]int(nil), want...)})
}

// axes panics unless x has n axes.
func axes(op string, x *array, n int) {
	if x.axes != n {
		panic(&tensor.ShapeError{Op: op + ": axes", Got: append([]int(nil), x.Shape()...), Want: []int{n}})
	}
}
