// Package roof measures the most that this machine can do with the
// instructions in use: how fast memory is read, and how fast float32 values
// are multiplied and added. No kernel can be faster, so the share of the roof
// says how good one is.
//
// Start reading at New.
package roof

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the choices of a measurement. The zero value works.
type Options struct {
	// Threads is how many goroutines work at a time; 0 means all processors
	// that GOMAXPROCS allows.
	Threads int
	// Bytes is the size of the memory that is read, by default 512 MiB: far
	// more than caches hold.
	Bytes int
}

const (
	defaultBytes = 512 << 20
	// Memory is handed out in pieces, and each measurement reads one part of
	// it, a different one every time.
	pieceBytes = 256 << 10
	partPieces = 256
	// rounds is how often a measurement of arithmetic goes round, about one
	// a millisecond.
	rounds = 1 << 15
)

// Roof measures. One goroutine may use it. Close frees the memory.
type Roof struct {
	threads int
	data    []byte
	release func()
	at      int // piece where the next measurement begins
}

// New takes the memory to read. o may be nil.
func New(o *Options) *Roof {
	r := &Roof{threads: min(runtime.NumCPU(), runtime.GOMAXPROCS(0))}
	size := defaultBytes
	if o != nil {
		if o.Threads > 0 {
			r.threads = o.Threads
		}
		if o.Bytes > 0 {
			size = o.Bytes
		}
	}
	size = max(size/pieceBytes, 1) * pieceBytes
	r.data, r.release = memory(size)
	for i := 0; i < size; i += 4096 {
		r.data[i] = byte(i >> 12) // every page is there, and not one page of zeros
	}
	return r
}

// Close frees the memory. It may be called again.
func (r *Roof) Close() {
	if r.release != nil {
		r.release()
	}
	r.data, r.release = nil, nil
}

// each runs f on all threads and returns how long the last took.
func (r *Roof) each(f func()) time.Duration {
	var working sync.WaitGroup
	start := time.Now()
	for range r.threads - 1 {
		working.Go(f)
	}
	f()
	working.Wait()
	return time.Since(start)
}

// Read reads memory for about d and returns the bytes a second of the fastest
// part.
func (r *Roof) Read(d time.Duration) float64 {
	best := 0.0
	for end := time.Now().Add(d); ; {
		pieces := len(r.data) / pieceBytes
		part := min(partPieces, pieces)
		var next atomic.Int64
		took := r.each(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= part {
					return
				}
				from := (r.at + i) % pieces * pieceBytes
				sink.Store(stream(r.data[from : from+pieceBytes]))
			}
		})
		r.at = (r.at + part) % pieces
		best = max(best, float64(part*pieceBytes)/took.Seconds())
		if !time.Now().Before(end) {
			return best
		}
	}
}

// Multiply multiplies and adds for about d and returns the operations a
// second, two a product, of the fastest part.
func (r *Roof) Multiply(d time.Duration) float64 {
	best := 0.0
	for end := time.Now().Add(d); ; {
		took := r.each(func() { sink.Store(uint64(multiply(rounds))) })
		best = max(best, float64(r.threads*rounds*products*2)/took.Seconds())
		if !time.Now().Before(end) {
			return best
		}
	}
}

// sink keeps results, so that they have to be computed.
var sink atomic.Uint64

// products is how many products a round of multiply computes.
const products = 4096

// streamGeneric combines all bytes; their number is a multiple of 64.
func streamGeneric(data []byte) uint64 {
	var s0, s1, s2, s3 uint64
	for ; len(data) >= 32; data = data[32:] {
		s0 ^= binary.LittleEndian.Uint64(data[0:])
		s1 ^= binary.LittleEndian.Uint64(data[8:])
		s2 ^= binary.LittleEndian.Uint64(data[16:])
		s3 ^= binary.LittleEndian.Uint64(data[24:])
	}
	return s0 ^ s1 ^ s2 ^ s3
}

// multiplyGeneric computes rounds times products products, 8 sums side by
// side.
func multiplyGeneric(rounds int) float32 {
	x := [8]float32{1, 2, 3, 4, 5, 6, 7, 8}
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for range rounds * (products / 8) {
		s0 += x[0] * s0
		s1 += x[1] * s1
		s2 += x[2] * s2
		s3 += x[3] * s3
		s4 += x[4] * s4
		s5 += x[5] * s5
		s6 += x[6] * s6
		s7 += x[7] * s7
	}
	return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7
}
