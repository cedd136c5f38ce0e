// Package convert quantizes checkpoints: a folder with bf16, f16 or f32
// weights becomes one in the layout of MLX, with the tensor names, the
// configuration and, byte for byte, the tensors that MLX's own converter
// makes.
//
// Open looks at everything and decides, Write does it:
//
//	scheme, err := weights.NewScheme("affine", 4, 64)
//	plan, err := convert.Open(in, &convert.Options{Scheme: scheme})
//	defer plan.Close()
//	err = plan.Write(ctx, out)
//
// Weights are read from mapped files and written block by block: the memory
// needed is that of the scales of the largest matrix and of a few blocks.
//
// Start reading at Plan.
package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// Options say how to convert.
type Options struct {
	// Scheme is how matrices are quantized, see weights.NewScheme.
	Scheme weights.Scheme
	// Overrides are exceptions from Scheme. The last that matches holds.
	Overrides []Override
	// Threads is how many goroutines quantize; 0 is one a core.
	Threads int
	// ShardBytes is the size from which weights are spread over several
	// files; 0 is 5 GiB, as in MLX.
	ShardBytes int64
	// Progress, if not nil, is told how many bytes of the source are done.
	// It is called from the goroutine of Write.
	Progress func(done, total int64)
}

// InputError is a fault of what was to be converted, not of converting.
type InputError struct{ Err error }

func (e *InputError) Error() string { return "convert: " + e.Err.Error() }

// Unwrap returns the fault itself.
func (e *InputError) Unwrap() error { return e.Err }

func inputError(format string, args ...any) error {
	return &InputError{fmt.Errorf(format, args...)}
}

// Module is one matrix and what becomes of it.
type Module struct {
	Path   string         // MLX's name, without ".weight"
	Shape  []int          // [out, in] or [E, out, in]
	Scheme weights.Scheme // how it is quantized
	Own    bool           // the configuration names it, since Scheme is not the file's
}

// Plan is a conversion that can be done. It holds the source's files open.
type Plan struct {
	// Modules are the matrices that will be quantized, by path.
	Modules []Module
	// Kept are the tensors that stay as they are, by MLX's name.
	Kept []string
	// Dropped are the tensors that no model reads, by the source's name.
	Dropped []string
	// Bytes is the size of the tensors that will be written.
	Bytes int64
	// SourceBytes is the size of the tensors they are made of.
	SourceBytes int64

	in      string
	opts    Options
	source  weights.Source
	config  []byte
	plain   []string // module paths that an override keeps plain
	outputs []*output
}

// Open looks at the checkpoint in the folder in, and finds out what becomes of
// each of its tensors. Every error is the checkpoint's, or that of an option:
// an *InputError.
func Open(in string, o *Options) (*Plan, error) {
	source, err := weights.Dir(in)
	if err != nil {
		return nil, &InputError{err}
	}
	p := &Plan{in: in, opts: *o, source: source}
	if err := p.look(); err != nil {
		source.Close()
		var input *InputError
		if !errors.As(err, &input) {
			err = &InputError{err}
		}
		return nil, err
	}
	return p, nil
}

// Close lets go of the source.
func (p *Plan) Close() error { return p.source.Close() }

// look fills in the plan.
func (p *Plan) look() error {
	config, err := p.source.File(configFile)
	if err != nil {
		return err
	}
	p.config = config
	c, err := parseSettings(config)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", p.in, configFile, err)
	}
	checkpoint, err := weights.Open(p.source)
	if err != nil {
		return err
	}
	for _, name := range checkpoint.Names() {
		e, _ := checkpoint.Entry(name)
		parts, err := c.parts(name, e)
		if err != nil {
			return fmt.Errorf("%s: tensor %s: %w", e.File, name, err)
		}
		if len(parts) == 0 {
			p.Dropped = append(p.Dropped, name)
		}
		for _, part := range parts {
			if err := p.add(part, e); err != nil {
				return fmt.Errorf("%s: tensor %s: %w", e.File, name, err)
			}
		}
	}
	return p.finish()
}

