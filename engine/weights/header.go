package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
)

// maxHeader is the longest safetensors header in bytes that is read, the limit
// of the format's reference implementation.
const maxHeader = 100_000_000

// maxDims is the most axes a tensor may have.
const maxDims = 16

// Entry is one tensor of a checkpoint as its file describes it.
type Entry struct {
	DType string // as in the file: "F32", "F16", "BF16", "U32", "U8", …
	Shape []int  // sizes of the axes, slowest first; empty for a single value
	Data  []byte // little-endian values, maybe unaligned; must not be changed
	File  string // the file that holds it
}

// dtypeBits are the widths of the format's element types.
var dtypeBits = map[string]int{
	"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
	"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
	"U16": 16, "I16": 16, "F16": 16, "BF16": 16,
	"U32": 32, "I32": 32, "F32": 32,
	"U64": 64, "I64": 64, "F64": 64, "C64": 64,
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}

// headerEntry is one value of the header object.
type headerEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// tensorSpan is an entry and its name, for the check of the layout.
type tensorSpan struct {
	name       string
	begin, end uint64
}

// parseFile reads the header of one safetensors file and returns its tensors
// and its metadata. Everything the header claims is checked: lengths, names,
// types, shapes against bytes, and that the tensors lie one behind the other
// from the first data byte to the last.
//
// Source: the format description of safetensors; its Rust implementation
// refuses the same files.
func parseFile(file string, data []byte) (map[string]Entry, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("%s: %d bytes, want at least 8", file, len(data))
	}
	size := binary.LittleEndian.Uint64(data)
	if size > maxHeader {
		return nil, nil, fmt.Errorf("%s: header of %d bytes, want at most %d", file, size, maxHeader)
	}
	if size > uint64(len(data)-8) {
		return nil, nil, fmt.Errorf("%s: header of %d bytes in a file of %d", file, size, len(data))
	}
	head, body := data[8:8+size], data[8+size:]
	entries := map[string]Entry{}
	var spans []tensorSpan
	var meta map[string]string
	err := eachKey(head, func(name string, dec *json.Decoder) error {
		if name == "__metadata__" {
			return dec.Decode(&meta)
		}
		var h headerEntry
		if err := dec.Decode(&h); err != nil {
			return err
		}
		e, err := h.entry(body)
		if err != nil {
			return err
		}
		e.File = file
		entries[name] = e
		spans = append(spans, tensorSpan{name, h.Offsets[0], h.Offsets[1]})
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := checkLayout(spans, uint64(len(body))); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return entries, meta, nil
}

// eachKey calls f for every key of a JSON object with the decoder before the
// key's value. Keys must be unlike, and nothing may follow the object.
func eachKey(object []byte, f func(key string, dec *json.Decoder) error) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if t != json.Delim('{') {
		return fmt.Errorf("header: starts with %v, want an object", t)
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("header: %w", err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("header: %v in place of a name", t)
		}
		if seen[key] {
			return fmt.Errorf("tensor %s: listed twice", key)
		}
		seen[key] = true
		if err := f(key, dec); err != nil {
			return fmt.Errorf("tensor %s: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("header: something follows the object")
	}
	return nil
}

// entry checks h against the data part of its file.
func (h *headerEntry) entry(body []byte) (Entry, error) {
	width, ok := dtypeBits[h.DType]
	if !ok {
		return Entry{}, fmt.Errorf("dtype %q is not known", h.DType)
	}
	if h.Shape == nil || len(h.Shape) > maxDims {
		return Entry{}, fmt.Errorf("%d axes, want a shape of 0 to %d", len(h.Shape), maxDims)
	}
	if len(h.Offsets) != 2 {
		return Entry{}, fmt.Errorf("%d data offsets, want 2", len(h.Offsets))
	}
	total := uint64(width)
	shape := make([]int, len(h.Shape))
	for i, n := range h.Shape {
		if n < 0 || int64(int(n)) != n {
			return Entry{}, fmt.Errorf("shape %v", h.Shape)
		}
		shape[i] = int(n)
		hi, lo := bits.Mul64(total, uint64(n))
		if hi != 0 {
			return Entry{}, fmt.Errorf("shape %v overflows", h.Shape)
		}
		total = lo
	}
	begin, end := h.Offsets[0], h.Offsets[1]
	if begin > end || end > uint64(len(body)) {
		return Entry{}, fmt.Errorf("bytes %d to %d of %d", begin, end, len(body))
	}
	if total%8 != 0 || total/8 != end-begin {
		return Entry{}, fmt.Errorf("%d bytes for %s %v, want %d", end-begin, h.DType, h.Shape, (total+7)/8)
	}
	return Entry{DType: h.DType, Shape: shape, Data: body[begin:end:end]}, nil
}

// checkLayout demands that the tensors fill the data part without overlaps,
// gaps or remainder.
func checkLayout(spans []tensorSpan, size uint64) error {
	slices.SortFunc(spans, func(a, b tensorSpan) int {
		switch {
		case a.begin != b.begin:
			return cmpUint(a.begin, b.begin)
		case a.end != b.end:
			return cmpUint(a.end, b.end)
		}
		return strings.Compare(a.name, b.name)
	})
	var at uint64
	before := ""
	for _, s := range spans {
		if s.begin < at {
			return fmt.Errorf("tensor %s: starts at byte %d, before %s ends at %d", s.name, s.begin, before, at)
		}
		if s.begin > at {
			return fmt.Errorf("tensor %s: starts at byte %d, want %d", s.name, s.begin, at)
		}
		at, before = s.end, s.name
	}
	if at != size {
		return fmt.Errorf("tensors end at byte %d of %d", at, size)
	}
	return nil
}

func cmpUint(a, b uint64) int {
	if a < b {
		return -1
	}
	return 1
}
