package weights

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"hark/engine/tensor"
)

func TestQuantizationSettings(t *testing.T) {
	t.Parallel()
	q := config(t, `{"x":1,"quantization":{"group_size":32,"bits":8,"mode":"affine","version":2,"note":"x",
		"language_model.model.a":{"bits":5},
		"b":{"group_size":128,"bits":3},
		"c":{"mode":"mxfp4"},
		"d":false,"e":true,"f":null,
		"g":{"mode":"nvfp4","bits":4,"group_size":16}},
		"quantization_config":{"group_size":64,"bits":4}}`)
	if base, ok := q.Base(); !ok || base != (Scheme{tensor.Affine, 8, 32}) {
		t.Errorf("Base = %v", base)
	}
	for path, want := range map[string]override{
		"language_model.model.a": {true, Scheme{tensor.Affine, 5, 64}}, // the default group of the mode
		"model.a":                {true, Scheme{tensor.Affine, 5, 64}},
		"language_model.b":       {true, Scheme{tensor.Affine, 3, 128}},
		"c":                      {true, Scheme{tensor.MXFP4, 4, 32}},
		"d":                      {},
		"e":                      {true, Scheme{tensor.Affine, 8, 32}},
		"f":                      {},
		"g":                      {true, Scheme{tensor.NVFP4, 4, 16}},
	} {
		if got, ok := q.module("unknown", path); !ok || got != want {
			t.Errorf("module(%s) = %v, %v, want %v", path, got, ok, want)
		}
	}
	if _, ok := q.module("h"); ok {
		t.Error("module(h) is said to be something")
	}
	for text, want := range map[string]Scheme{
		`{"quantization_config":{}}`: {tensor.Affine, 4, 64},
		`{"quantization":null,"quantization_config":{"quant_method":"mlx","bits":6}}`: {tensor.Affine, 6, 64},
		`{"quantization":{"mode":"mxfp8"}}`:                                           {tensor.MXFP8, 8, 32},
		`{"quantization":{"mode":"nvfp4"}}`:                                           {tensor.NVFP4, 4, 16},
		`{"quantization":{"mode":"mxfp4","bits":4,"group_size":32}}`:                  {tensor.MXFP4, 4, 32},
	} {
		if got, ok := config(t, text).Base(); !ok || got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{`{}`, `{"quantization":null}`} {
		q := config(t, text)
		if _, ok := q.Base(); q != nil || ok {
			t.Errorf("%s: %v, want none", text, q)
		}
	}
}

func TestUnusableQuantizationSettingsAreErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`:                                                       "weights: config: ",
		`{"quantization":4}`:                                      "quantization: ",
		`{"quantization":{"bits":7}}`:                             "bits 7, want one of",
		`{"quantization":{"bits":"4"}}`:                           "bits: ",
		`{"quantization":{"bits":4.5}}`:                           "bits: ",
		`{"quantization":{"group_size":16}}`:                      "group_size 16, want one of",
		`{"quantization":{"group_size":0}}`:                       "group_size 0",
		`{"quantization":{"mode":"q4"}}`:                          `mode "q4", want`,
		`{"quantization":{"mode":5}}`:                             "mode: ",
		`{"quantization":{"mode":"mxfp4","bits":8}}`:              "mxfp4, 8 bits, group 32, want 4 bits, group 32",
		`{"quantization":{"a.b":{"bits":9}}}`:                     "a.b: bits 9",
		`{"quantization_config":{"quant_method":"bitsandbytes"}}`: `quant_method "bitsandbytes", want`,
	} {
		if _, err := ParseQuantization([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "weights: config: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// every scheme of published files, with the type of its scales.
var schemes = func() (all []struct {
	Scheme
	scales, config string
}) {
	add := func(s Scheme, scales string) {
		all = append(all, struct {
			Scheme
			scales, config string
		}{s, scales, fmt.Sprintf(`{"quantization":{"mode":%q,"bits":%d,"group_size":%d}}`, modeNames[s.Format], s.Bits, s.Group)})
	}
	for _, bits := range affineBits {
		for i, group := range affineGroups {
			add(Scheme{tensor.Affine, bits, group}, []string{"BF16", "F16", "F32"}[i])
		}
	}
	for _, mode := range []string{"mxfp4", "mxfp8", "nvfp4"} {
		add(modes[mode], "U8")
	}
	return all
}()

func TestEverySchemeLoads(t *testing.T) {
	t.Parallel()
	for _, s := range schemes {
		for _, shape := range [][]int{{3, 256}, {2, 3, 128}} {
			tensors := map[string]made{}
			quantized(tensors, "m", s.scales, s.Scheme, shape...)
			for _, q := range []*Quantization{config(t, s.config), nil} {
				l := NewLoader(open(t, tensors), q)
				got := l.Matrix("m.weight", shape...)
				if err := l.Err(); err != nil {
					t.Errorf("%v, config %v: %v", s.Scheme, q != nil, err)
					continue
				}
				want := tensor.Stored{
					Name: "m.weight", Shape: shape, Format: s.Format, Group: s.Group,
					Data: tensors["m.weight"].data, Scales: tensors["m.scales"].data, Biases: tensors["m.biases"].data,
				}
				if s.Format == tensor.Affine {
					want.Bits = s.Bits
					want.Scale, _ = floatFormat(s.scales)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%v: %+v, want %+v", s.Scheme, got, want)
				}
			}
		}
	}
}

func TestContradictionsOfQuantizedMatrices(t *testing.T) {
	t.Parallel()
	q4 := Scheme{tensor.Affine, 4, 64}
	for _, c := range []struct {
		name, config string
		scheme       Scheme
		scales       string
		change       func(map[string]made)
		want         string
	}{
		{"as it should be", `{"quantization":{}}`, q4, "BF16", nil, ""},
		{"not quantized", `{"quantization":{"m":false}}`, q4, "BF16", nil, "has scales, config says it is not quantized"},
		{"other bits", `{"quantization":{"m":{"bits":8}}}`, q4, "BF16", nil, "config says affine, 8 bits, group 64; [2 16] codes"},
		{"other group", `{"quantization":{"group_size":32}}`, q4, "BF16", nil, "say affine, 4 bits, group 64"},
		{"other mode", `{"quantization":{"mode":"mxfp4"}}`, q4, "BF16", nil, "m.scales: dtype BF16, want U8 for mxfp4"},
		{"affine said of mxfp4", `{"quantization":{"group_size":32}}`, modes["mxfp4"], "U8", nil, "m.scales: dtype U8, want floats for affine"},
		{"biases beside mxfp4", `{"quantization":{"mode":"mxfp4"}}`, modes["mxfp4"], "U8",
			func(m map[string]made) { m["m.biases"] = blank("U8", 2, 4) }, "m.biases: there, want none for mxfp4"},
		{"no biases", `{"quantization":{}}`, q4, "BF16", func(m map[string]made) { delete(m, "m.biases") }, "m.biases: missing, want [2 2]"},
		{"biases of another type", `{"quantization":{}}`, q4, "BF16",
			func(m map[string]made) { m["m.biases"] = blank("F16", 2, 2) }, "m.biases: dtype F16, scales are BF16"},
		{"biases of another shape", `{"quantization":{}}`, q4, "BF16",
			func(m map[string]made) { m["m.biases"] = blank("BF16", 2, 1) }, "m.biases: BF16 [2 1], want [2 2]"},
		{"codes of another type", `{"quantization":{}}`, q4, "BF16",
			func(m map[string]made) { m["m.weight"] = blank("I32", 2, 16) }, "dtype I32 beside scales, want U32"},
		{"more rows", `{"quantization":{}}`, q4, "BF16",
			func(m map[string]made) { m["m.weight"] = blank("U32", 3, 16) }, "m.weight: U32 [3 16], want [2 16]"},
		{"scales of another shape", `{"quantization":{}}`, q4, "BF16",
			func(m map[string]made) { m["m.scales"] = blank("BF16", 2) }, "m.scales: BF16 [2], want [2 2]"},
		{"nothing known", `{}`, q4, "BF16", func(m map[string]made) { m["m.scales"] = blank("BF16", 2, 3) }, "its shapes [2 16] are of no known mode"},
		{"U8 scales of no mode", `{}`, Scheme{tensor.Affine, 5, 32}, "U8", nil, "of no known mode"},
	} {
		tensors := map[string]made{}
		quantized(tensors, "m", c.scales, c.scheme, 2, 128)
		if c.change != nil {
			c.change(tensors)
		}
		l := NewLoader(open(t, tensors), config(t, c.config))
		got := l.Matrix("m", 2, 128)
		err := l.Err()
		if c.want == "" {
			if err != nil || got.Shape == nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if got.Shape != nil {
			t.Errorf("%s: %+v, want the zero Stored", c.name, got)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		var all *LoadError
		if errors.As(err, &all) && len(all.Unused) > 0 {
			t.Errorf("%s: %v are called unused", c.name, all.Unused)
		}
	}
}

// TestExponentsInPlaceOfScalesAreRefused: some converters wrote the exponents
// of mxfp4 as floats and left the mode out.
func TestExponentsInPlaceOfScalesAreRefused(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{}
	quantized(tensors, "m", "U8", modes["mxfp4"], 2, 64)
	tensors["m.scales"] = floats([]float32{118, 120, 121, 119}, 2, 2)
	for _, text := range []string{`{"quantization":{"group_size":32,"bits":4}}`, `{"quantization":{"group_size":32,"bits":4,"m":{"group_size":32}}}`} {
		l := NewLoader(open(t, tensors), config(t, text))
		l.Matrix("m", 2, 64)
		if err := l.Err(); err == nil || !strings.Contains(err.Error(), "m.scales: whole numbers near 120 and no biases") {
			t.Errorf("%s: %v", text, err)
		}
	}
	tensors["m.scales"] = floats([]float32{0.25, -1.5, 120, 119}, 2, 2)
	l := NewLoader(open(t, tensors), config(t, `{"quantization":{"group_size":32,"bits":4}}`))
	l.Matrix("m", 2, 64)
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "m.biases: missing") {
		t.Errorf("real scales: %v", err)
	}
}

func TestRowsMustDivideIntoGroups(t *testing.T) {
	t.Parallel()
	l := NewLoader(open(t, map[string]made{
		"m.weight": blank("U32", 2, 12), "m.scales": blank("BF16", 2, 1), "m.biases": blank("BF16", 2, 1),
	}), config(t, `{"quantization":{}}`))
	l.Matrix("m", 2, 96)
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "rows of 96 values do not divide into groups of 64") {
		t.Error(err)
	}
}

func TestConfigMayNameTheFilesOwnNames(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{}
	quantized(tensors, "model.m", "BF16", Scheme{tensor.Affine, 8, 64}, 2, 128)
	l := NewLoader(open(t, tensors), config(t, `{"quantization":{"model.m":{"bits":8}}}`))
	l.Rename(func(name string) string { return strings.TrimPrefix(name, "model.") })
	if m := l.Matrix("m", 2, 128); m.Bits != 8 {
		t.Errorf("%+v, %v", m, l.Err())
	}
}

func TestFloatsOfAllTypesAreWidened(t *testing.T) {
	t.Parallel()
	l := NewLoader(open(t, map[string]made{
		"half":   {"F16", []int{8}, []byte{0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0, 0, 0x80, 0, 0x7c, 0xff, 3, 0, 4}},
		"brain":  {"BF16", []int{2}, []byte{0x80, 0x3f, 0x49, 0xc0}},
		"double": {"F64", []int{1}, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}},
		"single": floats([]float32{1.5, -0.25}, 2, 1),
	}), nil)
	inf := float32(math.Inf(1))
	for name, want := range map[string][]float32{
		"half":   {1, -2, 65504, 1.0 / (1 << 24), float32(math.Copysign(0, -1)), inf, 1023.0 / (1 << 24), 1.0 / (1 << 14)},
		"brain":  {1, -3.140625},
		"double": {1.5},
	} {
		got := l.Floats(name, len(want))
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Errorf("%s[%d] = %v, want %v", name, i, got[i], want[i])
			}
		}
	}
	if got := l.Floats("single", 2, 1); !slices.Equal(got, []float32{1.5, -0.25}) {
		t.Errorf("single = %v", got)
	}
	if err := l.Err(); err != nil {
		t.Error(err)
	}
}

func TestAnAbsurdShapeAllocatesNothing(t *testing.T) {
	t.Parallel()
	l := NewLoader(open(t, map[string]made{"a": blank("F32", 1)}), nil)
	if got := l.Floats("none", 1<<40); got != nil {
		t.Errorf("%d zeros", len(got))
	}
	if got := l.Floats("a", -3); got != nil {
		t.Errorf("%d zeros", len(got))
	}
	l.Matrix("a", 1, 2, 3, 4)
	l.Matrix("a")
	l.Matrix("a", 0, 5)
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "asked for as a matrix of shape [1 2 3 4]") {
		t.Error(err)
	}
}

func TestLongListsAreCut(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{}
	for i := range 100 {
		tensors[fmt.Sprintf("t%03d", i)] = blank("U8", 1)
	}
	l := NewLoader(open(t, tensors), nil)
	err := l.Err()
	var all *LoadError
	if !errors.As(err, &all) || len(all.Unused) != 100 || strings.Count(err.Error(), "\n") != maxLines+1 || !strings.HasSuffix(err.Error(), "and 60 more") {
		t.Error(err)
	}
	if !slices.IsSorted(all.Unused) {
		t.Error("Unused is not sorted")
	}
	if got := (&LoadError{Source: "s", Missing: []string{"a"}, Unused: []string{"b"}}).Error(); !strings.Contains(got, "a: missing") || !strings.Contains(got, "b: unused") {
		t.Error(got)
	}
}

// FuzzParseQuantization: any configuration is an error or settings with which
// a matrix can be looked up.
func FuzzParseQuantization(f *testing.F) {
	f.Add([]byte(`{"quantization":{"group_size":64,"bits":4,"mode":"affine","a":{"bits":8},"b":false}}`))
	f.Add([]byte(`{"quantization_config":{"mode":"mxfp4","m":true}}`))
	tensors := map[string]made{}
	quantized(tensors, "m", "BF16", modes["affine"], 2, 128)
	quantized(tensors, "n", "U8", modes["mxfp4"], 2, 128)
	data := file(tensors)
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := ParseQuantization(text)
		if err != nil {
			return
		}
		c, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLoader(c, q)
		for _, name := range []string{"m", "n"} {
			if m := l.Matrix(name, 2, 128); m.Shape != nil && m.Group == 0 {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if q != nil {
			for _, path := range slices.Sorted(maps.Keys(q.layers)) {
				if o := q.layers[path]; o.quantized && o.scheme.Group == 0 {
					t.Errorf("%s: %v", path, o.scheme)
				}
			}
		}
	})
}
