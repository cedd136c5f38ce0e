package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"hark/engine/token"
)

// The format of a saved prefix, little-endian: the 16 bytes of savedMagic; the
// 32 bytes of the key; uint32s with the number of slots and of positions; of
// each slot an int32, a token's id, or -1 for a medium, which is followed by
// its content's key of 32 bytes and a uint32 with its soft tokens; the CRC-32C
// of all that. What tensor.KV.WriteTo writes follows, and nothing else.
const savedMagic = "hark prefix  v1\n"

// maxSavedSlots bounds the slots of a saved prefix.
const maxSavedSlots = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errSaved = errors.New("not a saved prefix")

// past is a medium of a saved prefix: its soft tokens are in the cache, and
// what is known of it is its content.
type past struct {
	soft
	content contentKey
}

func (p *past) state() *soft { return &p.soft }

func (p *past) key() (contentKey, bool) { return p.content, true }

// appendSaved appends the head of a saved prefix. It reports false if the
// prefix cannot be saved, since not all of its content is known.
func appendSaved(b []byte, key contentKey, p *parked) ([]byte, bool) {
	b = append(b, savedMagic...)
	b = append(b, key[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.slots)))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.kv.Len()))
	for i, s := range p.slots {
		if s.medium == nil {
			b = binary.LittleEndian.AppendUint32(b, uint32(s.id))
			continue
		}
		content, ok := s.medium.key()
		if !ok {
			return nil, false
		}
		end := p.kv.Len()
		if i+1 < len(p.starts) {
			end = p.starts[i+1]
		}
		b = binary.LittleEndian.AppendUint32(b, ^uint32(0))
		b = append(b, content[:]...)
		b = binary.LittleEndian.AppendUint32(b, uint32(end-p.starts[i]))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), true
}

// readSaved reads the head of a saved prefix: its slots and their positions.
// The memory taken is in proportion to the bytes read.
func readSaved(r io.Reader, key contentKey) (slots []slot, starts []int, length int, err error) {
	d := savedReader{r: r}
	if magic := d.next(len(savedMagic)); d.err == nil && string(magic) != savedMagic {
		return nil, nil, 0, fmt.Errorf("%w: it begins with %q", errSaved, magic)
	}
	if k := d.next(len(key)); d.err == nil && !bytes.Equal(k, key[:]) {
		return nil, nil, 0, fmt.Errorf("%w of this model and version", errSaved)
	}
	count, length := int(d.number()), int(d.number())
	if d.err == nil && (count > maxSavedSlots || length > maxSavedSlots) {
		return nil, nil, 0, fmt.Errorf("%w: %d slots, %d positions", errSaved, count, length)
	}
	at := 0
	for range count {
		s, n := slot{id: token.ID(d.number())}, 1
		if s.id < -1 {
			break
		}
		if s.id == -1 {
			p := &past{content: contentKey(append(make([]byte, 0, len(key)), d.next(len(key))...))}
			p.whole, p.freed = true, true
			s, n = slot{medium: p}, int(d.number())
		}
		if d.err != nil || n > length-at {
			break
		}
		slots, starts = append(slots, s), append(starts, at)
		at += n
	}
	sum := d.sum
	if got := d.number(); d.err == nil && (got != sum || at != length || len(slots) != count) {
		return nil, nil, 0, fmt.Errorf("%w: damaged", errSaved)
	}
	return slots, starts, length, d.err
}

// savedReader reads what is fixed in length. The first error stays.
type savedReader struct {
	r   io.Reader
	sum uint32
	buf [64]byte
	err error
}

// next returns the next n bytes, at most 64, zeros after an error.
func (d *savedReader) next(n int) []byte {
	b := d.buf[:n]
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, b)
	}
	if d.err != nil {
		clear(b)
	}
	d.sum = crc32.Update(d.sum, castagnoli, b)
	return b
}

func (d *savedReader) number() uint32 { return binary.LittleEndian.Uint32(d.next(4)) }
