package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// schema is the part of JSON Schema that can steer what is written. Keywords
// that only judge a finished value (pattern, minimum, format, …) are accepted
// and not enforced.
type schema struct {
	any  bool // true, or {}: every value
	none bool // false: no value

	types      []string
	enum       []json.RawMessage
	variants   []*schema // anyOf, oneOf, or the one $ref
	properties []property
	additional *schema // of an object's other keys; nil: none
	items      *schema // nil: any
	minItems   int
	maxItems   int // -1: no limit
}

type property struct {
	name     string
	value    *schema
	required bool
}

// maxDepth bounds how deep schemas nest, $ref followed.
const maxDepth = 64

// parser reads schemas. A $ref is parsed once and shared, so that a schema may
// refer to itself.
type parser struct {
	root  map[string]json.RawMessage
	refs  map[string]*schema
	depth int
}

// parseSchema reads a JSON schema.
func parseSchema(data json.RawMessage) (*schema, error) {
	p := &parser{refs: map[string]*schema{}}
	if len(bytes.TrimSpace(data)) == 0 {
		return &schema{any: true}, nil
	}
	json.Unmarshal(data, &p.root) // a schema that is no object has no $defs
	s := &schema{}
	return s, p.read(s, data, "#")
}

// keywords are the ones that are read.
type keywords struct {
	Type       json.RawMessage   `json:"type"`
	Enum       []json.RawMessage `json:"enum"`
	Const      json.RawMessage   `json:"const"`
	AnyOf      []json.RawMessage `json:"anyOf"`
	OneOf      []json.RawMessage `json:"oneOf"`
	AllOf      []json.RawMessage `json:"allOf"`
	Ref        string            `json:"$ref"`
	Properties json.RawMessage   `json:"properties"`
	Required   []string          `json:"required"`
	Additional json.RawMessage   `json:"additionalProperties"`
	Items      json.RawMessage   `json:"items"`
	MinItems   int               `json:"minItems"`
	MaxItems   *int              `json:"maxItems"`
	Nullable   bool              `json:"nullable"`
}

func (p *parser) read(s *schema, data json.RawMessage, path string) error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("grammar: %s: nested deeper than %d", path, maxDepth)
	}
	defer func() { p.depth-- }()
	switch string(bytes.TrimSpace(data)) {
	case "true", "{}", "":
		s.any = true
		return nil
	case "false":
		s.none = true
		return nil
	}
	var k keywords
	if err := json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("grammar: %s: %w", path, err)
	}
	if k.Ref != "" {
		return p.follow(s, k.Ref, path)
	}
	if len(k.AllOf) == 1 && len(k.AnyOf)+len(k.OneOf) == 0 {
		return p.read(s, k.AllOf[0], path+"/allOf/0")
	}
	if len(k.AllOf) > 0 {
		return fmt.Errorf("grammar: %s: allOf of %d schemas is not supported", path, len(k.AllOf))
	}
	for i, v := range slices.Concat(k.AnyOf, k.OneOf) {
		one := &schema{}
		if err := p.read(one, v, fmt.Sprintf("%s/anyOf/%d", path, i)); err != nil {
			return err
		}
		s.variants = append(s.variants, one)
	}
	if len(s.variants) > 0 {
		return nil
	}
	if s.enum = k.Enum; k.Const != nil {
		s.enum = []json.RawMessage{k.Const}
	}
	if err := s.setTypes(k.Type, path); err != nil {
		return err
	}
	if k.Nullable && len(s.types) > 0 {
		s.types = append(s.types, "null")
	}
	if len(s.types) == 0 && len(s.enum) == 0 {
		switch {
		case k.Properties != nil:
			s.types = []string{"object"}
		case k.Items != nil:
			s.types = []string{"array"}
		default:
			s.any = true
			return nil
		}
	}
	if err := p.object(s, &k, path); err != nil {
		return err
	}
	return p.array(s, &k, path)
}

