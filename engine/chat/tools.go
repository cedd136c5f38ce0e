package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// calls writes the calls of message i and their results.
//
// Source: gemma4.md 6.1, rules 4c and 4d.
func (s *script) calls(i int) (tail, error) {
	m := s.msgs[i]
	last := tailPlain
	for _, c := range m.ToolCalls {
		s.mark("<|tool_call>")
		s.text("call:" + c.Name + "{")
		if err := s.arguments(c.Arguments); err != nil {
			return last, fmt.Errorf("chat: message %d: arguments of %s: %w", i+s.offset, c.Name, err)
		}
		s.text("}")
		s.mark("<tool_call|>")
		last = tailCalls
	}
	for _, j := range s.results[i] {
		r := &s.msgs[j]
		name := r.Name
		if name == "" {
			name = "unknown"
		}
		for _, c := range m.ToolCalls {
			if c.ID == r.ToolCallID {
				name = c.Name
			}
		}
		s.result(name, r)
		last = tailAnswered
	}
	return last, nil
}

// arguments writes what stands between the braces of a call.
func (s *script) arguments(raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	v, err := decode(raw)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case object:
		s.pairs(v, false)
	case string:
		t := trim(v)
		if strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") && len(t) > 1 {
			v = t[1 : len(t)-1]
		}
		s.text(v)
	case nil:
	default:
		return fmt.Errorf("%.40s, want an object", raw)
	}
	return nil
}

// result writes the result r of a call, then the pictures and clips in it.
func (s *script) result(name string, r *Message) {
	s.mark("<|tool_response>")
	s.text("response:" + name + "{")
	if v, err := decode(r.Result); err == nil {
		if o, ok := v.(object); ok {
			s.pairs(o, false)
		}
	} else {
		s.text("value:")
		s.spoken(r)
	}
	s.text("}")
	s.mark("<tool_response|>")
	for i := range r.Content {
		if r.Content[i].Kind != Text {
			s.media(&r.Content[i], false)
		}
	}
}

// spoken writes the text of a result as a string.
func (s *script) spoken(r *Message) {
	s.mark(`<|"|>`)
	for i := range r.Content {
		if c := &r.Content[i]; c.Kind == Text && len(c.IDs) > 0 {
			s.ids(c.IDs)
		} else if c.Kind == Text {
			s.text(c.Text)
		}
	}
	s.mark(`<|"|>`)
}

// quote writes a string between the format's quotes.
func (s *script) quote(text string) {
	s.mark(`<|"|>`)
	s.text(text)
	s.mark(`<|"|>`)
}

// value writes a JSON value.
//
// Source: gemma4.md 6.3.
func (s *script) value(v any, quoteKeys bool) {
	switch v := v.(type) {
	case nil:
		s.text("null")
	case string:
		s.quote(v)
	case bool:
		s.text(fmt.Sprint(v))
	case json.Number:
		s.text(number(v))
	case object:
		s.text("{")
		s.pairs(v, quoteKeys)
		s.text("}")
	case []any:
		s.text("[")
		for i, x := range v {
			s.comma(i)
			s.value(x, quoteKeys)
		}
		s.text("]")
	}
}

// pairs writes the members of an object by key.
func (s *script) pairs(o object, quoteKeys bool) {
	for i, m := range o.sorted() {
		s.comma(i)
		if quoteKeys {
			s.quote(m.key)
		} else {
			s.text(m.key)
		}
		s.text(":")
		s.value(m.value, quoteKeys)
	}
}

// comma writes the comma before element i.
func (s *script) comma(i int) {
	if i > 0 {
		s.text(",")
	}
}

// names writes a list of strings.
func (s *script) names(what string, v any) error {
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s is not a list of strings", what)
	}
	s.text("[")
	for i, x := range list {
		name, ok := x.(string)
		if !ok {
			return fmt.Errorf("%s is not a list of strings", what)
		}
		s.comma(i)
		s.quote(name)
	}
	s.text("]")
	return nil
}

// declare writes a tool.
//
// Source: gemma4.md 6.2.
func (s *script) declare(t *Tool) error {
	s.text("declaration:" + t.Name + "{description:")
	s.quote(t.Description)
	parameters, err := schema(t.Parameters)
	if err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	if len(parameters) > 0 {
		s.text(",parameters:{")
		if err := s.parameters(parameters); err != nil {
			return fmt.Errorf("parameters: %w", err)
		}
	}
	response, err := schema(t.Response)
	if err != nil {
		return fmt.Errorf("response: %w", err)
	}
	if response != nil {
		s.text(",response:{")
		text, err := described(response)
		if err != nil {
			return fmt.Errorf("response: %w", err)
		}
		if text != "" {
			s.text("description:")
			s.quote(text)
			s.text(",")
		}
		kind, err := upper(response)
		if err != nil {
			return fmt.Errorf("response: %w", err)
		}
		if kind == "OBJECT" {
			s.text("type:")
			s.quote(kind)
			s.text("}")
		}
	}
	s.text("}")
	return nil
}

