package tensor

import "hash"

// Digest adds short data to h, and 8 pieces of 512 bytes of long data: reading all
// of a large model would take as long as loading it from disk.
func Digest(h hash.Hash, data []byte) {
	const pieces, length = 8, 512
	if len(data) <= pieces*length {
		h.Write(data)
		return
	}
	for i := range pieces {
		at := (len(data) - length) / (pieces - 1) * i
		h.Write(data[at : at+length])
	}
}
