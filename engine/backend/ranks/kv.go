package ranks

import (
	"bytes"
	"io"

	"hark/engine/tensor"
)

// kv is a cache, the same on every rank. What only asks is not told.
type kv struct {
	tensor.KV
	b  *Backend
	id uint64
}

func (b *Backend) cache(inner tensor.KV) *kv {
	k := &kv{KV: inner, b: b, id: b.number()}
	if b.follows() {
		b.kvs[k.id] = k
	}
	return k
}

// NewKV makes an empty cache.
func (b *Backend) NewKV(layers []tensor.KVLayer) tensor.KV {
	k := b.cache(b.inner.NewKV(layers))
	b.tell(opNewKV).layers(layers)
	return k
}

// ReadKV makes a cache of what was saved; the followers are sent a copy.
func (b *Backend) ReadKV(layers []tensor.KVLayer, r io.Reader) (tensor.KV, error) {
	var copied bytes.Buffer
	inner, err := b.inner.ReadKV(layers, io.TeeReader(r, &copied))
	if err != nil {
		return nil, err
	}
	b.tell(opReadKV).layers(layers).bytes(copied.Bytes())
	return b.cache(inner), nil
}

// Truncate drops position n and what follows.
func (k *kv) Truncate(n int) {
	k.KV.Truncate(n)
	k.b.tell(opTruncate).uint(k.id).int(n)
}

// Cut drops positions and moves what follows.
func (k *kv) Cut(from, to int) {
	k.KV.Cut(from, to)
	k.b.tell(opCut).uint(k.id).int(from).int(to)
}

// Fork returns a copy.
func (k *kv) Fork() tensor.KV {
	k.b.tell(opFork).uint(k.id)
	return k.b.cache(k.KV.Fork())
}

// Free releases the memory.
func (k *kv) Free() {
	k.b.tell(opFreeKV).uint(k.id)
	k.KV.Free()
	delete(k.b.kvs, k.id)
}

// WriteTo saves the cache. All ranks do it, since it may evaluate; the
// followers throw theirs away.
func (k *kv) WriteTo(w io.Writer) (int64, error) {
	k.b.tell(opWriteKV).uint(k.id)
	k.b.flush()
	return k.KV.WriteTo(w)
}