// add decides about one tensor.
func (p *Plan) add(part part, e weights.Entry) error {
	p.SourceBytes += part.bytes()
	from, float := plainFormats[e.DType]
	path, matrix := moduleOf(part)
	if !matrix {
		p.keep(part, e.DType)
		return nil
	}
	scheme, own, ok := p.opts.decide(path, part.shape[len(part.shape)-1])
	if !ok {
		if own {
			p.plain = append(p.plain, path)
		}
		p.keep(part, e.DType)
		return nil
	}
	if !float {
		return fmt.Errorf("dtype %s, want F32, F16 or BF16", e.DType)
	}
	m := Module{Path: path, Shape: part.shape, Scheme: scheme, Own: own}
	p.Modules = append(p.Modules, m)
	p.outputs = append(p.outputs, quantizedOutputs(part, m, from, e.DType)...)
	return nil
}

func (p *Plan) keep(part part, dtype string) {
	p.Kept = append(p.Kept, part.name)
	p.outputs = append(p.outputs, &output{name: part.name, dtype: dtype, shape: part.shape, bytes: part.bytes(), part: part})
}

// finish checks the plan as a whole.
func (p *Plan) finish() error {
	slices.SortFunc(p.outputs, func(a, b *output) int { return strings.Compare(a.name, b.name) })
	for i, o := range p.outputs {
		if i > 0 && o.name == p.outputs[i-1].name {
			return fmt.Errorf("tensor %s: two tensors become this one", o.name)
		}
		p.Bytes += o.bytes
	}
	if len(p.Modules) == 0 {
		return fmt.Errorf("%s: no matrix that %v would apply to", p.in, p.opts.Scheme)
	}
	for _, o := range p.opts.Overrides {
		if !slices.ContainsFunc(p.outputs, func(out *output) bool {
			path, matrix := moduleOf(out.part)
			return matrix && o.applies(path)
		}) {
			return fmt.Errorf("override %s: matches no matrix of %s", o.Pattern, p.in)
		}
	}
	slices.SortFunc(p.Modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(p.Kept)
	return nil
}

// plainFormats are the element types that can be quantized.
var plainFormats = map[string]tensor.Format{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}

// settings are the parts of config.json that decide about tensors.
type settings struct {
	multimodal  bool // names begin with the part of the model, not with "model."
	tied        bool // the output head is the embedding
	audio       bool // there is something that hears
	clipVision  bool // the vision tower has clipping bounds
	firstShared int  // first layer without keys and values of its own
}

// families are the model types that can be converted, and whether they have
// more parts than a language model.
var families = map[string]bool{
	"gemma4": true, "gemma4_unified": true, "gemma4_text": false, "gemma3_text": false,
}

func parseSettings(config []byte) (settings, error) {
	type text struct {
		Layers *int  `json:"num_hidden_layers"`
		Shared int   `json:"num_kv_shared_layers"`
		Tied   *bool `json:"tie_word_embeddings"`
	}
	var c struct {
		text
		ModelType string          `json:"model_type"`
		Text      *text           `json:"text_config"`
		Audio     json.RawMessage `json:"audio_config"`
		Vision    *struct {
			Clipped bool `json:"use_clipped_linears"`
		} `json:"vision_config"`
		Quantization json.RawMessage `json:"quantization"`
		Other        json.RawMessage `json:"quantization_config"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return settings{}, err
	}
	multimodal, ok := families[c.ModelType]
	if !ok {
		return settings{}, fmt.Errorf("model_type %q, want one of %v", c.ModelType, slices.Sorted(maps.Keys(families)))
	}
	if !absent(c.Quantization) || !absent(c.Other) {
		return settings{}, errors.New("the checkpoint is quantized already; convert the original")
	}
	t := c.text
	if multimodal && c.Text != nil {
		t = *c.Text
	}
	if t.Layers == nil || *t.Layers < 1 || t.Shared < 0 || t.Shared >= *t.Layers {
		return settings{}, fmt.Errorf("num_hidden_layers and num_kv_shared_layers are missing or contradict each other")
	}
	s := settings{multimodal: multimodal, audio: !absent(c.Audio), firstShared: *t.Layers - t.Shared}
	s.tied = (c.Tied == nil || *c.Tied) && (t.Tied == nil || *t.Tied)
	s.clipVision = c.Vision != nil && c.Vision.Clipped
	return s, nil
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
