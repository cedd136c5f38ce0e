package ogg

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// The limits of what a Vorbis decoder is asked to hold. Encoders make books of
// some thousand entries.
const (
	maxEntries = 1 << 15 // of a code book
	maxValues  = 1 << 20 // entries times dimensions, of all books together
)

// checkFirst looks at the first header: block sizes are 64 to 8192 samples.
//
// Source: Vorbis I specification, 4.2.2.
func checkFirst(packet []byte) error {
	if len(packet) < 30 {
		return fmt.Errorf("ogg: first header of %d bytes, want 30", len(packet))
	}
	if n := int(packet[11]); n < 1 || n > maxChannels {
		return fmt.Errorf("ogg: %d channels, want 1 to %d", n, maxChannels)
	}
	if short, long := packet[28]&15, packet[28]>>4; short < 6 || long > 13 || short > long {
		return fmt.Errorf("ogg: blocks of 2^%d and 2^%d samples, want 2^6 to 2^13", short, long)
	}
	return nil
}

// checkSetup reads the code books of a setup header: how large they are, and
// whether every sequence of bits is a word. With other books the decoder would
// take all memory, or never end.
//
// Source: Vorbis I specification, 3.2.1 and 4.2.4.
func checkSetup(packet []byte) error {
	if !bytes.HasPrefix(packet, []byte("\x05vorbis")) {
		return errors.New("ogg: no setup header")
	}
	r := &bitReader{data: packet[7:]}
	values := 0
	for i := range r.read(8) + 1 {
		if r.read(24) != 0x564342 {
			return fmt.Errorf("ogg: no code book %d", i)
		}
		dimensions, entries := r.read(16), r.read(24)
		values += dimensions * entries
		if dimensions < 1 || entries < 1 || entries > maxEntries || values > maxValues {
			return fmt.Errorf("ogg: code book %d has %d entries of %d dimensions", i, entries, dimensions)
		}
		if !r.complete(entries) {
			return fmt.Errorf("ogg: code book %d is no complete code", i)
		}
		switch kind := r.read(4); kind {
		case 0:
		case 1, 2:
			r.at += 64
			width := r.read(4) + 1
			r.at++
			n := entries * dimensions
			if kind == 1 {
				n = int(math.Floor(math.Pow(float64(entries), 1/float64(dimensions))))
			}
			r.at += n * width
		default:
			return fmt.Errorf("ogg: code book %d is of kind %d", i, kind)
		}
		if r.at > 8*len(r.data) {
			return fmt.Errorf("ogg: the setup header ends in code book %d", i)
		}
	}
	return nil
}

// complete reads the lengths of a book's words and reports whether they fill
// the tree: the sum of 2^-length is 1. A book of one word is complete too.
func (r *bitReader) complete(entries int) bool {
	const one = 1 << 32
	sum, used := uint64(0), 0
	word := func(length int) {
		sum += one >> length
		used++
	}
	if r.read(1) == 1 { // in order of length
		length := r.read(5) + 1
		for done := 0; done < entries && length <= 32; length++ {
			n := r.read(bits.Len(uint(entries - done)))
			if done += n; done > entries {
				return false
			}
			for range n {
				word(length)
			}
		}
		return sum == one || used == 1
	}
	sparse := r.read(1) == 1
	for range entries {
		if !sparse || r.read(1) == 1 {
			word(r.read(5) + 1)
		}
	}
	return sum == one || used == 1 && sum == one/2
}

// bitReader reads numbers from the lowest bit of the first byte on. Behind the
// end there are zeros.
type bitReader struct {
	data []byte
	at   int // in bits
}

func (r *bitReader) read(n int) (v int) {
	for i := range n {
		if at := r.at + i; at < 8*len(r.data) {
			v |= int(r.data[at/8]>>(at%8)&1) << i
		}
	}
	r.at += n
	return v
}
