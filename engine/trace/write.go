package trace

import (
	"encoding/binary"
	"io"
	"math"

	"hark/engine/token"
	"hark/engine/weights"
)

func ids(name string, list []token.ID) weights.Tensor {
	return words(name, "I32", []int{len(list)}, len(list), func(i int) uint32 { return uint32(int32(list[i])) })
}

func floats(name string, shape []int, values []float32) weights.Tensor {
	return words(name, "F32", shape, len(values), func(i int) uint32 { return math.Float32bits(values[i]) })
}

// words writes n four-byte values.
func words(name, dtype string, shape []int, n int, at func(i int) uint32) weights.Tensor {
	return weights.Tensor{Name: name, DType: dtype, Shape: shape, Bytes: 4 * int64(n), Data: func(w io.Writer) error {
		const piece = 1 << 14
		buf := make([]byte, 0, 4*piece)
		for from := 0; from < n; from += piece {
			buf = buf[:0]
			for i := from; i < min(from+piece, n); i++ {
				buf = binary.LittleEndian.AppendUint32(buf, at(i))
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}}
}
