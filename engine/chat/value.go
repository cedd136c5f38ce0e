package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxNesting is how deep JSON values may be nested.
const maxNesting = 64

// object is a JSON object in the order of its text. With it, values are
// object, []any, string, json.Number, bool and nil.
type object []member

// member is a key and its value.
type member struct {
	key   string
	value any
}

// get returns the value of a key, and whether it is there.
func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// sorted returns the members by key without regard to case; those that differ
// in case only stay in order.
func (o object) sorted() object {
	out := slices.Clone(o)
	slices.SortStableFunc(out, func(a, b member) int {
		return strings.Compare(strings.ToLower(a.key), strings.ToLower(b.key))
	})
	return out
}

// decode reads one JSON value. Of keys that stand twice the last value counts,
// in the first one's place.
func decode(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeNext(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the value")
	}
	return v, nil
}

func decodeNext(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		at := map[string]int{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeNext(d, depth+1)
			if err != nil {
				return nil, err
			}
			k := key.(string) // what the decoder gives in an object
			if i, ok := at[k]; ok {
				o[i].value = v
				continue
			}
			at[k] = len(o)
			o = append(o, member{k, v})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeNext(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return t, nil
}

// truthy reports whether Python takes a value for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0 // what is too large is not 0
	case []any:
		return len(v) > 0
	case object:
		return len(v) > 0
	}
	return true
}

// number prints a JSON number as Python prints it: whole numbers as they are,
// others as the shortest decimal that reads back, with an exponent of two
// digits or more below 1e-4 and from 1e16 on.
func number(n json.Number) string {
	if !strings.ContainsAny(string(n), ".eE") {
		if n == "-0" {
			return "0"
		}
		return string(n)
	}
	f, err := n.Float64()
	if err != nil {
		if strings.HasPrefix(string(n), "-") {
			return "-inf"
		}
		return "inf"
	}
	digits := strconv.FormatFloat(f, 'e', -1, 64)
	exponent, _ := strconv.Atoi(digits[strings.IndexByte(digits, 'e')+1:])
	if f != 0 && (exponent < -4 || exponent >= 16) {
		return digits
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return out
}

// trim strips what Python takes for white space from both ends.
func trim(s string) string {
	return strings.TrimFunc(s, func(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f })
}

// withoutThoughts drops thoughts from an assistant's text.
//
// Source: gemma4.md 6.4.
func withoutThoughts(text string) string {
	var kept strings.Builder
	for piece := range strings.SplitSeq(text, "<channel|>") {
		before, _, _ := strings.Cut(piece, "<|channel>")
		kept.WriteString(before)
	}
	return trim(kept.String())
}
