package main

import (
	"errors"
	"testing"

	"hark/engine"
	"hark/internal/host"
)

// TestKVFlagsReachTheEngine: with codes of 8 bits a conversation fits a memory
// in which it does not fit as it is computed.
func TestKVFlagsReachTheEngine(t *testing.T) {
	long := make(engine.Tokens, 3000)
	for i := range long {
		long[i] = 100
	}
	for bits, want := range map[int]error{0: engine.ErrMemory, 8: nil} {
		f := modelFlags{backendFlags: backendFlags{Backend: "cpu"}, Threads: 1, KVBits: bits, KVMemory: 8}
		e, done, err := f.open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Set([]engine.Part{long}); !errors.Is(err, want) {
			t.Errorf("%d bits: %v, want %v", bits, err, want)
		}
		s.Close()
		done()
	}
	for _, f := range []modelFlags{{KVBits: 4}, {KVMemory: -2}} {
		f.Backend = "cpu"
		var wrong usageError
		if _, _, err := f.open(t.Context(), nil); !errors.As(err, &wrong) {
			t.Errorf("%d bits in %d MiB: %v, want an error of use", f.KVBits, f.KVMemory, err)
		}
	}
}

// TestCachesTakeHalfOfWhatIsLeft, unless a flag says otherwise.
func TestCachesTakeHalfOfWhatIsLeft(t *testing.T) {
	_, available, err := host.Memory()
	if err != nil {
		t.Fatal(err)
	}
	if got := (&modelFlags{}).kvBytes(nil); got < leastKV || got > max(leastKV, available) {
		t.Errorf("%d bytes where %d are left", got, available)
	}
	for available, want := range map[int64]int64{0: leastKV, 1 << 20: leastKV, 10 << 30: 5 << 30} {
		if got := half(available); got != want {
			t.Errorf("%d bytes where %d are left, want %d", got, available, want)
		}
	}
	for flag, want := range map[int64]int64{noBound: 0, 7: 7 << 20} {
		if got := (&modelFlags{KVMemory: flag}).kvBytes(nil); got != want {
			t.Errorf("--kv-memory %d: %d bytes, want %d", flag, got, want)
		}
	}
}
