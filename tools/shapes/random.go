package main

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
)

// values are the contents of a tensor.
type values interface {
	// size is the bytes of one value.
	size() int
	// writer returns what writes so many bytes of them.
	writer(bytes int64) func(io.Writer) error
}

// pieceBytes is how much is made at a time.
const pieceBytes = 1 << 16

// inPieces writes bytes bytes, which fill makes a piece after the other.
func inPieces(w io.Writer, bytes int64, fill func(piece []byte)) error {
	piece := make([]byte, min(bytes, pieceBytes))
	for bytes > 0 {
		p := piece[:min(bytes, pieceBytes)]
		fill(p)
		if _, err := w.Write(p); err != nil {
			return err
		}
		bytes -= int64(len(p))
	}
	return nil
}

// seed makes random numbers that belong to a name.
func seed(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// codes are words of codes, all alike likely.
type codes struct{ name string }

func (codes) size() int { return 4 }

func (c codes) writer(bytes int64) func(io.Writer) error {
	return func(w io.Writer) error {
		r := seed(c.name)
		return inPieces(w, bytes, func(piece []byte) {
			for i := 0; i+8 <= len(piece); i += 8 {
				binary.LittleEndian.PutUint64(piece[i:], r.Uint64())
			}
			if rest := piece[len(piece)&^7:]; len(rest) > 0 {
				binary.LittleEndian.PutUint32(rest, r.Uint32())
			}
		})
	}
}

// scales are those of codes that are all alike likely, or the biases that go
// with them: weights come out around 0 with the standard deviation spread.
// Half of them are negative, as MLX's are.
type scales struct {
	name   string
	bits   int
	spread float64
	biases bool
}

func (scales) size() int { return 2 }

func (s scales) writer(bytes int64) func(io.Writer) error {
	levels := math.Exp2(float64(s.bits))
	step := s.spread / math.Sqrt((levels*levels-1)/12)
	return func(w io.Writer) error {
		r := seed(s.name + ".scales")
		return inPieces(w, bytes, func(piece []byte) {
			for i := 0; i < len(piece); i += 2 {
				random := r.Uint32()
				scale := step * (0.75 + float64(random>>8)/(1<<25))
				if random&1 != 0 {
					scale = -scale
				}
				if s.biases {
					scale = widen(bf16(scale)) * -(levels - 1) / 2
				}
				binary.LittleEndian.PutUint16(piece[i:], bf16(scale))
			}
		})
	}
}

// normal are bfloat16 values of a normal distribution.
type normal struct {
	name         string
	mean, spread float64
}

func (normal) size() int { return 2 }

func (n normal) writer(bytes int64) func(io.Writer) error {
	return func(w io.Writer) error {
		r := seed(n.name)
		return inPieces(w, bytes, func(piece []byte) {
			for i := 0; i < len(piece); i += 2 {
				binary.LittleEndian.PutUint16(piece[i:], bf16(n.mean+n.spread*r.NormFloat64()))
			}
		})
	}
}

// bf16 rounds to the nearest bfloat16, ties to even.
func bf16(v float64) uint16 {
	bits := math.Float32bits(float32(v))
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// widen returns the value of a bfloat16.
func widen(v uint16) float64 { return float64(math.Float32frombits(uint32(v) << 16)) }
