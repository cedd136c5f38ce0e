// Package mlx computes with MLX, Apple's array library: on Metal where there is
// one, on the processor elsewhere. Operations record a graph; Read evaluates
// what a result needs together with all that was stored in caches, once a step,
// and EndStep has the rest computed while the next step is being recorded. Tokens
// are picked on the device (pick.go), and the step behind them is recorded and
// begun before they are read (ahead.go).
//
// Results of a batch equal those of each sequence alone up to rounding:
// kernels, and with them the order of sums, change with the sizes.
//
// Start reading at New.
package mlx

import (
	"errors"
	"fmt"
	"time"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// Device says what computes.
type Device string

// The devices.
const (
	Auto Device = ""    // the graphics processor if there is one
	CPU  Device = "cpu" // the processor: right, and slow
	GPU  Device = "gpu"
)

// ErrNoGPU is what New says where MLX has no graphics processor and shall
// compute on one.
var ErrNoGPU = errors.New("MLX has no graphics processor here")

// Options are the choices of a backend. The zero value works.
type Options struct {
	// Library is the file of mlx-c; "" looks in the usual places.
	Library string
	// Device is what computes.
	Device Device
	// Half computes with activations and caches in bfloat16 instead of float32:
	// about twice as fast where memory is the limit, weights of 16 bits are
	// used as they are, and results err by what that type rounds off.
	Half bool
	// MemoryBytes bounds what weights, caches and one step's activations may
	// come to hold; 0 leaves it to MLX. What would go beyond it fails.
	MemoryBytes int64
	// CacheBytes bounds the memory that MLX keeps free to use it again; 0
	// leaves it to MLX.
	CacheBytes int64
}

// Backend implements tensor.Backend. Its methods must be called from one
// goroutine at a time.
type Backend struct {
	c      *mlxc.Calls
	dtype  mlxc.DType
	device string
	gpu    bool // memory is shared with a graphics processor
	fuse   bool // formulas are compiled
	limit  int64
	owed   int64 // bytes of what was recorded since the last evaluation and will stay

	arena     arena
	trash     []mlxc.Array // intermediate results of the operation being recorded
	scalars   map[float32]mlxc.Array
	constants []*array
	weights   []*weight
	joints    []*joint
	caches    map[*cache]bool // not freed yet
	kernels   map[*tensor.Convolution]mlxc.Array
	periods   map[*tensor.Rotary]mlxc.Array
	masks     map[mask]mlxc.Array // of the step
	nearby    map[nearby]near     // of the step
	angles    []*angles           // of the step
	decoding  decoding
	single    []mlxc.Array            // operands of a kernel of it
	closures  map[string]mlxc.Closure // of formulas
	laters    []later                 // of the step
	group     *mlxc.Group             // of a divided model; nil without

	dirty    []*cache // with something stored that is not evaluated
	keepers  []*array // kept and not evaluated
	list     []mlxc.Array
	joined   []mlxc.Array          // operands of a concatenation
	flights  []flight              // evaluations that were begun and not waited for, in order
	takeoffs int64                 // how many were begun so
	waits    bool                  // the step that is recorded is to be begun when the one before is over
	inPlace  int64                 // see the constant of that name
	shifts   map[string]mlxc.Array // of suppressed tokens
	work     Work
	began    time.Time // when the first operation since the last evaluation was recorded
}

var (
	_ tensor.Backend = (*Backend)(nil)
	_ tensor.Precise = (*Backend)(nil)
)

// Work is what a backend did since it started.
type Work struct {
	Operations  int64         // recorded
	Evaluations int64         // begun
	Building    time.Duration // from the first operation of a step to its evaluation
	Waiting     time.Duration // for evaluations
}

// Work returns the work so far.
func (b *Backend) Work() Work {
	w := b.work
	w.Operations = b.c.Ops
	return w
}

// Memory returns what MLX holds in this process.
func (b *Backend) Memory() mlxc.Memory { return b.c.Memory() }

// Handles returns how many arrays the backend holds.
func (b *Backend) Handles() int64 { return b.c.Made - b.c.Freed }

// New opens the library and starts a backend. o may be nil. Close ends it.
func New(o *Options) (*Backend, error) {
	if o == nil {
		o = &Options{}
	}
	library, err := mlxc.Open(o.Library)
	if err != nil {
		return nil, err
	}
	c := library.NewCalls()
	b := &Backend{
		c: c, dtype: mlxc.Float32, limit: o.MemoryBytes, inPlace: inPlace,
		scalars: map[float32]mlxc.Array{}, kernels: map[*tensor.Convolution]mlxc.Array{},
		periods: map[*tensor.Rotary]mlxc.Array{}, masks: map[mask]mlxc.Array{}, nearby: map[nearby]near{}, caches: map[*cache]bool{}, closures: map[string]mlxc.Closure{},
	}
	if o.Half {
		b.dtype = mlxc.BFloat16
	}
	switch has := c.Has(mlxc.GPU); {
	case o.Device == GPU && !has:
		return nil, fmt.Errorf("mlx: %w (%s)", ErrNoGPU, library.Path)
	case o.Device == Auto, o.Device == GPU:
		b.gpu = has
	case o.Device != CPU:
		return nil, fmt.Errorf("mlx: device %q, want cpu or gpu", o.Device)
	}
	device, name := mlxc.CPU, "cpu"
	if b.gpu {
		device, name = mlxc.GPU, "gpu"
	}
	if known := c.Name(device); b.gpu && known != "" {
		name = known
	}
	b.device = fmt.Sprintf("mlx %s %s", library.Version, name)
	if o.Half {
		b.device += " bfloat16"
	}
	if err := c.Use(device); err != nil {
		return nil, fmt.Errorf("mlx: %s: %w", name, err)
	}
	if err := c.Limit(o.MemoryBytes, o.CacheBytes); err != nil {
		c.Close()
		return nil, err
	}
	b.fuse = b.gpu
	c.Fuse(b.gpu)
	return b, nil
}

// Device returns the version of MLX and the device.
func (b *Backend) Device() string { return b.device }

// Precision is the device: its name has the type of activations.
func (b *Backend) Precision() string { return b.device }

// ValueBytes returns the size of a bfloat16 or float32.
func (b *Backend) ValueBytes() int {
	if b.dtype == mlxc.BFloat16 {
		return 2
	}
	return 4
}

// Close frees everything. It may be called again.
func (b *Backend) Close() error {
	if b.c == nil {
		return nil
	}
	b.settle()
	b.c.Synchronize()
	b.arena.close(b.c)
	for c := range b.caches {
		c.Free()
	}
	for _, w := range b.weights {
		w.free(b.c)
	}
	for _, j := range b.joints {
		j.free(b.c)
	}
	for _, list := range []map[float32]mlxc.Array{b.scalars} {
		for _, h := range list {
			b.c.Free(h)
		}
	}
	for _, h := range b.kernels {
		b.c.Free(h)
	}
	for _, h := range b.periods {
		b.c.Free(h)
	}
	b.forget()
	b.forgetShifts()
	for _, a := range b.constants {
		b.c.Free(a.h)
		a.h = 0
	}
	for _, f := range b.closures {
		b.c.FreeClosure(f)
	}
	b.decoding.close(b.c)
	if b.group != nil {
		b.c.Leave(b.group)
		b.group = nil
	}
	b.c.Close()
	b.c.ClearCache()
	b.scalars, b.weights, b.joints, b.kernels, b.periods, b.constants = nil, nil, nil, nil, nil, nil
	b.c = nil
	return nil
}

// lose marks caches whose content is lost.
func lose(caches []*cache, err error) {
	for _, c := range caches {
		c.lost = err
	}
}

// pending lists what was recorded to stay and is not evaluated yet.
func (b *Backend) pending() []mlxc.Array {
	list := b.list[:0]
	for _, c := range b.dirty {
		list = c.pending(list)
	}
	for _, a := range b.keepers {
		if a.h != 0 {
			list = append(list, a.h)
		}
	}
	b.list = list
	return list
}

// evaluated notes that nothing is pending any more.
func (b *Backend) evaluated() {
	for i, c := range b.dirty {
		c.clean()
		b.dirty[i] = nil
	}
	b.dirty = b.dirty[:0]
	for i := range b.keepers {
		b.keepers[i] = nil
	}
	b.keepers = b.keepers[:0]
	b.owed = 0
}

// spoil marks the caches whose content is lost with a failed evaluation.
func (b *Backend) spoil(err error) {
	lose(b.dirty, err)
	b.evaluated()
}

// built notes the end of recording.
func (b *Backend) built() {
	if !b.began.IsZero() {
		b.work.Building += time.Since(b.began)
		b.began = time.Time{}
	}
}

// evaluate computes h and all that is pending, and waits.
func (b *Backend) evaluate(h mlxc.Array) error {
	list := append(b.pending(), h)
	b.list = list
	b.built()
	began := time.Now()
	err := b.c.Eval(list)
	b.work.Waiting += time.Since(began)
	b.work.Evaluations++
	b.landed(err) // one stream: what was begun before is over
	if err != nil {
		b.spoil(err)
		return err
	}
	b.evaluated()
	return nil
}

// forget drops what is remembered within a step.
func (b *Backend) forget() {
	for i := range b.laters {
		b.laters[i].of.later = false
	}
	b.laters = b.laters[:0]
	for key, h := range b.masks {
		b.c.Free(h)
		delete(b.masks, key)
	}
	for key, n := range b.nearby {
		b.c.Free(n.index)
		b.c.Free(n.mask)
		delete(b.nearby, key)
	}
	for i, a := range b.angles {
		b.c.Free(a.offset)
		b.c.Free(a.cosines)
		b.c.Free(a.sines)
		b.angles[i] = nil
	}
	b.angles = b.angles[:0]
	b.forgetAreas()
}

// Read evaluates x and appends its values to dst[:0].
func (b *Backend) Read(dst []float32, x tensor.Tensor) []float32 {
	a := in("Read", x)
	if a.size() == 0 {
		return dst[:0]
	}
	dst, err := b.host(dst[:0], a.h, a.size())
	if err != nil {
		panic(&tensor.DeviceError{Op: "Read", Err: err})
	}
	return dst
}

// host evaluates h and appends its n values to dst.
func (b *Backend) host(dst []float32, h mlxc.Array, n int) ([]float32, error) {
	defer b.sweepTrash()
	if b.dtype != mlxc.Float32 {
		h = b.temp(b.c.AsType(h, mlxc.Float32))
	}
	h = b.temp(b.c.Contiguous(h))
	if h == 0 {
		return dst, b.c.Err()
	}
	if err := b.evaluate(h); err != nil {
		return dst, err
	}
	return append(dst, b.c.Floats(h, n)...), nil
}

// fail panics with the library's error.
func (b *Backend) fail(op string) {
	b.sweepTrash()
	err := b.c.Err()
	if err == nil {
		err = fmt.Errorf("MLX made no array")
	}
	panic(&tensor.DeviceError{Op: op, Err: err})
}

// afford fails if so many bytes more would go beyond the limit.
func (b *Backend) afford(op string, bytes int64) error {
	if b.limit <= 0 {
		return nil
	}
	if active := b.c.Memory().Active + b.owed; active+bytes > b.limit {
		mib := func(n int64) float64 { return float64(n) / (1 << 20) }
		return fmt.Errorf("out of memory: %s needs %.1f MiB, %.1f of %.1f MiB are in use", op, mib(bytes), mib(active), mib(b.limit))
	}
	b.owed += bytes
	return nil
}
