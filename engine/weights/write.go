package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Tensor is one tensor to be written.
type Tensor struct {
	Name  string
	DType string // as safetensors spells it: F32, BF16, U32, …
	Shape []int
	// Bytes is the size of the data.
	Bytes int64
	// Data writes exactly Bytes bytes, little-endian.
	Data func(w io.Writer) error
}

// Write writes a safetensors file: tensors in order of their names, metadata
// in the header. Data is asked for one tensor after the other, so that memory
// stays that of one.
//
// Source: the safetensors format, README of huggingface/safetensors.
func Write(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	tensors = slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]any{}
	if len(metadata) > 0 {
		header["__metadata__"] = metadata
	}
	var at int64
	for _, t := range tensors {
		if _, twice := header[t.Name]; twice {
			return fmt.Errorf("weights: tensor %s written twice", t.Name)
		}
		header[t.Name] = entry{t.DType, append([]int{}, t.Shape...), [2]int64{at, at + t.Bytes}}
		at += t.Bytes
	}
	data, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("weights: header: %w", err)
	}
	for len(data)%8 != 0 {
		data = append(data, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(data))), data...)); err != nil {
		return err
	}
	for _, t := range tensors {
		c := &counter{w: w}
		if err := t.Data(c); err != nil {
			return fmt.Errorf("weights: tensor %s: %w", t.Name, err)
		}
		if c.n != t.Bytes {
			return fmt.Errorf("weights: tensor %s: %d bytes written, want %d", t.Name, c.n, t.Bytes)
		}
	}
	return nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