// schema reads a JSON Schema, an object; nothing and null are nil.
func schema(raw json.RawMessage) (object, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok && v != nil {
		return nil, fmt.Errorf("%.40s, want an object", raw)
	}
	return o, nil
}

// parameters writes the schema of a tool's arguments up to its closing brace,
// which comes with the type, as in the reference.
func (s *script) parameters(o object) error {
	if v, _ := o.get("properties"); truthy(v) {
		inner, ok := v.(object)
		if !ok {
			return fmt.Errorf("properties is not an object")
		}
		s.text("properties:{")
		if err := s.properties(inner); err != nil {
			return err
		}
		s.text("},")
	}
	if v, _ := o.get("required"); truthy(v) {
		s.text("required:")
		if err := s.names("required", v); err != nil {
			return err
		}
		s.text(",")
	}
	if v, _ := o.get("type"); truthy(v) {
		kind, err := upper(o)
		if err != nil {
			return err
		}
		s.text("type:")
		s.quote(kind)
		s.text("}")
	}
	return nil
}

// properties writes the schemas of an object's properties.
func (s *script) properties(o object) error {
	for i, m := range o.sorted() {
		s.comma(i)
		s.text(m.key + ":{")
		p, _ := m.value.(object) // true and false are schemas too, without words
		if err := s.property(p); err != nil {
			return fmt.Errorf("%s: %w", m.key, err)
		}
		s.text("}")
	}
	return nil
}

// property writes the fields of one property.
func (s *script) property(p object) error {
	n := 0
	field := func(name string) {
		s.comma(n)
		s.text(name + ":")
		n++
	}
	kind, err := upper(p)
	if err != nil {
		return err
	}
	text, err := described(p)
	if err != nil {
		return err
	}
	if text != "" {
		field("description")
		s.quote(text)
	}
	if v, _ := p.get("enum"); kind == "STRING" && truthy(v) {
		field("enum")
		s.value(v, true)
	}
	items, _ := p.get("items")
	if o, ok := items.(object); ok && kind == "ARRAY" && len(o) > 0 {
		field("items")
		s.text("{")
		if err := s.items(o); err != nil {
			return fmt.Errorf("items: %w", err)
		}
		s.text("}")
	}
	if v, _ := p.get("nullable"); truthy(v) {
		field("nullable")
		s.text("true")
	}
	if kind == "OBJECT" {
		v, _ := p.get("properties")
		inner, ok := v.(object)
		if !ok {
			inner = slices.DeleteFunc(slices.Clone(p), func(m member) bool {
				return slices.Contains(schemaWords, m.key)
			})
		}
		field("properties")
		s.text("{")
		if err := s.properties(inner); err != nil {
			return err
		}
		s.text("}")
		if v, _ := p.get("required"); truthy(v) {
			field("required")
			if err := s.names("required", v); err != nil {
				return err
			}
		}
	}
	field("type")
	s.quote(kind)
	return nil
}

// schemaWords are the keys of an object's schema that are not taken for
// properties where it has no "properties".
var schemaWords = []string{"description", "type", "properties", "required", "nullable"}

// items writes the schema of an array's elements.
func (s *script) items(o object) error {
	n := 0
	for _, m := range o.sorted() {
		if m.value == nil {
			continue
		}
		s.comma(n)
		n++
		s.text(m.key + ":")
		switch m.key {
		case "properties":
			s.text("{")
			inner, _ := m.value.(object)
			if err := s.properties(inner); err != nil {
				return err
			}
			s.text("}")
		case "required":
			if err := s.names("required", m.value); err != nil {
				return err
			}
		case "type":
			if err := s.itemType(m.value); err != nil {
				return err
			}
		default:
			s.value(m.value, true)
		}
	}
	return nil
}

// itemType writes the type of an array's elements, one or several.
func (s *script) itemType(v any) error {
	if one, ok := v.(string); ok {
		s.quote(strings.ToUpper(one))
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("type is neither a string nor a list of strings")
	}
	large := make([]any, len(list))
	for i, x := range list {
		one, ok := x.(string)
		if !ok {
			return fmt.Errorf("type is neither a string nor a list of strings")
		}
		large[i] = strings.ToUpper(one)
	}
	s.value(large, true)
	return nil
}

// described returns a schema's description.
func described(o object) (string, error) {
	v, _ := o.get("description")
	if !truthy(v) {
		return "", nil
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("description is not a string")
	}
	return text, nil
}

// upper returns a schema's type in capitals, "" where it has none. Several
// types are printed as Python prints a list, which is what the reference does.
func upper(o object) (string, error) {
	v, ok := o.get("type")
	if !ok {
		return "", nil
	}
	switch v := v.(type) {
	case nil:
		return "NONE", nil
	case string:
		return strings.ToUpper(v), nil
	case []any:
		names := make([]string, len(v))
		for i, x := range v {
			name, ok := x.(string)
			if !ok {
				return "", fmt.Errorf("type is neither a string nor a list of strings")
			}
			names[i] = "'" + strings.ToUpper(name) + "'"
		}
		return "[" + strings.Join(names, ", ") + "]", nil
	}
	return "", fmt.Errorf("type is neither a string nor a list of strings")
}
