package mlxc

// Quantized is a matrix [.., out, in] in codes: Data as uint32 words of packed
// codes, Scales a group, and for the affine mode Biases.
type Quantized struct {
	Data, Scales, Biases Array
	Mode                 Mode
	Bits, Group          int
}

// Mode says how codes become values.
type Mode uint8

// The modes.
const (
	Affine Mode = iota
	MXFP4
	MXFP8
	NVFP4
)

// modeNames are the modes as C strings.
var modeNames = [4][]byte{[]byte("affine\x00"), []byte("mxfp4\x00"), []byte("mxfp8\x00"), []byte("nvfp4\x00")}

func (m Mode) name() uintptr { return address(&modeNames[m][0]) }

// QuantizedMatmul returns x·wᵀ.
func (c *Calls) QuantizedMatmul(x Array, w *Quantized) Array {
	return c.done(c.call(fnQuantizedMatmul, c.result(), uintptr(x), uintptr(w.Data), uintptr(w.Scales), uintptr(w.Biases),
		truth(true), some(w.Group), some(w.Bits), w.Mode.name(), c.stream))
}

// GatherQMM is QuantizedMatmul with the matrices of a stack that index names;
// sorted says that they rise.
func (c *Calls) GatherQMM(x Array, w *Quantized, index Array, sorted bool) Array {
	return c.done(c.call(fnGatherQMM, c.result(), uintptr(x), uintptr(w.Data), uintptr(w.Scales), uintptr(w.Biases), 0, uintptr(index),
		truth(true), some(w.Group), some(w.Bits), w.Mode.name(), truth(sorted), c.stream))
}

// GatherMM returns the product with the matrices of the stack b that index
// names.
func (c *Calls) GatherMM(a, b, index Array, sorted bool) Array {
	return c.done(c.call(fnGatherMM, c.result(), uintptr(a), uintptr(b), 0, uintptr(index), truth(sorted), c.stream))
}

// Dequantize returns the values of w in a type.
func (c *Calls) Dequantize(w *Quantized, t DType) Array {
	return c.done(c.call(fnDequantize, c.result(), uintptr(w.Data), uintptr(w.Scales), uintptr(w.Biases),
		some(w.Group), some(w.Bits), w.Mode.name(), 0, some(int(t)), c.stream))
}

// DepthwiseConv convolves each of channels along time: x [1, T, C],
// w [C, taps, 1] → [1, T-taps+1, C].
func (c *Calls) DepthwiseConv(x, w Array, channels int) Array {
	return c.done(c.call(fnConv1d, c.result(), uintptr(x), uintptr(w), 1, 0, 1, uintptr(channels), c.stream))
}

// Conv2d convolves x [1, H, W, In] with w [Out, h, w, In], by a stride and a
// padding in each direction.
func (c *Calls) Conv2d(x, w Array, stride, padding [2]int) Array {
	var args [maxArgs]uintptr
	list := append(args[:0], c.result(), uintptr(x), uintptr(w),
		uintptr(stride[0]), uintptr(stride[1]), uintptr(padding[0]), uintptr(padding[1]), 1)
	list = narrowed(list, 1, 1) // the second dilation, the groups
	return c.done(c.call(fnConv2d, append(list, c.stream)...))
}

// RMSNorm returns x/sqrt(mean(x^2)+eps)*w over the last axis; w may be 0.
func (c *Calls) RMSNorm(x, w Array, eps float32) Array {
	return c.done(c.callFloat(fnRMSNorm, eps, c.result(), uintptr(x), uintptr(w), c.stream))
}

// Rope turns x [B, heads, T, D] by rotary positions from offset [B] or [] on,
// of halves; periods [D/2] are radians a turn's inverse.
func (c *Calls) Rope(x Array, dims int, offset, periods Array) Array {
	const noBase = 0 // an optional float without a value
	return c.done(c.callFloat(fnRopeDynamic, 1, c.result(), uintptr(x), uintptr(dims), truth(false), noBase,
		uintptr(offset), uintptr(periods), c.stream))
}

// The masks of Attention, as C strings.
var (
	maskNone   = []byte("\x00")
	maskCausal = []byte("causal\x00")
	maskArray  = []byte("array\x00")
)

// Attention returns softmax(q·kᵀ)·v for q [B, N, T, D] and k, v [B, K, S, D],
// with scores that are not scaled. mask is added to them, or says by bools
// which are seen; 0 is none. causal lets the last row of q see all, each one
// before it one less.
func (c *Calls) Attention(q, k, v, mask Array, causal bool) Array {
	mode := maskNone
	switch {
	case causal:
		mode = maskCausal
	case mask != 0:
		mode = maskArray
	}
	return c.done(c.callFloat(fnAttention, 1, c.result(), uintptr(q), uintptr(k), uintptr(v),
		address(&mode[0]), uintptr(mask), 0, truth(false), c.stream))
}
