package ranks

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"

	"hark/engine/tensor"
)

// Follow does what the leader tells over conn, until it closes or ctx ends;
// then the error is nil. The model must have been loaded on b. conn is closed.
//
// gone is called when nothing comes from the leader any more, on a goroutine
// that ends with Follow. The operation in progress may wait for the leader's
// part for ever then: if Follow does not return soon, the process should end.
func (b *Backend) Follow(ctx context.Context, conn net.Conn, gone func(error)) (err error) {
	f := newFeed(conn, b.quiet, gone)
	quit, beaten := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(beaten)
		beat(conn, b.pulse, quit)
	}()
	defer func() {
		close(quit)
		f.stop()
		<-beaten
	}()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := &reader{r: bufio.NewReaderSize(f, 64<<10), b: b}
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case *tensor.ShapeError:
			err = failed
		case *tensor.DeviceError:
			err = failed
		default:
			panic(failed)
		}
		if ctx.Err() != nil {
			err = nil
		}
	}()
	for {
		o, err := r.r.ReadByte()
		if err != nil {
			return fmt.Errorf("ranks: the leader is gone: %w", err)
		}
		switch op(o) {
		case opClose:
			return nil
		case opPulse:
			continue
		}
		if err := b.replay(op(o), r); err != nil {
			return err
		}
	}
}

// replay does one operation. Operations panic on shapes that cannot be and
// when the device fails; here both come from outside.
func (b *Backend) replay(o op, r *reader) error {
	do := b.operation(o, r)
	if do == nil {
		do = b.onCache(o, r)
	}
	if do == nil {
		return fmt.Errorf("ranks: no operation has number %d", o)
	}
	if r.err != nil {
		return r.err
	}
	do()
	return r.err
}

// operation reads the operands of an operation on tensors and returns what
// does it, nil if o is none.
func (b *Backend) operation(o op, r *reader) func() {
	switch o {
	case opEndStep:
		return b.EndStep
	case opConstant:
		data, shape := r.floats(), r.ints()
		return func() { b.Constant(data, shape...) }
	case opInput:
		data, shape := r.floats(), r.ints()
		return func() { b.Input(data, shape...) }
	case opWeight:
		s := r.stored()
		return func() {
			if _, err := b.Weight(s); err != nil {
				r.fail("%w", err)
			}
		}
	case opRead:
		x := r.tensor()
		return func() { b.Read(nil, x) }
	case opKeep:
		x := r.tensor()
		return func() { b.Keep(x) }
	case opFree:
		x := r.tensor()
		return func() { b.Free(x) }
	case opSweep:
		mark, x := r.int(), r.tensor()
		return func() { b.Sweep(mark, x) }
	case opLinear:
		x, w, bias := r.tensor(), r.weight(), r.tensor()
		return func() { b.Linear(x, w, bias) }
	case opEmbed:
		w, ids, scale := r.weight(), r.int32s(), r.float()
		return func() { b.Embed(w, ids, scale) }
	case opExperts:
		x, logits, top, each := r.tensor(), r.tensor(), r.int(), r.tensor()
		gate, up, down := r.weight(), r.weight(), r.weight()
		return func() { b.Experts(x, logits, top, each, gate, up, down) }
	case opAngles:
		turn, pos := r.rotary(), r.int32s()
		return func() { b.Angles(turn, pos) }
	case opRope:
		x, a := r.tensor(), b.angles[r.uint()]
		if a == nil {
			r.fail("turns of another step")
		}
		return func() { b.Rope(x, a) }
	case opStore:
		layer, k, v, segs := r.int(), r.tensor(), r.tensor(), r.segments()
		return func() { b.Store(layer, k, v, segs) }
	case opAttention:
		layer, q, segs, ahead := r.int(), r.tensor(), r.segments(), r.uint() == 1
		return func() { b.Attention(layer, q, segs, ahead) }
	case opFullAttention:
		q, k, v := r.tensor(), r.tensor(), r.tensor()
		return func() { b.FullAttention(q, k, v) }
	case opLocalAttention:
		q, k, v, rel, span, limit := r.tensor(), r.tensor(), r.tensor(), r.tensor(), r.int(), r.float()
		return func() { b.LocalAttention(q, k, v, rel, span, limit) }
	}
	return b.pointwise(o, r)
}

