// Package tensor is the contract between models and backends: about thirty
// coarse operations on activations, with weights as they lie in a checkpoint.
//
// A model is written once against Ops and never names a backend. A backend may
// compute at once (CPU) or record a graph and evaluate it when a result is
// read (MLX): nothing in the contract depends on which. Activations are
// float32 as far as a model can see.
//
// # Letters
//
// Shape comments use one glossary everywhere:
//
//	B sequences in a batch        N query heads
//	T positions in this forward   K key/value heads
//	S positions visible           D head size
//	H hidden size                 F feed-forward width
//	V vocabulary                  E experts
//	L layers                      P patches
//	M mel bins                    R per-layer embedding width
//
// # Lifetime
//
// A tensor lives until the EndStep that follows its making. Keep takes it out
// of that rule until Free. Constants live as long as the backend. Results may
// share memory with operands (Reshape, Rows); no operation changes an operand.
//
// # Errors
//
// Shapes are checked when a model is loaded, so operations return no errors. A
// wrong shape is a bug and panics with *ShapeError; a device that fails panics
// with *DeviceError. The engine's step recovers these two and nothing else.
//
// # Concurrency
//
// All methods of one backend are called from one goroutine, the engine's step
// loop. A backend starts and joins its own workers below them.
//
// Start reading at Ops.
package tensor

import (
	"fmt"
	"io"
)

// Tensor is an activation, a handle into the backend that made it.
type Tensor interface {
	// Shape returns the sizes of the axes, slowest first. It must not be
	// changed and is valid as long as the tensor.
	Shape() []int
}

// Weight is a stored matrix [out, in], or a stack of them [E, out, in], that a
// backend has taken over.
type Weight interface {
	// Shape returns the logical sizes, packing undone.
	Shape() []int
}

// Format says how the values of a stored matrix are encoded.
type Format uint8

// The encodings of published checkpoints. Packing is least significant bit
// first along the row, for every width.
const (
	F32    Format = iota // 4 bytes, IEEE 754
	F16                  // 2 bytes, IEEE 754
	BF16                 // 2 bytes, the upper half of a float32
	Affine               // Bits wide unsigned codes, scale*q + bias per group
	MXFP4                // e2m1 codes, e8m0 scale per 32
	MXFP8                // e4m3 codes, e8m0 scale per 32
	NVFP4                // e2m1 codes, e4m3 scale per 16
)

// Stored is a matrix as it lies in a checkpoint. The byte slices are
// little-endian, may be unaligned, usually point into a mapped file, and must
// stay readable until the backend is closed.
type Stored struct {
	Name   string // for errors
	Shape  []int  // [out, in] or [E, out, in], logical
	Format Format
	Bits   int    // Affine only: 1 2 3 4 5 6 8
	Group  int    // values a scale, along the row; 0 when not quantized
	Data   []byte // the values or codes
	Scales []byte // [.., out, in/Group]; nil when not quantized
	Biases []byte // Affine only
	Scale  Format // encoding of Scales and Biases for Affine: F32, F16 or BF16
	Table  bool   // rows are looked up by Embed and never multiplied: a backend may hold it so
}

// Activation names a pointwise function.
type Activation uint8

// The activations of the family. GELU is the tanh form.
const (
	GELU Activation = iota // 0.5x(1+tanh(sqrt(2/pi)(x+0.044715x^3)))
	SiLU                   // x*sigmoid(x)
	ReLU
	Tanh
	Sigmoid
)

// Rotary describes a rotary position embedding. A head of size D consists of
// Sections equal parts; part s turns by the position's coordinate s. Within a
// part of width d, values t and t+d/2 form pair t, which turns by the angle
// coordinate*Freq[t]; a zero frequency leaves the pair as it is.
type Rotary struct {
	Sections int       // 1 for text, 2 for pictures (x, then y)
	Freq     []float32 // [D/Sections/2], radians a position
}

// Angles are the turns of one set of positions, made once a step and shared by
// all layers.
type Angles interface{}

// KVLayer describes one layer that owns keys and values.
type KVLayer struct {
	Heads  int // K
	Dim    int // D
	Window int // positions a query sees, its own included; 0 = all
	// Bits says how keys and values are held: 0 in float32 or what else the
	// backend computes with; 8 as codes of 8 bits, with a scale for each 32
	// values of a key, whose values differ in size, and for each head's value,
	// or finer.
	Bits int
	// Rotary is what the keys were turned by before Store, at their
	// positions; nil where that is not known. Cut needs it.
	Rotary *Rotary
}

