// Package schema checks JSON against the schemas of an OpenAPI document, so
// that what a server documents is what it takes.
//
// It knows the keywords that its document uses: type, enum, const, minimum,
// maximum, minLength, maxLength, minItems, maxItems, maxProperties, pattern,
// items, properties, required, propertyNames, additionalProperties, anyOf,
// oneOf and $ref. Any other that restricts something is an error of Parse.
//
// Source: JSON Schema 2020-12, OpenAPI 3.1.
//
// Start reading at Document.Check.
package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Document is the schemas of a document. It does not change.
type Document struct{ named map[string]*node }

// node is one schema.
type node struct {
	types    []string // empty: any
	enum     []any    // nil: any
	min, max *float64 // of numbers

	minLength, maxLength *int // of strings, in characters
	minItems, maxItems   *int
	maxProperties        *int
	pattern              *regexp.Regexp
	items                *node
	properties           map[string]*node
	required             []string
	names                *node // of properties
	additional           *node // values of properties that are not named
	closed               bool  // there are no others
	choices              []*node
	ref                  string
	why                  string // x-why: what to add to a refusal
}

// silent are the keywords that restrict nothing.
var silent = map[string]bool{"description": true, "default": true, "example": true, "examples": true, "title": true,
	"format": true, "discriminator": true, "deprecated": true, "contentEncoding": true, "contentMediaType": true}

// Parse reads the schemas under components of an OpenAPI document in JSON.
func Parse(document []byte) (*Document, error) {
	var file struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document, &file); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	d := &Document{named: map[string]*node{}}
	for name, raw := range file.Components.Schemas {
		n, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("schema: %s: %w", name, err)
		}
		d.named[name] = n
	}
	for name, n := range d.named {
		if err := d.resolve(n); err != nil {
			return nil, fmt.Errorf("schema: %s: %w", name, err)
		}
	}
	return d, nil
}

// parse reads one schema.
func parse(raw json.RawMessage) (*node, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	n := &node{}
	for key, value := range fields {
		if err := n.set(key, value); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return n, nil
}

// set takes one keyword.
func (n *node) set(key string, raw json.RawMessage) (err error) {
	to := map[string]any{"enum": &n.enum, "minimum": &n.min, "maximum": &n.max, "minLength": &n.minLength, "maxLength": &n.maxLength,
		"minItems": &n.minItems, "maxItems": &n.maxItems, "maxProperties": &n.maxProperties, "required": &n.required, "x-why": &n.why}
	if field, ok := to[key]; ok {
		return json.Unmarshal(raw, field)
	}
	switch key {
	case "type":
		if json.Unmarshal(raw, &n.types) != nil {
			n.types = make([]string, 1)
			err = json.Unmarshal(raw, &n.types[0])
		}
	case "const":
		n.enum = make([]any, 1)
		err = json.Unmarshal(raw, &n.enum[0])
	case "pattern":
		var text string
		if err = json.Unmarshal(raw, &text); err == nil {
			n.pattern, err = regexp.Compile(text)
		}
	case "items":
		n.items, err = parse(raw)
	case "propertyNames":
		n.names, err = parse(raw)
	case "additionalProperties":
		if string(raw) == "false" {
			n.closed = true
		} else if string(raw) != "true" {
			n.additional, err = parse(raw)
		}
	case "properties":
		n.properties, err = parseMap(raw)
	case "anyOf", "oneOf":
		var list []json.RawMessage
		err = json.Unmarshal(raw, &list)
		for _, r := range list {
			choice, bad := parse(r)
			if bad != nil {
				return bad
			}
			n.choices = append(n.choices, choice)
		}
	case "$ref":
		if err = json.Unmarshal(raw, &n.ref); err == nil {
			n.ref = strings.TrimPrefix(n.ref, "#/components/schemas/")
		}
	default:
		if !silent[key] {
			err = fmt.Errorf("a keyword that is not known here")
		}
	}
	return err
}

func parseMap(raw json.RawMessage) (map[string]*node, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	out := map[string]*node{}
	for name, r := range fields {
		n, err := parse(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = n
	}
	return out, nil
}

// resolve finds references that lead nowhere.
func (d *Document) resolve(n *node) error {
	if n == nil {
		return nil
	}
	if n.ref != "" && d.named[n.ref] == nil {
		return fmt.Errorf("there is no schema %s", n.ref)
	}
	below := append(slices.Clone(n.choices), n.items, n.names, n.additional)
	for _, p := range n.properties {
		below = append(below, p)
	}
	for _, b := range below {
		if err := d.resolve(b); err != nil {
			return err
		}
	}
	return nil
}

// follow returns what a schema refers to.
func (d *Document) follow(n *node) *node {
	for n.ref != "" {
		n = d.named[n.ref]
	}
	return n
}
