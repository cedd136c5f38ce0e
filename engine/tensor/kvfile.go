package tensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// ErrKVData is wrapped by the errors of Backend.ReadKV that are about the
// data, not about reading it.
var ErrKVData = errors.New("no saved cache of this model")

// The format of a saved cache, little-endian: the 8 bytes of kvMagic; uint32s
// with the version, the number of layers and the positions; of each layer
// uint32s with heads, size, window, bits, the hash of its Rotary and the first
// position that is held; the CRC-32C of all that. Then layer by layer and
// position by position the keys [K, D] and the values [K, D]: where bits is 0
// as float32, else for each head as float32 scales, of a key one for 32 values,
// of a value one, and D codes. Last comes the CRC-32C of the whole.
const (
	kvMagic   = "hark kv\n"
	kvVersion = 1
)

// maxPositions bounds the positions of a saved cache.
const maxPositions = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hash returns a number for the turns, 0 for nil.
func (r *Rotary) hash() uint32 {
	if r == nil {
		return 0
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(r.Sections))
	for _, f := range r.Freq {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return max(crc32.Checksum(b, castagnoli), 1)
}

// head returns what the format says of a layer, the first position aside.
func (l *KVLayer) head() [5]uint32 {
	return [5]uint32{uint32(l.Heads), uint32(l.Dim), uint32(l.Window), uint32(l.Bits), l.Rotary.hash()}
}

// KVEncoder writes a saved cache. The first error stays; Close returns it.
type KVEncoder struct {
	w   io.Writer
	n   int64
	sum uint32
	buf []byte
	err error
}

// NewKVEncoder begins with length positions, those of layer i held from
// first[i] on.
func NewKVEncoder(w io.Writer, layers []KVLayer, length int, first []int) *KVEncoder {
	e := &KVEncoder{w: w}
	if length > maxPositions {
		e.err = fmt.Errorf("%d positions, at most %d can be read again", length, maxPositions)
	}
	b := append(e.buf, kvMagic...)
	for _, v := range []int{kvVersion, len(layers), length} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	for i := range layers {
		for _, v := range layers[i].head() {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(first[i]))
	}
	e.write(b)
	e.write(binary.LittleEndian.AppendUint32(b[:0], e.sum))
	return e
}

func (e *KVEncoder) write(b []byte) {
	if e.err == nil {
		var n int
		n, e.err = e.w.Write(b)
		e.n += int64(n)
		e.sum = crc32.Update(e.sum, castagnoli, b)
	}
	e.buf = b[:0]
}

// Floats writes values.
func (e *KVEncoder) Floats(values []float32) {
	b := e.buf[:0]
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	e.write(b)
}

// Codes writes the scales and codes of one head.
func (e *KVEncoder) Codes(scales []float32, codes []int8) {
	b := e.buf[:0]
	for _, v := range scales {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, c := range codes {
		b = append(b, byte(c))
	}
	e.write(b)
}

// Close ends the data and returns the bytes written and the first error.
func (e *KVEncoder) Close() (int64, error) {
	e.write(binary.LittleEndian.AppendUint32(e.buf[:0], e.sum))
	if e.err != nil {
		return e.n, fmt.Errorf("tensor: save cache: %w", e.err)
	}
	return e.n, nil
}

// KVDecoder reads what KVEncoder wrote, and no byte behind it.
type KVDecoder struct {
	// Len is the number of positions.
	Len int
	// First is the first position that is held, by layer: 0, or for a layer
	// with a Window at most Len-Window+1.
	First []int

	r   io.Reader
	sum uint32
	buf []byte
}

// NewKVDecoder reads the head of a cache of layers.
func NewKVDecoder(r io.Reader, layers []KVLayer) (*KVDecoder, error) {
	d := &KVDecoder{r: r}
	b, err := d.read(len(kvMagic) + 8)
	if err != nil {
		return nil, err
	}
	if string(b[:len(kvMagic)]) != kvMagic {
		return nil, fmt.Errorf("tensor: read cache: it begins with %q, want %q: %w", b[:len(kvMagic)], kvMagic, ErrKVData)
	}
	version, count := binary.LittleEndian.Uint32(b[len(kvMagic):]), binary.LittleEndian.Uint32(b[len(kvMagic)+4:])
	if version != kvVersion {
		return nil, fmt.Errorf("tensor: read cache: version %d, want %d: %w", version, kvVersion, ErrKVData)
	}
	if int64(count) != int64(len(layers)) {
		return nil, fmt.Errorf("tensor: read cache: %d layers, want %d: %w", count, len(layers), ErrKVData)
	}
	if b, err = d.read(4 + 24*len(layers)); err != nil {
		return nil, err
	}
	head := append([]byte(nil), b...)
	sum := d.sum
	if b, err = d.read(4); err != nil {
		return nil, err
	}
	if got := binary.LittleEndian.Uint32(b); got != sum {
		return nil, fmt.Errorf("tensor: read cache: checksum of the head %08x, want %08x: %w", got, sum, ErrKVData)
	}
	return d, d.parse(head, layers)
}

// parse takes the positions and the layers from the head.
func (d *KVDecoder) parse(b []byte, layers []KVLayer) error {
	length := binary.LittleEndian.Uint32(b)
	if length > maxPositions {
		return fmt.Errorf("tensor: read cache: %d positions, want at most %d: %w", length, maxPositions, ErrKVData)
	}
	d.Len = int(length)
	names := [5]string{"heads", "size", "window", "bits", "turns"}
	for i := range layers {
		at := b[4+24*i:]
		for j, want := range layers[i].head() {
			if got := binary.LittleEndian.Uint32(at[4*j:]); got != want {
				return fmt.Errorf("tensor: read cache: layer %d: %s %d, want %d: %w", i, names[j], got, want, ErrKVData)
			}
		}
		first, most := int64(binary.LittleEndian.Uint32(at[20:])), 0
		if layers[i].Window > 0 {
			most = max(0, d.Len-layers[i].Window+1)
		}
		if first > int64(most) {
			return fmt.Errorf("tensor: read cache: layer %d begins at position %d of %d, want at most %d: %w", i, first, d.Len, most, ErrKVData)
		}
		d.First = append(d.First, int(first))
	}
	return nil
}

// read returns the next n bytes, valid until the next call.
func (d *KVDecoder) read(n int) ([]byte, error) {
	if cap(d.buf) < n {
		d.buf = make([]byte, n)
	}
	b := d.buf[:n]
	if _, err := io.ReadFull(d.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("tensor: read cache: the data ends early: %w", ErrKVData)
		}
		return nil, fmt.Errorf("tensor: read cache: %w", err)
	}
	d.sum = crc32.Update(d.sum, castagnoli, b)
	return b, nil
}

// Floats reads as many values as dst has.
func (d *KVDecoder) Floats(dst []float32) error {
	b, err := d.read(4 * len(dst))
	if err != nil {
		return err
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}

// Codes reads the scales and codes of one head.
func (d *KVDecoder) Codes(scales []float32, codes []int8) error {
	b, err := d.read(4*len(scales) + len(codes))
	if err != nil {
		return err
	}
	for i := range scales {
		scales[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	for i, c := range b[4*len(scales):] {
		codes[i] = int8(c)
	}
	return nil
}

// Close reads the end and checks that the data is what was written.
func (d *KVDecoder) Close() error {
	sum := d.sum
	b, err := d.read(4)
	if err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint32(b); got != sum {
		return fmt.Errorf("tensor: read cache: checksum %08x, want %08x: %w", got, sum, ErrKVData)
	}
	return nil
}