// KV holds the keys and values of one sequence, for every layer that owns
// some. Positions count from 0.
type KV interface {
	// Len returns the positions stored in every layer.
	Len() int
	// Truncate drops position n and everything after it. It panics if n is
	// more than Len or negative, or not Restorable.
	Truncate(n int)
	// Restorable reports whether Truncate(n) is possible. Layers with a Window
	// may drop what no query sees any more; going back a little is possible
	// unless a Cut was near, and going back to 0 always.
	Restorable(n int) bool
	// Cut drops positions from to to (exclusive) and moves what follows down
	// by to-from: keys are turned back by that many positions, as if they had
	// been stored there. What they and their values say was computed when the
	// dropped positions were still seen, so only in a model of one layer it is
	// what a new computation would give. Cut up to Len is Truncate(from). It
	// panics unless Cuttable.
	Cut(from, to int)
	// Cuttable reports whether Cut(from, to) is possible: 0 <= from <= to <=
	// Len, and, where positions move, every layer knows its Rotary and holds
	// what the next position will see. A layer with a Window may lack that if
	// fewer than Window positions lie behind the cut.
	Cuttable(from, to int) bool
	// WriterTo saves the positions up to Len for Backend.ReadKV, in the
	// format of KVEncoder. It is called like any other method of the backend.
	io.WriterTo
	// Fork returns a copy that shares what is stored; either may go on
	// without the other noticing.
	Fork() KV
	// Bytes returns the memory held, shared parts counted fully.
	Bytes() int64
	// Free releases the memory. The KV must not be used afterwards.
	Free()
}

// Segment is one sequence's share of a forward: rows From to To of the batch
// stand at positions Pos, Pos+1, … of the sequence whose cache is KV.
type Segment struct {
	From, To int
	KV       KV
	Pos      int
	// Until[r-From] is one past the last position that row r sees in layers
	// that look ahead inside a picture; nil where every row is causal.
	Until []int
}

// Convolution is a 3x3 kernel set of the audio subsampling, as [Cout][time][freq][Cin].
type Convolution struct {
	Out, In int
	Data    []float32 // [Out, 3, 3, In]
}

// Backend is a device that computes.
type Backend interface {
	Ops
	// Device says in a few words what computes, "cpu avx512 x2" for one.
	Device() string
	// Weight takes over a stored matrix. It may keep pointing at s's bytes.
	Weight(s Stored) (Weight, error)
	// Constant makes a tensor that lives until Close. data is copied.
	Constant(data []float32, shape ...int) Tensor
	// NewKV makes an empty cache.
	NewKV(layers []KVLayer) KV
	// ReadKV makes a cache of what KV.WriteTo saved and reads no byte behind
	// it. Data that is damaged, cut short or of other layers is an error that
	// wraps ErrKVData and says what is wrong; the memory taken stays in
	// proportion to the bytes read.
	ReadKV(layers []KVLayer, r io.Reader) (KV, error)
	// Close frees everything. No tensor may be used afterwards.
	Close() error
}

// Stacker is a Backend that multiplies a row faster with matrices that lie
// together.
type Stacker interface {
	// Stack says that matrices of one width multiply the same rows. Results stay
	// what they are.
	Stack(ws ...Weight) error
}

