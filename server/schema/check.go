package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what is wrong with a value.
type Kind uint8

// The kinds of faults.
const (
	Type    Kind = iota // it is of another JSON type
	Missing             // a property is not there
	Value               // it is not among those allowed
	Long                // it has too many characters, elements or properties
)

// Fault is the first thing that is wrong with a value.
type Fault struct {
	Kind    Kind
	Path    string // "messages[0].content", "" for the whole
	Message string
}

// Error returns the fault's message.
func (f *Fault) Error() string { return f.Message }

// Check returns what is wrong with a value, as encoding/json makes it of JSON,
// by the schema of a name; nil if nothing is. Where a schema gives a choice and
// one of them is clearly meant, by its type or by a constant in it, the fault
// is what that one finds.
func (d *Document) Check(name string, value any) *Fault {
	n := d.named[name]
	if n == nil {
		return &Fault{Kind: Type, Message: fmt.Sprintf("schema: there is no schema %s", name)}
	}
	return d.check(n, "", value)
}

func (d *Document) check(n *node, path string, value any) *Fault {
	n = d.follow(n)
	if len(n.types) > 0 && !slices.ContainsFunc(n.types, func(t string) bool { return is(t, value) }) {
		return n.fault(Type, path, "invalid type for %s: want %s, got %s", shown(path), list(n.types), kindOf(value))
	}
	if n.enum != nil && !slices.ContainsFunc(n.enum, func(e any) bool { return equal(e, value) }) {
		return n.fault(Value, path, "invalid value for %s: %s, supported are %s", shown(path), clip(value), clips(n.enum))
	}
	var f *Fault
	switch v := value.(type) {
	case float64:
		f = n.checkNumber(path, v)
	case string:
		f = n.checkString(path, v)
	case []any:
		f = d.checkArray(n, path, v)
	case map[string]any:
		f = d.checkObject(n, path, v)
	}
	if f == nil && n.choices != nil {
		f = d.choose(n, path, value)
	}
	return f
}

func (n *node) fault(kind Kind, path, format string, args ...any) *Fault {
	message := fmt.Sprintf(format, args...)
	if n.why != "" {
		message += ": " + n.why
	}
	return &Fault{kind, path, message}
}

func (n *node) checkNumber(path string, v float64) *Fault {
	switch {
	case n.min != nil && v < *n.min:
		return n.fault(Value, path, "%s is %v, want at least %v", shown(path), v, *n.min)
	case n.max != nil && v > *n.max:
		return n.fault(Value, path, "%s is %v, want at most %v", shown(path), v, *n.max)
	}
	return nil
}

func (n *node) checkString(path, v string) *Fault {
	switch {
	case n.minLength != nil && utf8.RuneCountInString(v) < *n.minLength:
		return n.fault(Value, path, "%s has %d characters, want at least %d", shown(path), utf8.RuneCountInString(v), *n.minLength)
	case n.maxLength != nil && utf8.RuneCountInString(v) > *n.maxLength:
		return n.fault(Long, path, "%s has %d characters, want at most %d", shown(path), utf8.RuneCountInString(v), *n.maxLength)
	case n.pattern != nil && !n.pattern.MatchString(v):
		return n.fault(Value, path, "invalid value for %s: %s does not match %s", shown(path), clip(v), n.pattern)
	}
	return nil
}

func (d *Document) checkArray(n *node, path string, v []any) *Fault {
	switch {
	case n.minItems != nil && len(v) < *n.minItems:
		return n.fault(Value, path, "%s has %d elements, want at least %d", shown(path), len(v), *n.minItems)
	case n.maxItems != nil && len(v) > *n.maxItems:
		return n.fault(Long, path, "%s has %d elements, want at most %d", shown(path), len(v), *n.maxItems)
	}
	for i, e := range v {
		if n.items == nil {
			break
		}
		if f := d.check(n.items, fmt.Sprintf("%s[%d]", path, i), e); f != nil {
			return f
		}
	}
	return nil
}

