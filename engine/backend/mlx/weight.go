package mlx

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// weight is a stored matrix, or a stack of them, as MLX holds it.
type weight struct {
	name  string
	shape []int
	plain mlxc.Array      // [.., out, in]; 0 when quantized
	turn  mlxc.Array      // plain with its last axes swapped; 0 of a table
	codes *mlxc.Quantized // nil when not quantized
	joint *joint          // of which it is rows from first on; nil: lies alone
	first int
}

// Shape returns the logical sizes.
func (w *weight) Shape() []int { return w.shape }

func (w *weight) free(c *mlxc.Calls) {
	c.Free(w.plain)
	c.Free(w.turn)
	if w.codes != nil {
		freeCodes(c, w.codes)
	}
	*w = weight{name: w.name, shape: w.shape}
}

func freeCodes(c *mlxc.Calls, q *mlxc.Quantized) {
	c.Free(q.Data)
	c.Free(q.Scales)
	c.Free(q.Biases)
}

// formats are the stored values that MLX knows.
var formats = map[tensor.Format]mlxc.DType{
	tensor.F32: mlxc.Float32, tensor.F16: mlxc.Float16, tensor.BF16: mlxc.BFloat16,
}

// modes are the codes that MLX multiplies with as they are.
var modes = map[tensor.Format]struct {
	mode mlxc.Mode
	bits int
}{tensor.MXFP4: {mlxc.MXFP4, 4}, tensor.MXFP8: {mlxc.MXFP8, 8}, tensor.NVFP4: {mlxc.NVFP4, 4}}

// Weight takes over a stored matrix. Codes stay codes, and the values of a table
// what they are; other values, scales and biases are brought to the activations'
// type once.
func (b *Backend) Weight(s tensor.Stored) (tensor.Weight, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := b.afford("Weight "+s.Name, int64(len(s.Data))); err != nil {
		return nil, fmt.Errorf("mlx: %w", err)
	}
	w := &weight{name: s.Name, shape: append([]int(nil), s.Shape...)}
	b.weights = append(b.weights, w)
	if dtype, plain := formats[s.Format]; plain && s.Table {
		w.plain = b.taken(s.Data, dtype, w.shape...)
		return w, b.loaded(w, w.plain)
	} else if plain {
		w.plain = b.brought(b.taken(s.Data, dtype, w.shape...), dtype)
		axes := []int{1, 0}
		if len(w.shape) == 3 {
			axes = []int{0, 2, 1}
		}
		w.turn = b.c.Transpose(w.plain, axes...)
		return w, b.loaded(w, w.plain, w.turn)
	}
	data, bits := s.Data, s.Bits
	if s.Format == tensor.Affine && bits == 1 { // not one of MLX's widths
		data, bits = doubled(data), 2
	}
	q := &mlxc.Quantized{Mode: mlxc.Affine, Bits: bits, Group: s.Group}
	w.codes = q
	groups := w.last(s.In() / s.Group)
	if m, float := modes[s.Format]; float {
		q.Mode, q.Bits = m.mode, m.bits
		q.Scales = b.taken(s.Scales, mlxc.Uint8, groups...)
	} else {
		dtype := formats[s.Scale]
		q.Scales = b.brought(b.taken(s.Scales, dtype, groups...), dtype)
		q.Biases = b.brought(b.taken(s.Biases, dtype, groups...), dtype)
		if q.Biases == 0 {
			return nil, b.loaded(w, 0)
		}
	}
	q.Data = b.taken(data, mlxc.Uint32, w.last(s.In()*q.Bits/32)...)
	list := []mlxc.Array{q.Data, q.Scales}
	if q.Biases != 0 {
		list = append(list, q.Biases)
	}
	return w, b.loaded(w, list...)
}

// last returns the weight's shape with another last axis.
func (w *weight) last(size int) []int {
	shape := append([]int(nil), w.shape...)
	shape[len(shape)-1] = size
	return shape
}

// loaded evaluates what a weight is made of, so that what it was made from can
// be freed.
func (b *Backend) loaded(w *weight, list ...mlxc.Array) error {
	defer b.sweepTrash()
	for _, h := range list {
		if h == 0 {
			w.free(b.c)
			return fmt.Errorf("mlx: weight %s: %w", w.name, b.c.Err())
		}
	}
	if err := b.c.Eval(list); err != nil {
		w.free(b.c)
		return fmt.Errorf("mlx: weight %s: %w", w.name, err)
	}
	b.owed = 0 // it is among what is in use now
	if b.gpu && !readsHost {
		b.sweepTrash()
		b.c.ClearCache() // of what the copies were made from
	}
	return nil
}

// brought converts h, which is freed, to the activations' type.
func (b *Backend) brought(h mlxc.Array, from mlxc.DType) mlxc.Array {
	if from == b.dtype || h == 0 {
		return h
	}
	return b.c.AsType(b.temp(h), b.dtype)
}

// sharedBytes is the size from which on memory is shared with a graphics
// processor rather than copied.
const sharedBytes = 1 << 20

// readsHost says that the graphics processor reads any memory of the process:
// Metal does. CUDA gets copies.
const readsHost = runtime.GOOS == "darwin"

