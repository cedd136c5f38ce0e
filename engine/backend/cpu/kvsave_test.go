package cpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"hark/engine/tensor"
)

// savedLayers are those of the data under test.
var savedLayers = []tensor.KVLayer{
	{Heads: 1, Dim: 4, Window: 6, Rotary: &tensor.Rotary{Sections: 1, Freq: []float32{1, 0}}},
	{Heads: 2, Dim: 2, Bits: 8},
}

// savedHead is the length of the data before the positions, with its checksum.
const savedHead = 8 + 12 + 2*24 + 4

// saved returns a cache of n positions as WriteTo saves it.
func saved(t testing.TB, b *Backend, n int) []byte {
	kv := b.NewKV(savedLayers)
	defer kv.Free()
	x := b.Input(newRandom(1).floats(n*4), n, 1, 4)
	segs := []tensor.Segment{{To: n, KV: kv}}
	b.Store(0, x, x, segs)
	x = b.Reshape(x, n, 2, 2)
	b.Store(1, x, x, segs)
	b.EndStep()
	var out bytes.Buffer
	if _, err := kv.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sealed returns data with checksums that are right.
func sealed(data []byte) []byte {
	data = bytes.Clone(data)
	sum := func(end int) {
		if len(data) >= end {
			binary.LittleEndian.PutUint32(data[end-4:], crc32.Checksum(data[:end-4], crc32.MakeTable(crc32.Castagnoli)))
		}
	}
	sum(savedHead)
	if len(data) > savedHead {
		sum(len(data))
	}
	return data
}

func FuzzReadKV(f *testing.F) {
	b := start(f, 1)
	whole := saved(f, b, 70)
	f.Add(whole, true)
	f.Add(whole[:savedHead+200], false)
	f.Add(saved(f, b, 0), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		if seal {
			data = sealed(data)
		}
		r := bytes.NewReader(data)
		kv, err := b.ReadKV(savedLayers, r)
		if err != nil {
			if kv != nil || !errors.Is(err, tensor.ErrKVData) {
				t.Fatalf("ReadKV = %v, %v", kv, err)
			}
			if b.pages.used != 0 {
				t.Fatalf("%d pages are held after %v", b.pages.used, err)
			}
			return
		}
		defer kv.Free()
		var again bytes.Buffer
		if _, err := kv.WriteTo(&again); err != nil || !bytes.Equal(again.Bytes(), data[:len(data)-r.Len()]) {
			t.Fatalf("what was read is written otherwise (%v)", err)
		}
		kv.Truncate(0)
	})
}

// TestReadingTakesMemoryAsDataComes reads the head of a huge cache.
func TestReadingTakesMemoryAsDataComes(t *testing.T) {
	b := start(t, 1)
	data := saved(t, b, 70)
	binary.LittleEndian.PutUint32(data[16:], 1<<20)
	before := testing.AllocsPerRun(1, func() {})
	allocs := testing.AllocsPerRun(1, func() {
		if _, err := b.ReadKV(savedLayers, bytes.NewReader(sealed(data))); !errors.Is(err, tensor.ErrKVData) {
			t.Fatalf("ReadKV = %v, want an error about the data", err)
		}
	})
	if allocs-before > 100 {
		t.Errorf("%v allocations for %d bytes of data", allocs, len(data))
	}
	binary.LittleEndian.PutUint32(data[16:], 1<<20+1)
	if _, err := b.ReadKV(savedLayers, bytes.NewReader(sealed(data))); !errors.Is(err, tensor.ErrKVData) {
		t.Errorf("more positions than can be: %v, want an error about the data", err)
	}
}
