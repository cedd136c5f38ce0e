package realtime

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// reader keeps the first error of one event being read, so that the code that
// reads fields needs no branch after each.
type reader struct {
	err *Error
}

func (r *reader) fail(code, param, format string, args ...any) {
	if r.err == nil {
		r.err = Invalid(code, param, format, args...)
	}
}

// object is a JSON object at a path of the event.
type object struct {
	r      *reader
	path   string // "" for the event itself
	fields map[string]json.RawMessage
}

// param returns the path of a field, as error.param has it.
func (o object) param(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// present reports whether the field is there, null or not.
func (o object) present(name string) bool {
	_, ok := o.fields[name]
	return ok
}

// has reports whether the field is there and not null.
func (o object) has(name string) bool {
	raw, ok := o.fields[name]
	return ok && !isNull(raw)
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(raw, []byte("null")) }

// decode reads the field into dst; want names the JSON type for the message.
func (o object) decode(name string, dst any, want string) bool {
	if !o.has(name) {
		return false
	}
	if err := json.Unmarshal(o.fields[name], dst); err != nil {
		o.r.fail(CodeInvalidType, o.param(name), "invalid type for %s: want %s, got %s",
			o.param(name), want, typeName(o.fields[name]))
		return false
	}
	return true
}

func (o object) text(name string) (s string, ok bool) {
	ok = o.decode(name, &s, "a string")
	return s, ok
}

func (o object) number(name string) (v float64, ok bool) {
	ok = o.decode(name, &v, "a number")
	return v, ok
}

func (o object) flag(name string) (v, ok bool) {
	ok = o.decode(name, &v, "a boolean")
	return v, ok
}

// integer accepts 3 and 3.0: clients written in JavaScript send both.
func (o object) integer(name string) (int, bool) {
	v, ok := o.number(name)
	if !ok {
		return 0, false
	}
	if v != math.Trunc(v) || math.Abs(v) > 1<<52 {
		o.r.fail(CodeInvalidType, o.param(name), "invalid type for %s: want an integer, got %v", o.param(name), v)
		return 0, false
	}
	return int(v), true
}

// between reads an integer and checks its range.
func (o object) between(name string, low, high int) (int, bool) {
	n, ok := o.integer(name)
	if ok && (n < low || n > high) {
		o.r.fail(CodeInvalidValue, o.param(name), "%s is %d, want %d to %d", o.param(name), n, low, high)
		return 0, false
	}
	return n, ok
}

// within reads a number and checks its range.
func (o object) within(name string, low, high float64) (float64, bool) {
	v, ok := o.number(name)
	if ok && (v < low || v > high) {
		o.r.fail(CodeInvalidValue, o.param(name), "%s is %v, want %v to %v", o.param(name), v, low, high)
		return 0, false
	}
	return v, ok
}

// object reads a field that is an object.
func (o object) object(name string) (object, bool) {
	if !o.has(name) {
		return object{}, false
	}
	return o.r.object(o.param(name), o.fields[name])
}

// object reads raw as an object.
func (r *reader) object(path string, raw json.RawMessage) (object, bool) {
	sub := object{r: r, path: path}
	if err := json.Unmarshal(raw, &sub.fields); err != nil || sub.fields == nil {
		r.fail(CodeInvalidType, path, "invalid type for %s: want an object, got %s", path, typeName(raw))
		return object{}, false
	}
	return sub, true
}

// list reads a field that is an array.
func (o object) list(name string) ([]json.RawMessage, bool) {
	var items []json.RawMessage
	ok := o.decode(name, &items, "an array")
	return items, ok
}

// need fails the event if the field is absent or null.
func (o object) need(name string) bool {
	if o.has(name) {
		return true
	}
	o.r.fail(CodeMissing, o.param(name), "missing required parameter: %s", o.param(name))
	return false
}

// bytes reads a base64 string, padded or not.
func (o object) bytes(name string) ([]byte, bool) {
	s, ok := o.text(name)
	if !ok {
		return nil, false
	}
	data, err := decodeBase64(s)
	if err != nil {
		o.r.fail(CodeInvalidValue, o.param(name), "%s is not base64: %v", o.param(name), err)
		return nil, false
	}
	return data, true
}

func decodeBase64(s string) ([]byte, error) {
	if len(s)%4 != 0 && !strings.HasSuffix(s, "=") && !strings.ContainsAny(s, "\r\n") {
		return base64.RawStdEncoding.DecodeString(s)
	}
	return base64.StdEncoding.DecodeString(s)
}

// raw returns the field's JSON without insignificant spaces; nil if the field
// is absent or null.
func (o object) raw(name string) json.RawMessage {
	if !o.has(name) {
		return nil
	}
	var out bytes.Buffer
	if err := json.Compact(&out, o.fields[name]); err != nil {
		o.r.fail(CodeInvalidValue, o.param(name), "%s is not JSON: %v", o.param(name), err)
		return nil
	}
	return out.Bytes()
}

// typeName names the JSON type of raw for messages.
func typeName(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// oneOf fails the event unless value is among allowed.
func (o object) oneOf(name, value string, allowed ...string) bool {
	for _, a := range allowed {
		if value == a {
			return true
		}
	}
	o.r.fail(CodeInvalidValue, o.param(name), "invalid value for %s: %q, supported are %s",
		o.param(name), clip(value), quoteAll(allowed))
	return false
}

// clip shortens a client's value for a message.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(quoted, ", ")
}