// taken makes an array of stored bytes. Where a graphics processor reads the
// same memory, large ones are not copied: the pages that hold them become a
// buffer, of which the array is a part. One with memory of its own gets a copy
// there.
func (b *Backend) taken(data []byte, t mlxc.DType, shape ...int) mlxc.Array {
	page := uintptr(os.Getpagesize())
	at := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	offset := at % page
	switch {
	case b.gpu && !readsHost:
		return b.moved(mlxc.New(b.c, data, t, shape...))
	case !b.gpu || len(data) < sharedBytes || int(offset)%t.Size() != 0:
		return mlxc.New(b.c, data, t, shape...)
	}
	whole := (offset + uintptr(len(data)) + page - 1) / page * page
	first := unsafe.Add(unsafe.Pointer(unsafe.SliceData(data)), -int(offset))
	h := b.temp(b.c.Foreign(unsafe.Slice((*byte)(first), int(whole)), mlxc.Uint8, int(whole)))
	h = b.temp(b.c.Slice(h, []int{int(offset)}, []int{int(offset) + len(data)}))
	if t != mlxc.Uint8 {
		h = b.temp(b.c.View(h, t))
	}
	return b.c.Reshape(h, shape...)
}

// moved returns a copy of h, an intermediate result from now on, in the graphics
// processor's memory. What the host makes lies in memory that both share, page
// by page where it was used last. The operation changes no value and, as h is
// held while it computes, cannot take h's memory.
func (b *Backend) moved(h mlxc.Array) mlxc.Array {
	if h == 0 {
		return 0
	}
	return b.c.Maximum(b.temp(h), h)
}

// doubled makes codes of two bits of codes of one.
func doubled(data []byte) []byte {
	out := make([]byte, 2*len(data))
	for i, v := range data {
		for bit := range 8 {
			out[2*i+bit/4] |= v >> bit & 1 << (bit % 4 * 2)
		}
	}
	return out
}

// matrix returns the weight behind an operand with that number of axes.
func matrix(op string, x tensor.Weight, axes int) *weight {
	w, ok := x.(*weight)
	if !ok {
		panic(fmt.Sprintf("mlx: %s: weight is %T, not one of this backend", op, x))
	}
	if len(w.shape) != axes {
		panic(&tensor.ShapeError{Op: op + " " + w.name + ": axes", Got: w.shape, Want: make([]int, axes)})
	}
	return w
}

// manyRows is the number of rows from which on unpacking codes first pays on a
// processor, for which MLX has no fast products with codes.
const manyRows = 4

// unpacks reports whether a product with codes of so many rows of a length takes
// their values first. On a processor that pays. On CUDA MLX multiplies with
// matrices whose rows are one group in tf32, which float32 is not.
func (b *Backend) unpacks(w *mlxc.Quantized, rows, length int) bool {
	if b.gpu {
		return !readsHost && b.dtype == mlxc.Float32 && rows > 1 && w.Mode == mlxc.Affine && w.Group >= length
	}
	return rows >= manyRows
}

// Linear returns x·wᵀ (+ bias) over the last axis.
func (b *Backend) Linear(x tensor.Tensor, w tensor.Weight, bias tensor.Tensor) tensor.Tensor {
	a, m := in("Linear", x), matrix("Linear", w, 2)
	if a.last() != m.shape[1] {
		same("Linear "+m.name, []int{a.last()}, m.shape[1])
	}
	if shift := optional("Linear: bias", bias); shift != nil {
		same("Linear: bias", shift.Shape(), m.shape[0])
	}
	if a.size() == 0 {
		return b.resized("Linear", a, a.axes-1, m.shape[0], b.c.Zeros(b.dtype, a.with(a.axes-1, m.shape[0])...))
	}
	if bias == nil {
		if h := b.share(a, m); h != 0 {
			return b.resized("Linear", a, a.axes-1, m.shape[0], h)
		}
	}
	var h mlxc.Array
	switch {
	case m.codes == nil:
		turn := m.turn
		if turn == 0 { // a table is not meant for it
			turn = b.temp(b.c.Transpose(b.temp(b.c.AsType(m.plain, b.dtype)), 1, 0))
		}
		h = b.c.Matmul(a.h, turn)
	case b.unpacks(m.codes, a.size()/a.last(), a.last()):
		h = b.c.Matmul(a.h, b.temp(b.c.Transpose(b.temp(b.c.Dequantize(m.codes, b.dtype)), 1, 0)))
	default:
		h = b.c.QuantizedMatmul(a.h, m.codes)
	}
	if bias != nil {
		h = b.c.Add(b.temp(h), in("Linear: bias", bias).h)
	}
	return b.resized("Linear", a, a.axes-1, m.shape[0], h)
}

// Embed returns rows of w times scale: ids [T] → [T, in].
func (b *Backend) Embed(w tensor.Weight, ids []int32, scale float32) tensor.Tensor {
	m := matrix("Embed", w, 2)
	for _, id := range ids {
		if id < 0 || int(id) >= m.shape[0] {
			panic(&tensor.ShapeError{Op: "Embed " + m.name + ": row", Got: []int{int(id)}, Want: []int{m.shape[0]}})
		}
	}
	return b.embed("Embed", m, b.temp(mlxc.New(b.c, ids, mlxc.Int32, len(ids))), len(ids), scale)
}

// embed returns the rows of m that n numbers name, times scale.
func (b *Backend) embed(op string, m *weight, index mlxc.Array, n int, scale float32) tensor.Tensor {
	h := mlxc.Array(0)
	if m.codes == nil {
		h = b.c.Take(m.plain, index, 0)
		if m.turn == 0 {
			h = b.c.AsType(b.temp(h), b.dtype)
		}
	} else {
		rows := *m.codes
		rows.Data = b.temp(b.c.Take(rows.Data, index, 0))
		rows.Scales = b.temp(b.c.Take(rows.Scales, index, 0))
		if rows.Biases != 0 {
			rows.Biases = b.temp(b.c.Take(rows.Biases, index, 0))
		}
		h = b.c.Dequantize(&rows, b.dtype)
	}
	if scale != 1 {
		h = b.c.Multiply(b.temp(h), b.scalar(scale))
	}
	return b.wrap(op, h, n, m.shape[1])
}
