package ranks

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"hark/engine/tensor"
)

// op is an operation on the wire: its number, then its operands.
type op uint8

const (
	opClose op = iota + 1
	opEndStep
	opConstant
	opWeight
	opInput
	opRead
	opKeep
	opFree
	opSweep
	opReshape
	opRows
	opCols
	opConcat
	opGather
	opScatter
	opAdd
	opMul
	opScale
	opClamp
	opActivate
	opGatedGELU
	opGLU
	opSoftCap
	opRMSNorm
	opLayerNorm
	opLinear
	opEmbed
	opExperts
	opAngles
	opRope
	opStore
	opAttention
	opFullAttention
	opLocalAttention
	opSubsample
	opCausalConv
	opPool
	opNewKV
	opReadKV
	opTruncate
	opCut
	opFork
	opFreeKV
	opWriteKV
	opPulse // nothing but that the leader is there
)

// enough is how much is gathered before it is sent within a step.
const enough = 32 << 10

// message appends operands to what is told; it does nothing where nobody
// listens.
type message struct{ b *Backend }

// tell begins an operation. Once a follower is gone nobody is told any more.
func (b *Backend) tell(o op) message {
	if b.conns == nil || b.lost.Load() != nil {
		return message{}
	}
	if len(b.out) > enough {
		b.flush()
	}
	b.out = append(b.out, byte(o))
	return message{b}
}

// stuck is how long a follower may take nothing of what it is told: longer than
// any operation that does not fail.
const stuck = 2 * time.Minute

// flush sends what was told.
func (b *Backend) flush() {
	if len(b.out) == 0 {
		return
	}
	for _, c := range b.conns {
		c.SetWriteDeadline(time.Now().Add(stuck))
		if _, err := c.Write(b.out); err != nil {
			b.lose(err)
		}
	}
	b.out = b.out[:0]
}

// lose notes that a follower is gone.
func (b *Backend) lose(err error) {
	err = fmt.Errorf("%w: %w", ErrLost, err)
	if b.lost.CompareAndSwap(nil, &err) && b.gone != nil {
		b.gone(err)
	}
}

// meet sends what was told before the ranks wait for each other, and panics
// once a follower is gone: nobody would come.
func (b *Backend) meet() {
	b.flush()
	if err := b.lost.Load(); err != nil {
		panic(&tensor.DeviceError{Op: "ranks", Err: *err})
	}
}

func (m message) uint(v uint64) message {
	if m.b != nil {
		m.b.out = binary.AppendUvarint(m.b.out, v)
	}
	return m
}

// int tells a number that is not below -1.
func (m message) int(v int) message { return m.uint(uint64(v + 1)) }

func (m message) ints(list []int) message {
	m.int(len(list))
	for _, v := range list {
		m.int(v)
	}
	return m
}

func (m message) int32s(list []int32) message {
	m.int(len(list))
	for _, v := range list {
		m.int(int(v))
	}
	return m
}

func (m message) float(v float32) message {
	if m.b != nil {
		m.b.out = binary.LittleEndian.AppendUint32(m.b.out, math.Float32bits(v))
	}
	return m
}

func (m message) floats(list []float32) message {
	m.int(len(list))
	for _, v := range list {
		m.float(v)
	}
	return m
}

func (m message) bytes(data []byte) message {
	m.int(len(data))
	if m.b != nil {
		m.b.out = append(m.b.out, data...)
	}
	return m
}

// tensor tells a tensor's number, 0 for nil.
func (m message) tensor(x tensor.Tensor) message {
	if x == nil {
		return m.uint(0)
	}
	return m.uint(x.(*ref).id)
}

func (m message) weight(w tensor.Weight) message { return m.uint(uint64(w.(*weight).id)) }

func (m message) stored(s tensor.Stored) message {
	return m.bytes([]byte(s.Name)).ints(s.Shape).int(int(s.Format)).int(s.Bits).int(s.Group).
		bytes(s.Data).bytes(s.Scales).bytes(s.Biases).int(int(s.Scale))
}

func (m message) truth(v bool) message {
	if v {
		return m.uint(1)
	}
	return m.uint(0)
}

func (m message) segments(segs []tensor.Segment) message {
	m.int(len(segs))
	for _, s := range segs {
		m.int(s.From).int(s.To).uint(s.KV.(*kv).id).int(s.Pos).truth(s.Until != nil)
		if s.Until != nil {
			m.ints(s.Until)
		}
	}
	return m
}

// rotary tells a rotary's number, behind it what it is the first time; 0 for nil.
func (m message) rotary(r *tensor.Rotary) message {
	if m.b == nil || r == nil {
		return m.uint(0)
	}
	id, known := m.b.rotary[r]
	if !known {
		id = uint32(len(m.b.rotary) + 1)
		m.b.rotary[r] = id
		return m.uint(uint64(id)).int(r.Sections).floats(r.Freq)
	}
	return m.uint(uint64(id))
}

