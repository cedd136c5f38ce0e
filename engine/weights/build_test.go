package weights

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"testing"
)

// made is a tensor to be written into a test file.
type made struct {
	dtype string
	shape []int
	data  []byte
}

// blank returns a tensor of zeros.
func blank(dtype string, shape ...int) made {
	return made{dtype, shape, make([]byte, size(shape)*dtypeBits[dtype]/8)}
}

// floats returns a tensor of F32 values.
func floats(values []float32, shape ...int) made {
	m := made{dtype: "F32", shape: shape}
	for _, v := range values {
		m.data = binary.LittleEndian.AppendUint32(m.data, math.Float32bits(v))
	}
	return m
}

// numbered returns a tensor whose bytes count up, so that no two parts are
// alike.
func numbered(dtype string, shape ...int) made {
	m := blank(dtype, shape...)
	for i := range m.data {
		m.data[i] = byte(i*7 + i>>8)
	}
	return m
}

// file writes tensors as a safetensors file, in the order of their names.
func file(tensors map[string]made) []byte {
	header, data := map[string]any{"__metadata__": map[string]string{"format": "mlx"}}, []byte(nil)
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		m := tensors[name]
		shape := m.shape
		if shape == nil {
			shape = []int{}
		}
		header[name] = map[string]any{"dtype": m.dtype, "shape": shape, "data_offsets": []int{len(data), len(data) + len(m.data)}}
		data = append(data, m.data...)
	}
	head, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return join(string(head), data)
}

// join puts a header in front of data.
func join(header string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}

// open returns the checkpoint of one file with these tensors.
func open(t *testing.T, tensors map[string]made) *Checkpoint {
	t.Helper()
	c, err := Open(Memory("test", map[string][]byte{singleFile: file(tensors)}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// quantized adds the three tensors of a matrix in some scheme.
func quantized(to map[string]made, base, scaleType string, s Scheme, shape ...int) {
	in := shape[len(shape)-1]
	lead := shape[:len(shape)-1]
	to[base+".weight"] = numbered("U32", append(slices.Clone(lead), in*s.Bits/32)...)
	to[base+".scales"] = numbered(scaleType, append(slices.Clone(lead), in/s.Group)...)
	if scaleType != "U8" {
		to[base+".biases"] = numbered(scaleType, append(slices.Clone(lead), in/s.Group)...)
	}
}
