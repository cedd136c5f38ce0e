package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hark/engine/tensor"
)

// Scheme says how a matrix is quantized.
type Scheme struct {
	Format tensor.Format // Affine, MXFP4, MXFP8 or NVFP4
	Bits   int           // width of a code
	Group  int           // values a scale
}

func (s Scheme) String() string {
	return fmt.Sprintf("%s, %d bits, group %d", modeNames[s.Format], s.Bits, s.Group)
}

// modeNames are the names in config.json.
var modeNames = map[tensor.Format]string{
	tensor.Affine: "affine", tensor.MXFP4: "mxfp4", tensor.MXFP8: "mxfp8", tensor.NVFP4: "nvfp4",
}

// modes are the defaults of each mode. Affine may deviate from its own.
//
// Source: gemma4.md 4.2 to 4.4.
var modes = map[string]Scheme{
	"affine": {tensor.Affine, 4, 64},
	"mxfp4":  {tensor.MXFP4, 4, 32},
	"mxfp8":  {tensor.MXFP8, 8, 32},
	"nvfp4":  {tensor.NVFP4, 4, 16},
}

var (
	affineBits   = []int{1, 2, 3, 4, 5, 6, 8}
	affineGroups = []int{32, 64, 128}
)

// Quantization is what config.json says about quantized matrices. A nil
// *Quantization is that of a file that says nothing.
type Quantization struct {
	base   Scheme
	layers map[string]override
}

// override is what config.json says about one module.
type override struct {
	quantized bool
	scheme    Scheme
}

// ParseQuantization reads the object "quantization" of a config.json, or else
// "quantization_config". It returns nil where there is neither. Settings that
// no file of MLX can have, and the formats of other libraries, are errors.
//
// Source: gemma4.md 4.2.
func ParseQuantization(config []byte) (*Quantization, error) {
	var top struct {
		Quantization json.RawMessage `json:"quantization"`
		Config       json.RawMessage `json:"quantization_config"`
	}
	if err := json.Unmarshal(config, &top); err != nil {
		return nil, fmt.Errorf("weights: config: %w", err)
	}
	key, raw := "quantization", top.Quantization
	if isNull(raw) {
		key, raw = "quantization_config", top.Config
	}
	if isNull(raw) {
		return nil, nil
	}
	q, err := parseQuantization(raw)
	if err != nil {
		return nil, fmt.Errorf("weights: config: %s: %w", key, err)
	}
	return q, nil
}

func isNull(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) == 0 || string(raw) == "null"
}

func parseQuantization(raw json.RawMessage) (*Quantization, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, err
	}
	if m, ok := keys["quant_method"]; ok && string(m) != `"mlx"` {
		return nil, fmt.Errorf("quant_method %s, want a file of MLX", m)
	}
	base, err := parseScheme(keys)
	if err != nil {
		return nil, err
	}
	q := &Quantization{base: base, layers: map[string]override{}}
	for path, value := range keys {
		if path == "group_size" || path == "bits" || path == "mode" {
			continue
		}
		value = bytes.TrimSpace(value)
		switch {
		case string(value) == "true":
			q.layers[path] = override{true, base}
		case string(value) == "false" || string(value) == "null":
			q.layers[path] = override{}
		case len(value) > 0 && value[0] == '{':
			var own map[string]json.RawMessage
			if err := json.Unmarshal(value, &own); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			s, err := parseScheme(own)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			q.layers[path] = override{true, s}
		} // what is neither is no module: notes of the converter
	}
	return q, nil
}

// parseScheme reads the three settings of one object. What is missing has the
// default of the object's own mode.
func parseScheme(keys map[string]json.RawMessage) (Scheme, error) {
	mode := "affine"
	if raw := keys["mode"]; !isNull(raw) {
		if err := json.Unmarshal(raw, &mode); err != nil {
			return Scheme{}, fmt.Errorf("mode: %w", err)
		}
	}
	standard, ok := modes[mode]
	if !ok {
		return Scheme{}, fmt.Errorf("mode %q, want affine, mxfp4, mxfp8 or nvfp4", mode)
	}
	s := standard
	for key, at := range map[string]*int{"bits": &s.Bits, "group_size": &s.Group} {
		if raw := keys[key]; !isNull(raw) {
			if err := json.Unmarshal(raw, at); err != nil {
				return Scheme{}, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if s.Format != tensor.Affine {
		if s != standard {
			return Scheme{}, fmt.Errorf("%v, want %d bits, group %d", s, standard.Bits, standard.Group)
		}
		return s, nil
	}
	if !slices.Contains(affineBits, s.Bits) {
		return Scheme{}, fmt.Errorf("bits %d, want one of %v", s.Bits, affineBits)
	}
	if !slices.Contains(affineGroups, s.Group) {
		return Scheme{}, fmt.Errorf("group_size %d, want one of %v", s.Group, affineGroups)
	}
	return s, nil
}

// Base returns the settings that hold where no module has its own.
func (q *Quantization) Base() (Scheme, bool) {
	if q == nil {
		return Scheme{}, false
	}
	return q.base, true
}

// module returns what is said about a module under one of its names, each
// tried with and without the leading "language_model.".
func (q *Quantization) module(paths ...string) (override, bool) {
	if q == nil {
		return override{}, false
	}
	const prefix = "language_model."
	for _, p := range paths {
		for _, spelled := range []string{p, strings.TrimPrefix(p, prefix), prefix + p} {
			if o, ok := q.layers[spelled]; ok {
				return o, true
			}
		}
	}
	return override{}, false
}