func (m message) convolution(c *tensor.Convolution) message {
	if m.b == nil {
		return m
	}
	id, known := m.b.kernel[c]
	if !known {
		id = uint32(len(m.b.kernel) + 1)
		m.b.kernel[c] = id
		return m.uint(uint64(id)).int(c.Out).int(c.In).floats(c.Data)
	}
	return m.uint(uint64(id))
}

func (m message) layers(list []tensor.KVLayer) message {
	m.int(len(list))
	for _, l := range list {
		m.int(l.Heads).int(l.Dim).int(l.Window).int(l.Bits).rotary(l.Rotary)
	}
	return m
}

// longest bounds the values of one operand.
const longest = 1 << 30

// reader reads operands. The first error stays; what is read behind it is
// empty.
type reader struct {
	r   *bufio.Reader
	b   *Backend
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("ranks: "+format, args...)
	}
}

func (r *reader) uint() uint64 {
	v, err := binary.ReadUvarint(r.r)
	if err != nil {
		r.fail("the leader is gone: %w", err)
	}
	return v
}

func (r *reader) int() int { return int(r.uint()) - 1 }

// size reads the length of a list.
func (r *reader) size() int {
	n := r.int()
	if r.err == nil && (n < 0 || n > longest) {
		r.fail("a list of %d", n)
	}
	if r.err != nil {
		return 0
	}
	return n
}

func (r *reader) ints() []int {
	var list []int
	for n := r.size(); n > 0 && r.err == nil; n-- {
		list = append(list, r.int())
	}
	return list
}

func (r *reader) int32s() []int32 {
	var list []int32
	for n := r.size(); n > 0 && r.err == nil; n-- {
		list = append(list, int32(r.int()))
	}
	return list
}

func (r *reader) float() float32 {
	var b [4]byte
	if _, err := io.ReadFull(r.r, b[:]); err != nil {
		r.fail("the leader is gone: %w", err)
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b[:]))
}

func (r *reader) floats() []float32 {
	var list []float32
	for n := r.size(); n > 0 && r.err == nil; n-- {
		list = append(list, r.float())
	}
	return list
}

func (r *reader) bytes() []byte {
	data, err := io.ReadAll(io.LimitReader(r.r, int64(r.size())))
	if err != nil {
		r.fail("the leader is gone: %w", err)
	}
	return data
}

func (r *reader) tensor() tensor.Tensor {
	id := r.uint()
	if id == 0 {
		return nil
	}
	x := r.b.tensors[id]
	if x == nil {
		r.fail("tensor %d is not here", id)
		return nil
	}
	return x
}

func (r *reader) weight() tensor.Weight {
	id := r.uint()
	if r.err == nil && id >= uint64(len(r.b.weights)) {
		r.fail("weight %d of %d", id, len(r.b.weights))
	}
	if r.err != nil {
		return nil
	}
	return r.b.weights[id]
}

func (r *reader) stored() tensor.Stored {
	return tensor.Stored{
		Name: string(r.bytes()), Shape: r.ints(), Format: tensor.Format(r.int()), Bits: r.int(), Group: r.int(),
		Data: r.bytes(), Scales: r.bytes(), Biases: r.bytes(), Scale: tensor.Format(r.int()),
	}
}

func (r *reader) kv() *kv {
	id := r.uint()
	k := r.b.kvs[id]
	if k == nil {
		r.fail("cache %d is not here", id)
	}
	return k
}

func (r *reader) segments() []tensor.Segment {
	var segs []tensor.Segment
	for n := r.size(); n > 0 && r.err == nil; n-- {
		s := tensor.Segment{From: r.int(), To: r.int()}
		if k := r.kv(); k != nil {
			s.KV = k
		}
		s.Pos = r.int()
		if r.uint() == 1 {
			s.Until = r.ints()
		}
		segs = append(segs, s)
	}
	return segs
}

func (r *reader) rotary() *tensor.Rotary {
	id := r.uint()
	switch known := uint64(len(r.b.rotated)); {
	case id == 0 || r.err != nil:
		return nil
	case id == known+1:
		r.b.rotated = append(r.b.rotated, &tensor.Rotary{Sections: r.int(), Freq: r.floats()})
	case id > known:
		r.fail("rotary %d of %d", id, known)
		return nil
	}
	return r.b.rotated[id-1]
}

func (r *reader) convolution() *tensor.Convolution {
	id := r.uint()
	switch known := uint64(len(r.b.kernels)); {
	case r.err != nil:
		return nil
	case id == known+1:
		r.b.kernels = append(r.b.kernels, &tensor.Convolution{Out: r.int(), In: r.int(), Data: r.floats()})
	case id == 0 || id > known:
		r.fail("kernel %d of %d", id, known)
		return nil
	}
	return r.b.kernels[id-1]
}

func (r *reader) layers() []tensor.KVLayer {
	var list []tensor.KVLayer
	for n := r.size(); n > 0 && r.err == nil; n-- {
		list = append(list, tensor.KVLayer{Heads: r.int(), Dim: r.int(), Window: r.int(), Bits: r.int(), Rotary: r.rotary()})
	}
	return list
}
