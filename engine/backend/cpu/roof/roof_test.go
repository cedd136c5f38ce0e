package roof

import (
	"testing"
	"time"

	"hark/engine/backend/cpu/isa"
	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestRatesAreAboveZero(t *testing.T) {
	for _, l := range isa.Available() {
		t.Run("impl="+l.String(), func(t *testing.T) {
			defer isa.Use(isa.Use(l))
			for _, threads := range []int{1, 3} {
				r := New(&Options{Threads: threads, Bytes: 3*pieceBytes + 1})
				read, multiplied := r.Read(time.Millisecond), r.Multiply(time.Millisecond)
				if read < 1e6 || multiplied < 1e6 {
					t.Errorf("%d threads: %v bytes and %v operations a second", threads, read, multiplied)
				}
				r.Close()
				r.Close()
			}
		})
	}
}

// TestStreamReadsEveryByte changes one byte at a time.
func TestStreamReadsEveryByte(t *testing.T) {
	for _, l := range isa.Available() {
		t.Run("impl="+l.String(), func(t *testing.T) {
			defer isa.Use(isa.Use(l))
			data := make([]byte, 1024)
			for i := range data {
				data[i] = byte(i * 7)
			}
			want := streamGeneric(data)
			if got := stream(data); got != want {
				t.Errorf("%#x, plain Go says %#x", got, want)
			}
			for i := range data {
				data[i] ^= 0x10
				if stream(data) == want {
					t.Errorf("byte %d is not read", i)
				}
				data[i] ^= 0x10
			}
		})
	}
}