// pointwise is operation for what moves and changes values.
func (b *Backend) pointwise(o op, r *reader) func() {
	switch o {
	case opReshape:
		x, shape := r.tensor(), r.ints()
		return func() { b.Reshape(x, shape...) }
	case opRows:
		x, from, to := r.tensor(), r.int(), r.int()
		return func() { b.Rows(x, from, to) }
	case opCols:
		x, from, to := r.tensor(), r.int(), r.int()
		return func() { b.Cols(x, from, to) }
	case opConcat:
		var list []tensor.Tensor
		for n := r.size(); n > 0 && r.err == nil; n-- {
			list = append(list, r.tensor())
		}
		return func() { b.Concat(list...) }
	case opGather:
		x, index := r.tensor(), r.ints()
		return func() { b.Gather(x, index) }
	case opScatter:
		x, index, rows := r.tensor(), r.ints(), r.tensor()
		return func() { b.Scatter(x, index, rows) }
	case opAdd:
		x, y := r.tensor(), r.tensor()
		return func() { b.Add(x, y) }
	case opMul:
		x, y := r.tensor(), r.tensor()
		return func() { b.Mul(x, y) }
	case opScale:
		x, factor := r.tensor(), r.float()
		return func() { b.Scale(x, factor) }
	case opClamp:
		x, low, high := r.tensor(), r.float(), r.float()
		return func() { b.Clamp(x, low, high) }
	case opActivate:
		f, x := tensor.Activation(r.int()), r.tensor()
		return func() { b.Activate(f, x) }
	case opGatedGELU:
		gate, up := r.tensor(), r.tensor()
		return func() { b.GatedGELU(gate, up) }
	case opGLU:
		x := r.tensor()
		return func() { b.GLU(x) }
	case opSoftCap:
		x, limit := r.tensor(), r.float()
		return func() { b.SoftCap(x, limit) }
	case opRMSNorm:
		x, w, eps := r.tensor(), r.tensor(), r.float()
		return func() { b.RMSNorm(x, w, eps) }
	case opLayerNorm:
		x, w, bias, eps := r.tensor(), r.tensor(), r.tensor(), r.float()
		return func() { b.LayerNorm(x, w, bias, eps) }
	case opSubsample:
		x, c := r.tensor(), r.convolution()
		return func() { b.Subsample(x, c) }
	case opCausalConv:
		x, w := r.tensor(), r.tensor()
		return func() { b.CausalConv(x, w) }
	case opPool:
		x, rows, cols, side := r.tensor(), r.int(), r.int(), r.int()
		return func() { b.Pool(x, rows, cols, side) }
	}
	return nil
}

// onCache is operation for caches.
func (b *Backend) onCache(o op, r *reader) func() {
	switch o {
	case opNewKV:
		layers := r.layers()
		return func() { b.NewKV(layers) }
	case opReadKV:
		layers, data := r.layers(), r.bytes()
		return func() {
			if _, err := b.ReadKV(layers, bytes.NewReader(data)); err != nil {
				r.fail("%w", err)
			}
		}
	case opTruncate:
		k, n := r.kv(), r.int()
		return func() { k.Truncate(n) }
	case opCut:
		k, from, to := r.kv(), r.int(), r.int()
		return func() { k.Cut(from, to) }
	case opFork:
		k := r.kv()
		return func() { k.Fork() }
	case opFreeKV:
		k := r.kv()
		return k.Free
	case opWriteKV:
		k := r.kv()
		return func() { k.WriteTo(io.Discard) }
	}
	return nil
}