// Ops are the operations that models are made of. Axes are counted from the
// slowest; "last axis" is the fastest. Operands of unlike shape panic.
type Ops interface {
	// Input makes a tensor of host values; data is copied.
	Input(data []float32, shape ...int) Tensor
	// Read evaluates x, and all that was recorded before it, and appends its
	// values to dst[:0].
	Read(dst []float32, x Tensor) []float32
	// Keep makes x survive EndStep until it is freed.
	Keep(x Tensor) Tensor
	// Free releases a kept tensor, or one of the step before its end; nil is
	// ignored.
	Free(x Tensor)
	// Mark returns a place in the step, for Sweep.
	Mark() int
	// Sweep releases the tensors that the step made since mark, but for those
	// kept and for x, which it returns. A pass of many layers sweeps after
	// each, so that it needs the memory of one.
	Sweep(mark int, x Tensor) Tensor
	// EndStep evaluates what is pending and releases the step's tensors.
	EndStep()
	// Name gives x a name for tracing and returns x. Without a tracer it does nothing.
	Name(x Tensor, name string) Tensor

	// Reshape gives x's values in another shape of the same size. It keeps no
	// reference to shape.
	Reshape(x Tensor, shape ...int) Tensor
	// Rows returns x[from:to] along the first axis.
	Rows(x Tensor, from, to int) Tensor
	// Cols returns x[..., from:to] along the last axis.
	Cols(x Tensor, from, to int) Tensor
	// Concat joins tensors along the first axis.
	Concat(xs ...Tensor) Tensor
	// Gather returns the rows of x named by index, along the first axis.
	Gather(x Tensor, index []int) Tensor
	// Scatter returns x with rows index[i] replaced by rows[i].
	Scatter(x Tensor, index []int, rows Tensor) Tensor

	// Add returns a+b. b has a's shape, or a's last axis only.
	Add(a, b Tensor) Tensor
	// Mul returns a*b. b has a's shape, or a's last axis only.
	Mul(a, b Tensor) Tensor
	// Scale returns x*factor.
	Scale(x Tensor, factor float32) Tensor
	// Clamp limits x to [low, high].
	Clamp(x Tensor, low, high float32) Tensor
	// Activate applies f to each value.
	Activate(f Activation, x Tensor) Tensor
	// GatedGELU returns GELU(gate)*up, the inner half of a gated MLP.
	GatedGELU(gate, up Tensor) Tensor
	// GLU returns a*sigmoid(b) where a and b are the halves of x's last axis.
	GLU(x Tensor) Tensor
	// SoftCap returns limit*tanh(x/limit).
	SoftCap(x Tensor, limit float32) Tensor

	// RMSNorm returns x/sqrt(mean(x^2)+eps)*w over the last axis; w may be nil.
	RMSNorm(x, w Tensor, eps float32) Tensor
	// LayerNorm returns (x-mean)/sqrt(var+eps)*w+b over the last axis; b may be nil.
	LayerNorm(x, w, b Tensor, eps float32) Tensor

	// Linear returns x·wᵀ (+ bias) over the last axis: [.., in] → [.., out].
	// bias may be nil.
	Linear(x Tensor, w Weight, bias Tensor) Tensor
	// Embed returns rows of w times scale: ids [T] → [T, in].
	Embed(w Weight, ids []int32, scale float32) Tensor
	// Experts is a mixture of gated MLPs. Each row takes the top experts of
	// logits [T, E]; their weights are the softmax over those alone, times
	// perExpert [E]. gate and up are [E, F, H], down is [E, H, F]. x [T, H] → [T, H].
	Experts(x, logits Tensor, top int, perExpert Tensor, gate, up, down Weight) Tensor

	// Angles prepares turns for coordinates pos [T*Sections], the sections of
	// a position side by side.
	Angles(r *Rotary, pos []int32) Angles
	// Rope turns x [T, heads, D].
	Rope(x Tensor, a Angles) Tensor

	// Store writes k and v [T, K, D] of KV layer number layer at the
	// positions of segs, which must continue what is stored.
	Store(layer int, k, v Tensor, segs []Segment)
	// Attention lets q [T, N, D] look at KV layer number layer of each
	// segment's cache; head n uses key head n/(N/K). Scores are not scaled.
	// A row at position i sees positions j with j<=i, and with Until j<Until
	// when ahead is true, and in layers with a Window only i-j < Window.
	// The result is [T, N*D].
	Attention(layer int, q Tensor, segs []Segment, ahead bool) Tensor
	// FullAttention lets all rows see all rows: q, k, v [P, N, D] → [P, N*D].
	// Scores are not scaled.
	FullAttention(q, k, v Tensor) Tensor
	// LocalAttention is the audio tower's: q [n, N, D] are the last n of the
	// rows of k and v [past+n, N, D]. Row i sees itself and the span-1 rows
	// before it, as far as they exist. The score of row i and row j is
	// cap*tanh((q·k + q·rel[i-j])/cap), rel [span or more, N, D]. → [n, N*D].
	LocalAttention(q, k, v, rel Tensor, span int, cap float32) Tensor

	// Subsample convolves x [T, F, In] with a 3x3 kernel, stride 2 in both
	// directions; frequency is padded with one zero on each side, time is
	// not padded: → [(T-3)/2+1, (F-1)/2+1, Out].
	Subsample(x Tensor, c *Convolution) Tensor
	// CausalConv convolves each channel along time: x [past+n, C],
	// w [C, past+1] → [n, C], out[t,c] = sum_k w[c,k]*x[t+k,c].
	CausalConv(x, w Tensor) Tensor
	// Pool averages squares of side by side patches: x [rows*cols, H] →
	// [rows/side*cols/side, H], in reading order.
	Pool(x Tensor, rows, cols, side int) Tensor
}

// ShapeError is the panic of an operation whose operands do not fit.
type ShapeError struct {
	Op        string
	Got, Want []int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("tensor: %s: shape %v, want %v", e.Op, e.Got, e.Want)
}

// DeviceError is the panic of a device that failed, out of memory for one.
type DeviceError struct {
	Op  string
	Err error
}

func (e *DeviceError) Error() string { return fmt.Sprintf("tensor: %s: %v", e.Op, e.Err) }

// Unwrap returns the device's own error.
func (e *DeviceError) Unwrap() error { return e.Err }
