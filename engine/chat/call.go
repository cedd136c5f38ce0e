package chat

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexeme is a part of a call: text, or a string between two quote tokens.
type lexeme struct {
	text   string
	quoted bool
	shut   bool // the second quote was there
}

// callReader reads the arguments of a call and writes them as JSON.
//
// Source: gemma4.md 6.6.
type callReader struct {
	rest  []lexeme
	out   bytes.Buffer
	depth int
	open  bool // more of the call may follow: only what is certain is written
}

// parseCall reads "call:NAME{ARGS}". It reports false if that is not what
// stands there; unfinished says that a string has no end.
func parseCall(parts []lexeme, unfinished bool) (ToolCall, bool) {
	if unfinished || len(parts) == 0 || parts[0].quoted {
		return ToolCall{}, false
	}
	head, args, braces := strings.Cut(parts[0].text, "{")
	name, ok := strings.CutPrefix(strings.TrimSpace(head), "call:")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return ToolCall{}, false
	}
	if !braces {
		return ToolCall{Name: name, Arguments: json.RawMessage("{}")}, len(parts) == 1
	}
	r := &callReader{rest: append([]lexeme{{text: args}}, parts[1:]...)}
	r.out.WriteByte('{')
	if !r.members('}', true) || r.peek() != 0 || len(r.rest) > 0 {
		return ToolCall{}, false
	}
	return ToolCall{Name: name, Arguments: r.out.Bytes()}, true
}

// beginningOfCall reads as much of a call as is written: its name and the
// beginning of its arguments that stays what it is, whatever follows. They are
// empty while there is nothing certain.
func beginningOfCall(parts []lexeme) (name string, arguments []byte) {
	if len(parts) == 0 || parts[0].quoted {
		return "", nil
	}
	head, args, braces := strings.Cut(parts[0].text, "{")
	name, ok := strings.CutPrefix(strings.TrimSpace(head), "call:")
	name = strings.TrimSpace(name)
	if !ok || name == "" || !braces {
		return "", nil
	}
	r := &callReader{rest: append([]lexeme{{text: args}}, parts[1:]...), open: true}
	r.out.WriteByte('{')
	r.members('}', true) // it fails where the text ends
	return name, r.out.Bytes()
}

// peek returns the next byte of text that is not white space. It is 0 at the
// end and where a quoted string is next.
func (r *callReader) peek() byte {
	for len(r.rest) > 0 && !r.rest[0].quoted {
		r.rest[0].text = strings.TrimLeftFunc(r.rest[0].text, unicode.IsSpace)
		if r.rest[0].text != "" {
			return r.rest[0].text[0]
		}
		r.rest = r.rest[1:]
	}
	return 0
}

// skip drops the byte that peek returned.
func (r *callReader) skip() { r.rest[0].text = r.rest[0].text[1:] }

// members reads the members of an object or the elements of an array up to
// its end, and writes them with that.
func (r *callReader) members(end byte, keys bool) bool {
	if r.depth++; r.depth > maxNesting {
		return false
	}
	for n := 0; ; n++ {
		if r.peek() == end {
			r.skip()
			r.out.WriteByte(end)
			r.depth--
			return true
		}
		if n > 0 {
			if r.peek() != ',' {
				return false
			}
			r.skip()
			r.out.WriteByte(',')
		}
		if keys && !r.key() || !r.value() {
			return false
		}
	}
}

// key reads a key and its colon.
func (r *callReader) key() bool {
	var key string
	switch c := r.peek(); {
	case c == 0 || c == '"':
		var ok bool
		if key, ok = r.str(); !ok {
			return false
		}
	default:
		text := r.rest[0].text
		i := strings.IndexAny(text, ":,{}[]")
		if i <= 0 || text[i] != ':' {
			return false
		}
		key = strings.TrimSpace(text[:i])
		r.rest[0].text = text[i:]
	}
	if r.peek() != ':' {
		return false
	}
	r.skip()
	r.string(key)
	r.out.WriteByte(':')
	return true
}

// value reads any value.
func (r *callReader) value() bool {
	switch r.peek() {
	case 0, '"':
		if r.open && len(r.rest) > 0 && r.rest[0].quoted && !r.rest[0].shut {
			r.beginning(r.rest[0].text)
			return false
		}
		s, ok := r.str()
		if ok {
			r.string(s)
		}
		return ok
	case '{':
		r.skip()
		r.out.WriteByte('{')
		return r.members('}', true)
	case '[':
		r.skip()
		r.out.WriteByte('[')
		return r.members(']', false)
	}
	text := r.rest[0].text
	i := strings.IndexAny(text, ",}]")
	if i == 0 {
		return false
	}
	if i < 0 {
		if r.open {
			return false // a number or a word that may go on
		}
		i = len(text)
	}
	word := strings.TrimSpace(text[:i])
	r.rest[0].text = text[i:]
	switch {
	case word == "true" || word == "false" || word == "null", isNumber(word):
		r.out.WriteString(word)
	default:
		r.string(word)
	}
	return true
}

// isNumber reports whether word is a JSON number that a program can read: one
// beyond the range of float64 is taken for a word.
func isNumber(word string) bool {
	if c := word[0]; c != '-' && (c < '0' || c > '9') {
		return false
	}
	var v float64
	return json.Unmarshal([]byte(word), &v) == nil
}

// str reads a string: between quote tokens, or as JSON writes it.
func (r *callReader) str() (string, bool) {
	if len(r.rest) == 0 {
		return "", false
	}
	first := &r.rest[0]
	if first.quoted {
		r.rest = r.rest[1:]
		return first.text, true
	}
	for i := 1; i < len(first.text); i++ {
		switch first.text[i] {
		case '\\':
			i++
		case '"':
			var s string
			err := json.Unmarshal([]byte(first.text[:i+1]), &s)
			first.text = first.text[i+1:]
			return s, err == nil
		}
	}
	return "", false
}

// beginning writes the beginning of a string, without a character that is not
// whole.
func (r *callReader) beginning(s string) {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if tail := s[len(s)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				s = s[:len(s)-n]
			}
			break
		}
	}
	r.string(s)
	r.out.Truncate(r.out.Len() - 1) // the quote that ends it
}

// string writes s as JSON does.
func (r *callReader) string(s string) {
	e := json.NewEncoder(&r.out)
	e.SetEscapeHTML(false)
	if e.Encode(s) == nil { // strings always can be encoded
		r.out.Truncate(r.out.Len() - 1) // the line end that Encode adds
	}
}
