package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// digest is what the content of a file must add up to. Large files have a
// SHA-256, small ones the SHA-1 of a git blob.
type digest struct {
	hex string // 64 or 40 lower-case digits
}

// parseDigest returns the zero value for what is no digest.
func parseDigest(s string) digest {
	if isHex(s, 64) || isHex(s, 40) {
		return digest{s}
	}
	return digest{}
}

// new returns the sum to be fed with a content of that size.
func (d digest) new(size int64) hash.Hash {
	if len(d.hex) == 64 {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", size) // a hash never fails
	return h
}

// check compares a sum with the digest.
func (d digest) check(sum hash.Hash) error {
	got := hex.EncodeToString(sum.Sum(nil))
	if got == d.hex {
		return nil
	}
	kind := "sha256"
	if len(d.hex) == 40 {
		kind = "git sha1"
	}
	return fmt.Errorf("%s %s, want %s", kind, got, d.hex)
}