func (d *Document) checkObject(n *node, path string, v map[string]any) *Fault {
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for _, name := range n.required {
		if _, ok := v[name]; !ok {
			return n.fault(Missing, at(name), "missing required parameter: %s", at(name))
		}
	}
	if n.maxProperties != nil && len(v) > *n.maxProperties {
		return n.fault(Long, path, "%s has %d properties, want at most %d", shown(path), len(v), *n.maxProperties)
	}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names) // the first fault is the same every time
	for _, name := range names {
		if n.names != nil {
			if f := d.check(n.names, at(name), name); f != nil {
				return f
			}
		}
		p := n.properties[name]
		switch {
		case p == nil && n.closed:
			return n.fault(Value, at(name), "unknown parameter: %s", at(name))
		case p == nil:
			p = n.additional
		}
		if p == nil {
			continue
		}
		if f := d.check(p, at(name), v[name]); f != nil {
			return f
		}
	}
	return nil
}

// choose checks a value that has to fit one of several schemas.
func (d *Document) choose(n *node, path string, value any) *Fault {
	var meant []*Fault // of those schemas that may be meant
	var types, kinds []string
	for _, c := range n.choices {
		c = d.follow(c)
		f := d.check(c, path, value)
		if f == nil {
			return nil
		}
		types = append(types, c.types...)
		if len(c.types) > 0 && !slices.ContainsFunc(c.types, func(t string) bool { return is(t, value) }) {
			continue
		}
		if kind, ok := d.foreign(c, value); ok {
			kinds = append(kinds, kind)
			continue
		}
		meant = append(meant, f)
	}
	switch {
	case len(meant) > 0:
		return meant[0]
	case len(kinds) > 0:
		inner := strings.TrimPrefix(path+".type", ".")
		got, ok := value.(map[string]any)["type"]
		if !ok {
			return n.fault(Missing, inner, "missing required parameter: %s", inner)
		}
		return n.fault(Value, inner, "invalid value for %s: %s, supported are %s", inner, clip(got), strings.Join(kinds, ", "))
	}
	slices.Sort(types)
	return n.fault(Type, path, "invalid type for %s: want %s, got %s", shown(path), list(slices.Compact(types)), kindOf(value))
}

// foreign reports whether an object's type says that it is not of a schema,
// and which type that schema has.
func (d *Document) foreign(n *node, value any) (kind string, yes bool) {
	object, ok := value.(map[string]any)
	p := n.properties["type"]
	if !ok || p == nil || d.follow(p).enum == nil {
		return "", false
	}
	got, ok := object["type"]
	if !ok && !slices.Contains(n.required, "type") {
		return "", false
	}
	enum := d.follow(p).enum
	return clips(enum), !slices.ContainsFunc(enum, func(e any) bool { return equal(e, got) })
}

// is reports whether a value is of a type.
func is(kind string, value any) bool {
	switch v := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	}
	return false
}

func equal(a, b any) bool {
	switch a.(type) {
	case nil, bool, string, float64:
		switch b.(type) {
		case nil, bool, string, float64:
			return a == b
		}
	}
	return false
}

// kindOf names the type of a value.
func kindOf(value any) string {
	for _, kind := range []string{"null", "boolean", "string", "array", "object", "integer", "number"} {
		if is(kind, value) {
			return article(kind)
		}
	}
	return "something else"
}

func article(kind string) string {
	switch kind {
	case "null":
		return kind
	case "array", "object", "integer":
		return "an " + kind
	}
	return "a " + kind
}

// list names types: "a string or null".
func list(kinds []string) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = article(k)
	}
	return strings.Join(words, " or ")
}

// shown names a place for people.
func shown(path string) string {
	if path == "" {
		return "the body"
	}
	return path
}

// clip writes a value of the client's for a message, shortened.
func clip(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	if s := string(text); len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return string(text)
}

func clips(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = clip(v)
	}
	return strings.Join(words, ", ")
}
