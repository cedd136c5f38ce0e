package engine

import (
	"errors"
	"testing"

	"hark/engine/tensor"
)

// lostKV is a cache whose content went with a device that failed, as that of
// package mlx: it can only be emptied.
type lostKV struct {
	tensor.KV
	n    int
	lost bool
}

func (k *lostKV) Len() int              { return k.n }
func (k *lostKV) Restorable(n int) bool { return n == 0 || !k.lost }
func (k *lostKV) Bytes() int64          { return int64(k.n) }
func (k *lostKV) Free()                 {}

func (k *lostKV) Truncate(n int) {
	if k.n = n; n == 0 {
		k.lost = false
	}
}

// TestALostCacheIsReadAgain: after a step at which the device failed, the
// sequence is of use as soon as it is set, also where nothing of its prompt
// changes but that more follows.
func TestALostCacheIsReadAgain(t *testing.T) {
	kv := &lostKV{n: 2, lost: true}
	e := &Engine{}
	s := &stepSeq{
		cursor: cursor{next: 2}, kv: kv, slots: []slot{{id: 5}, {id: 6}, {id: 7}}, starts: []int{0, 1, 2},
		exact: unlimited, cached: unlimited, failed: errors.New("the device failed"),
	}
	s.set(e, 3, []slot{{id: 8}})
	if kv.lost || kv.n != 0 || s.next != 0 || len(s.starts) != 0 || s.failed != nil {
		t.Errorf("lost %v, %d positions, %d slots read, %d starts, failed %v; want an empty cache", kv.lost, kv.n, s.next, len(s.starts), s.failed)
	}
	if !s.ready() || len(s.slots) != 4 {
		t.Errorf("ready %v with %d slots", s.ready(), len(s.slots))
	}
}

// TestALostCacheIsNotKept: nobody could borrow from it.
func TestALostCacheIsNotKept(t *testing.T) {
	e := &Engine{opts: Options{PrefixBytes: 1 << 20}}
	slots, starts := make([]slot, 2*leastGain), make([]int, 2*leastGain)
	e.park(&lostKV{n: 2 * leastGain, lost: true}, slots, starts)
	if n := len(e.prefixes.kept); n != 0 {
		t.Errorf("%d prefixes are kept, want none", n)
	}
}

// TestALeftPlaceIsNotPaidForAgain: a step that reads into a sequence while it
// is being closed takes no memory from others for good.
func TestALeftPlaceIsNotPaidForAgain(t *testing.T) {
	e := &Engine{opts: Options{MaxBytes: 1 << 20, MaxSequences: 1}, layers: []tensor.KVLayer{{Heads: 1, Dim: 8}}}
	s, err := e.place()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.afford(s.st, 10); err != nil || e.reserved == 0 {
		t.Fatalf("afford = %v, %d bytes", err, e.reserved)
	}
	e.leave(s.st)
	if !e.cover(s.st, 500) || e.reserved != 0 || e.open != 0 {
		t.Errorf("%d bytes are paid for %d sequences, want none", e.reserved, e.open)
	}
}
