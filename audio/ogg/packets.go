package ogg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// packets takes a file apart into the packets of its first stream. Page sums
// are not checked.
//
// Source: RFC 3533.
type packets struct {
	rest   []byte // pages to come
	sizes  []byte // segments of this page that are left
	body   []byte // and their bytes
	serial uint32
	begun  bool
	end    int64 // samples up to the end of this page, if last
	last   bool  // this page is the stream's last
}

// maxPacket bounds one packet: comments may hold a picture.
const maxPacket = 16 << 20

// next returns a packet. It is io.ErrUnexpectedEOF where the file breaks off.
func (p *packets) next() (packet []byte, err error) {
	for {
		if len(p.sizes) == 0 {
			if p.last {
				return nil, io.EOF
			}
			if err := p.page(); err != nil {
				return nil, err
			}
			continue
		}
		size := int(p.sizes[0])
		packet = append(packet, p.body[:size]...)
		p.sizes, p.body = p.sizes[1:], p.body[size:]
		if size < 255 {
			return packet, nil
		}
		if len(packet) > maxPacket {
			return nil, fmt.Errorf("ogg: a packet of more than %d bytes", maxPacket)
		}
	}
}

// page goes to the stream's next page.
func (p *packets) page() error {
	for {
		if len(p.rest) < 27 || !bytes.HasPrefix(p.rest, []byte("OggS")) {
			return io.ErrUnexpectedEOF
		}
		head := p.rest[:27]
		body := p.rest[27:]
		n, total := int(head[26]), 0
		for _, size := range body[:min(n, len(body))] {
			total += int(size)
		}
		if len(body) < n+total {
			return io.ErrUnexpectedEOF
		}
		p.rest = body[n+total:]
		if serial := binary.LittleEndian.Uint32(head[14:]); !p.begun || serial == p.serial {
			p.serial, p.begun = serial, true
			p.sizes, p.body = body[:n], body[n:n+total]
			p.last, p.end = head[5]&4 != 0, int64(binary.LittleEndian.Uint64(head[6:]))
			return nil
		}
	}
}
