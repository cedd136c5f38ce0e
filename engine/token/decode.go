package token

import (
	"strings"
	"unicode/utf8"
)

// replacement is what stands for a byte that is not part of a character.
const replacement = "\uFFFD"

// Decode returns the text of ids. Special tokens appear as the file spells
// them, ids that do not exist do not appear. Tokens of single bytes, as many
// as stand side by side, are text if together they are valid UTF-8; otherwise
// each of them is U+FFFD.
func (t *Tokenizer) Decode(ids []ID) string {
	var out strings.Builder
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			out.Write(run)
		} else {
			out.WriteString(strings.Repeat(replacement, len(run)))
		}
		run = run[:0]
	}
	for _, id := range ids {
		if !t.has(id) {
			continue
		}
		if t.flags[id]&raw != 0 {
			run = append(run, byteOf(t.pieces[id]))
			continue
		}
		flush()
		out.WriteString(t.text(id))
	}
	flush()
	return out.String()
}

// text returns what a token that is not a byte stands for.
func (t *Tokenizer) text(id ID) string {
	if t.restore.from == "" {
		return t.pieces[id]
	}
	return strings.ReplaceAll(t.pieces[id], t.restore.from, t.restore.to)
}

// byteOf returns NN of "<0xNN>".
func byteOf(piece string) byte { return hex(piece[3])<<4 | hex(piece[4]) }

// hex returns the value of a hexadecimal digit, 255 for other characters.
func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// isByte reports whether a piece has the form "<0xNN>".
func isByte(piece string) bool {
	return len(piece) == 6 && piece[:3] == "<0x" && piece[5] == '>' && hex(piece[3]) < 16 && hex(piece[4]) < 16
}

// Decoder turns ids into text one by one. What Push and Flush return adds up
// to what Decode returns without special tokens, wherever the bytes are valid
// UTF-8; where they are not, the Decoder keeps the characters that are whole
// and replaces only the rest. One goroutine may use it.
type Decoder struct {
	t    *Tokenizer
	half []byte // the beginning of a character, at most 3 bytes
}

// NewDecoder returns a Decoder at the beginning of a text.
func (t *Tokenizer) NewDecoder() *Decoder { return &Decoder{t: t} }

// Push returns the text that id completes, always whole characters. A special
// token gives no text of its own but ends a character that was begun.
func (d *Decoder) Push(id ID) string {
	t := d.t
	if !t.has(id) {
		return ""
	}
	if t.flags[id]&special != 0 {
		return d.Flush()
	}
	if t.flags[id]&raw == 0 {
		return d.Flush() + t.text(id)
	}
	d.half = append(d.half, byteOf(t.pieces[id]))
	out := ""
	for len(d.half) > 0 && utf8.FullRune(d.half) {
		c, size := utf8.DecodeRune(d.half)
		out += string(c)
		d.half = append(d.half[:0], d.half[size:]...)
	}
	return out
}

// Flush returns U+FFFD for each byte of a character that did not come to its
// end. The Decoder may then begin another text.
func (d *Decoder) Flush() string {
	n := len(d.half)
	d.half = d.half[:0]
	return strings.Repeat(replacement, n)
}
