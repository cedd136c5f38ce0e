package convert

import (
	"bytes"
	"encoding/json"
	"fmt"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// field is a member of a JSON object, whose order is to be kept.
type field struct {
	key   string
	value json.RawMessage
}

// newConfig returns the source's config.json with what MLX says about
// quantized matrices, twice, as its converter does. Everything else keeps its
// place and its spelling.
//
// Source: gemma4.md 4.2.
func (p *Plan) newConfig() ([]byte, error) {
	fields, err := parseFields(p.config)
	if err != nil {
		return nil, fmt.Errorf("convert: %s: %w", configFile, err)
	}
	kept := fields[:0]
	for _, f := range fields {
		if f.key != "quantization" && f.key != "quantization_config" { // null, or Open had refused it
			kept = append(kept, f)
		}
	}
	object := p.quantization()
	kept = append(kept, field{"quantization", object}, field{"quantization_config", object})
	var indented bytes.Buffer
	if err := json.Indent(&indented, joinFields(kept), "", "    "); err != nil {
		return nil, fmt.Errorf("convert: %s: %w", configFile, err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// quantization returns the object that says how each matrix is quantized: the
// rule, and every exception by name.
func (p *Plan) quantization() []byte {
	fields := schemeFields(p.opts.Scheme, true)
	for _, m := range p.Modules {
		if m.Own {
			// The keys that MLX's converter leaves out for affine would be
			// taken for those of affine by every reader.
			fields = append(fields, field{m.Path, joinFields(schemeFields(m.Scheme, m.Scheme.Format != tensor.Affine))})
		}
	}
	for _, path := range p.plain {
		fields = append(fields, field{path, json.RawMessage("false")})
	}
	return joinFields(fields)
}

func schemeFields(s weights.Scheme, mode bool) []field {
	fields := []field{
		{"group_size", fmt.Append(nil, s.Group)},
		{"bits", fmt.Append(nil, s.Bits)},
	}
	if mode {
		fields = append(fields, field{"mode", fmt.Appendf(nil, "%q", s.Mode())})
	}
	return fields
}

// parseFields reads a JSON object.
func parseFields(data []byte) ([]field, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('{') {
		return nil, fmt.Errorf("starts with %v, want an object", t)
	}
	var fields []field
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		f := field{key: fmt.Sprint(t)}
		if err := dec.Decode(&f.value); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	_, err := dec.Token()
	return fields, err
}

// joinFields writes a JSON object.
func joinFields(fields []field) []byte {
	out := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		key, _ := json.Marshal(f.key) // a string can always be written
		out = append(append(append(out, key...), ':'), f.value...)
	}
	return append(out, '}')
}