func (s *schema) setTypes(data json.RawMessage, path string) error {
	if data == nil {
		return nil
	}
	var one string
	if json.Unmarshal(data, &one) == nil {
		s.types = []string{one}
	} else if err := json.Unmarshal(data, &s.types); err != nil {
		return fmt.Errorf("grammar: %s: type: %w", path, err)
	}
	for i, t := range s.types {
		s.types[i] = strings.ToLower(t) // Gemma's declarations shout
		switch s.types[i] {
		case "string", "number", "integer", "boolean", "null", "object", "array":
		default:
			return fmt.Errorf("grammar: %s: type %q is not a JSON type", path, t)
		}
	}
	return nil
}

// follow reads what a $ref names, once.
func (p *parser) follow(s *schema, ref, path string) error {
	if known, ok := p.refs[ref]; ok {
		s.variants = []*schema{known}
		return nil
	}
	target := &schema{}
	p.refs[ref] = target
	s.variants = []*schema{target}
	if ref == "#" {
		data, err := json.Marshal(p.root)
		if err != nil {
			return err
		}
		return p.read(target, data, "#")
	}
	steps, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return fmt.Errorf("grammar: %s: $ref %q is not inside the schema", path, ref)
	}
	at := p.root
	names := strings.Split(steps, "/")
	for i, name := range names {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		data, ok := at[name]
		if !ok {
			return fmt.Errorf("grammar: %s: $ref %q names nothing", path, ref)
		}
		if i == len(names)-1 {
			return p.read(target, data, ref)
		}
		at = nil
		if err := json.Unmarshal(data, &at); err != nil {
			return fmt.Errorf("grammar: %s: $ref %q: %w", path, ref, err)
		}
	}
	return nil
}

// object reads properties in the order in which they stand.
func (p *parser) object(s *schema, k *keywords, path string) error {
	if len(k.Properties) > 0 {
		names, values, err := ordered(k.Properties)
		if err != nil {
			return fmt.Errorf("grammar: %s: properties: %w", path, err)
		}
		for i, name := range names {
			value := &schema{}
			if err := p.read(value, values[i], path+"/properties/"+name); err != nil {
				return err
			}
			s.properties = append(s.properties, property{name, value, slices.Contains(k.Required, name)})
		}
	}
	for _, name := range k.Required {
		if !slices.ContainsFunc(s.properties, func(q property) bool { return q.name == name }) {
			s.properties = append(s.properties, property{name, &schema{any: true}, true})
		}
	}
	switch string(bytes.TrimSpace(k.Additional)) {
	case "false":
	case "", "true":
		if len(s.properties) == 0 {
			s.additional = &schema{any: true}
		}
	default:
		s.additional = &schema{}
		return p.read(s.additional, k.Additional, path+"/additionalProperties")
	}
	return nil
}

// maxRepeat bounds minItems and maxItems, which unroll.
const maxRepeat = 1000

func (p *parser) array(s *schema, k *keywords, path string) error {
	s.minItems, s.maxItems = k.MinItems, or(k.MaxItems, -1)
	if s.minItems < 0 || s.minItems > maxRepeat || s.maxItems > maxRepeat || s.maxItems >= 0 && s.maxItems < s.minItems {
		return fmt.Errorf("grammar: %s: minItems %d, maxItems %d; want 0 to %d", path, s.minItems, s.maxItems, maxRepeat)
	}
	if k.Items == nil {
		return nil
	}
	s.items = &schema{}
	return p.read(s.items, k.Items, path+"/items")
}

func or(p *int, otherwise int) int {
	if p != nil {
		return *p
	}
	return otherwise
}

// ordered reads an object's keys and values in the order of the text.
func ordered(data json.RawMessage) (names []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, fmt.Errorf("want an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, nil, err
		}
		names, values = append(names, t.(string)), append(values, v)
	}
	return names, values, nil
}

// sorted returns the properties as Gemma writes them: by name, case folded.
func sorted(list []property) []property {
	list = slices.Clone(list)
	sort.SliceStable(list, func(i, j int) bool { return strings.ToLower(list[i].name) < strings.ToLower(list[j].name) })
	return list
}
