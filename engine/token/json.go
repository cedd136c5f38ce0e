package token

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deeply the values of a file may be nested.
const maxDepth = 64

// reader walks through JSON text without building values of it: a
// tokenizer.json has 800,000 short strings, and almost all are wanted only
// once, to look up a number. The text must be valid UTF-8.
type reader struct {
	data  []byte
	pos   int
	depth int
	buf   []byte // the last string with escapes
}

// fail returns an error that says where in the text it is.
func (r *reader) fail(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", r.pos, fmt.Sprintf(format, args...))
}

// peek returns the next byte that is not white space, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\n', '\r', '\t':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// expect skips the byte c.
func (r *reader) expect(c byte) error {
	if got := r.peek(); got != c || r.pos >= len(r.data) {
		return r.fail("%q, want %q", got, c)
	}
	r.pos++
	return nil
}

// members walks through an object or array whose brackets are given. f is
// called before each member and must read it.
func (r *reader) members(open, shut byte, f func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	if r.depth++; r.depth > maxDepth {
		return r.fail("nested more than %d deep", maxDepth)
	}
	defer func() { r.depth-- }()
	if r.peek() == shut {
		r.pos++
		return nil
	}
	for {
		if err := f(); err != nil {
			return err
		}
		if r.peek() == shut {
			r.pos++
			return nil
		}
		if err := r.expect(','); err != nil {
			return err
		}
	}
}

// object calls f for every key; f must read the value, and may keep the key
// until it reads a string.
func (r *reader) object(f func(key []byte) error) error {
	return r.members('{', '}', func() error {
		key, err := r.str()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return f(key)
	})
}

// array calls f for every element; f must read it.
func (r *reader) array(f func() error) error { return r.members('[', ']', f) }

// str reads a string. The result is valid until the next call.
func (r *reader) str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.pos
	for i, c := range r.data[start:] {
		switch {
		case c == '"':
			r.pos = start + i + 1
			return r.data[start : start+i], nil
		case c == '\\':
			r.pos = start + i
			return r.escaped(start)
		case c < ' ':
			r.pos = start + i
			return nil, r.fail("control character %#x in a string", c)
		}
	}
	return nil, r.fail("string does not end")
}

// escaped reads the rest of a string that started at start and has its first
// escape where the reader stands.
func (r *reader) escaped(start int) ([]byte, error) {
	r.buf = append(r.buf[:0], r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		r.pos++
		switch {
		case c == '"':
			return r.buf, nil
		case c < ' ':
			return nil, r.fail("control character %#x in a string", c)
		case c != '\\':
			r.buf = append(r.buf, c)
			continue
		}
		if err := r.escape(); err != nil {
			return nil, err
		}
	}
	return nil, r.fail("string does not end")
}

// escape reads what follows a backslash. Halves of surrogate pairs that stand
// alone become U+FFFD.
func (r *reader) escape() error {
	if r.pos >= len(r.data) {
		return r.fail("string does not end")
	}
	c := r.data[r.pos]
	r.pos++
	if i := bytes.IndexByte([]byte(`"\/bfnrt`), c); i >= 0 {
		r.buf = append(r.buf, "\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		return r.fail("escape \\%c", c)
	}
	v, err := r.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(v) {
		at := r.pos
		if bytes.HasPrefix(r.data[at:], []byte(`\u`)) {
			r.pos += 2
			low, err := r.hex4()
			if err != nil {
				return err
			}
			if whole := utf16.DecodeRune(v, low); whole != utf8.RuneError {
				r.buf = utf8.AppendRune(r.buf, whole)
				return nil
			}
			r.pos = at
		}
		v = utf8.RuneError
	}
	r.buf = utf8.AppendRune(r.buf, v)
	return nil
}

// hex4 reads four hexadecimal digits.
func (r *reader) hex4() (rune, error) {
	if r.pos+4 > len(r.data) {
		return 0, r.fail("string does not end")
	}
	var v rune
	for _, c := range r.data[r.pos : r.pos+4] {
		d := hex(c)
		if d > 15 {
			return 0, r.fail("%q in place of a hexadecimal digit", c)
		}
		v = v<<4 | rune(d)
	}
	r.pos += 4
	return v, nil
}

// bare reads true, false, null or a number and returns its text.
func (r *reader) bare() []byte {
	r.peek()
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', c == '-', c == '+', c == '.', c == 'E':
			r.pos++
		default:
			return r.data[start:r.pos]
		}
	}
	return r.data[start:r.pos]
}

// number reads a whole number from 0 to max.
func (r *reader) number(max int) (int, error) {
	text := r.bare()
	v := 0
	for _, c := range text {
		if c < '0' || c > '9' || v > max {
			return 0, r.fail("%q, want a whole number", text)
		}
		v = v*10 + int(c-'0')
	}
	if len(text) == 0 || v > max {
		return 0, r.fail("%q, want a whole number from 0 to %d", text, max)
	}
	return v, nil
}

// boolean reads true or false; null is false.
func (r *reader) boolean() (bool, error) {
	switch text := r.bare(); string(text) {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	default:
		return false, r.fail("%q, want true or false", text)
	}
}

// null skips null and reports whether it was there.
func (r *reader) null() bool {
	if r.peek() != 'n' || !bytes.HasPrefix(r.data[r.pos:], []byte("null")) {
		return false
	}
	r.pos += len("null")
	return true
}

// optional reads a string or null, which is "".
func (r *reader) optional() (string, error) {
	if r.null() {
		return "", nil
	}
	s, err := r.str()
	return string(s), err
}

// skip reads any value and forgets it.
func (r *reader) skip() error {
	switch r.peek() {
	case '{':
		return r.object(func([]byte) error { return r.skip() })
	case '[':
		return r.array(r.skip)
	case '"':
		_, err := r.str()
		return err
	}
	text := r.bare()
	switch string(text) {
	case "true", "false", "null":
		return nil
	}
	if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		return r.fail("%q, want a value", text)
	}
	return nil
}

// end demands that nothing follows.
func (r *reader) end() error {
	if r.peek(); r.pos < len(r.data) {
		return r.fail("%q after the end", r.data[r.pos])
	}
	return nil
}
