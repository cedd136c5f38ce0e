// Package inspect says what a checkpoint is without running it: its facts, its
// tensors, what a decoded token has to read, and how much memory a
// conversation takes.
//
// The family's own loader does the work, on an Outline of the files and a
// backend that computes nothing. So whatever is found wrong here is found
// wrong when the model is loaded, and the other way round.
//
// Start reading at Run.
package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/weights"
	"hark/vision"
)

// Options say what a backend does with a model. The zero value works.
type Options struct {
	// KVBytes returns the memory that a backend holds for that many positions
	// of a sequence. Without it memory is not estimated.
	KVBytes func(layers []tensor.KVLayer, positions int) int64
}

// Report is what is known of a checkpoint. If Problems is not empty, the model
// does not load and the rest is as far as it was found.
type Report struct {
	Source   string   `json:"source"`
	Problems []string `json:"problems,omitempty"`
	Facts
	// Packings are the ways values are stored, the one with most bytes first.
	Packings []Packing `json:"packings"`
	// Parameters counts the values that the model asks for.
	Parameters int64 `json:"parameters"`
	// Bytes is the size of all tensors, LeftOver of those not asked for.
	Bytes    int64    `json:"bytes"`
	LeftOver int64    `json:"left_over_bytes,omitempty"`
	Decode   Decode   `json:"decode"`
	Memory   []Memory `json:"memory,omitempty"`
	Speech   *Speech  `json:"speech,omitempty"`
	Tensors  []Tensor `json:"tensors"`
}

// Facts are the shape of the model and what it takes in.
type Facts struct {
	Family     string   `json:"family"`
	Variant    string   `json:"variant"`
	Layers     int      `json:"layers"`
	Hidden     int      `json:"hidden"`
	Vocab      int      `json:"vocab"`
	Context    int      `json:"context"` // positions the model was made for
	Kinds      []Kind   `json:"layer_kinds,omitempty"`
	PLE        int      `json:"per_layer_embedding,omitempty"`
	Experts    int      `json:"experts,omitempty"`
	TopExperts int      `json:"experts_a_token,omitempty"`
	ExpertF    int      `json:"expert_feed_forward,omitempty"`
	SoftCap    float32  `json:"soft_cap,omitempty"`
	Hears      *Hearing `json:"hears"` // nil: deaf
	Sees       *Seeing  `json:"sees"`  // nil: blind
}

// Kind is what layers of one sort have in common.
type Kind struct {
	Name    string `json:"name"` // "sliding" or "full"
	Layers  int    `json:"layers"`
	Caches  int    `json:"caches"` // layers that own keys and values
	Window  int    `json:"window,omitempty"`
	Heads   int    `json:"heads"`
	KVHeads int    `json:"kv_heads"`
	Dim     int    `json:"head_dim"`
	F       []int  `json:"feed_forward"` // widths that occur
}

// Hearing is what a model that takes sound makes of it.
type Hearing struct {
	TokensASecond float64 `json:"tokens_per_second"`
	ClipSeconds   float64 `json:"clip_seconds"` // longest clip the model was made for
}

// Seeing is what a model that takes pictures makes of one.
type Seeing struct {
	Tokens  int    `json:"tokens_per_picture"` // the most, by the checkpoint
	Budgets []int  `json:"budgets"`            // the ones that can be asked for
	Example string `json:"example"`
}

// Packing is one way of storing values and how much is stored so.
type Packing struct {
	Name    string `json:"name"` // "bf16", "q4g64", "mxfp4", …
	Tensors int    `json:"tensors"`
	Values  int64  `json:"values"`
	Bytes   int64  `json:"bytes"`
}

// Tensor is one tensor of the checkpoint, its scales and biases included.
type Tensor struct {
	Name    string `json:"name"`
	Packing string `json:"packing"`
	Shape   []int  `json:"shape"` // logical
	Bytes   int64  `json:"bytes"`
	part    part
	layer   int // -1: of none
}

// Values returns the number of values.
func (t *Tensor) Values() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Decode is the work of one token after the prompt, attention left out.
type Decode struct {
	Parameters int64 `json:"active_parameters"`
	Bytes      int64 `json:"weight_bytes"`
}

// Memory is what a sequence of some length takes.
type Memory struct {
	Positions int   `json:"positions"`
	Bytes     int64 `json:"bytes"`              // held
	Read      int64 `json:"read_bytes_a_token"` // by the attention of one decoded token
}

// Run inspects the checkpoint in src. o may be nil.
func Run(src weights.Source, o *Options) *Report {
	outline, ok := src.(*weights.Outline)
	if !ok {
		outline = &weights.Outline{Source: src}
	}
	r := &Report{Source: src.Name()}
	b := &blind{}
	m, err := model.Open(outline, b)
	if c, openErr := weights.Open(outline); openErr == nil {
		r.Bytes = c.Bytes()
	} else if err != nil && !errors.Is(err, openErr) && !strings.Contains(err.Error(), openErr.Error()) {
		err = errors.Join(err, openErr)
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			r.Problems = append(r.Problems, strings.TrimSpace(line))
		}
		return r
	}
	info := m.Info()
	r.Facts = facts(&info)
	r.list(outline.Listed())
	r.decode(&info)
	if o != nil && o.KVBytes != nil {
		r.memory(&info, m.KVLayers(), o.KVBytes)
	}
	if info.Hears {
		r.Speech = speech(r.Tensors, &info)
	}
	return r
}

// budgets are the soft tokens of a picture that can be asked for. Source: spec
// section 9.2.
var budgets = []int{70, 140, 280, 560, 1120}

func facts(info *model.Info) Facts {
	d := &info.Decoder
	f := Facts{
		Family: info.Family, Variant: info.Variant, Layers: info.Layers, Hidden: info.Hidden, Vocab: info.Vocab, Context: info.Context,
		PLE: d.PLE, Experts: d.Experts, TopExperts: d.TopExperts, ExpertF: d.ExpertF, SoftCap: d.SoftCap,
	}
	for _, l := range d.Layers {
		f.kind(d.Heads, l)
	}
	if info.Hears {
		f.Hears = &Hearing{TokensASecond: sampleRate / float64(info.TokenSamples), ClipSeconds: float64(info.ClipSamples) / sampleRate}
	}
	if info.Sees {
		f.Sees = &Seeing{Tokens: info.Geometry.Tokens, Budgets: budgets, Example: example(info.Geometry)}
	}
	return f
}

// sampleRate is that of all models, in samples a second.
const sampleRate = 16000.0

// example says what becomes of a usual picture.
func example(g vision.Geometry) string {
	const w, h = 640, 480
	nw, nh, err := vision.TargetSize(w, h, g)
	if err != nil {
		return err.Error()
	}
	n, err := vision.SoftTokens(w, h, g)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%dx%d is seen as %dx%d, %d tokens", w, h, nw, nh, n)
}

// kind counts a layer among those of its sort.
func (f *Facts) kind(heads int, l model.DecoderLayer) {
	name := "sliding"
	if l.Window == 0 {
		name = "full"
	}
	at := slices.IndexFunc(f.Kinds, func(k Kind) bool {
		return k.Name == name && k.Window == l.Window && k.KVHeads == l.KVHeads && k.Dim == l.Dim
	})
	if at < 0 {
		at = len(f.Kinds)
		f.Kinds = append(f.Kinds, Kind{Name: name, Window: l.Window, Heads: heads, KVHeads: l.KVHeads, Dim: l.Dim})
	}
	k := &f.Kinds[at]
	k.Layers++
	if l.OwnsKV {
		k.Caches++
	}
	if !slices.Contains(k.F, l.F) {
		k.F = append(k.F, l.F)
	}
}

// list takes in the tensors that the model asked for, each once.
func (r *Report) list(listed []weights.Listed) {
	seen := map[string]bool{}
	packings := map[string]*Packing{}
	r.LeftOver = r.Bytes
	for _, l := range listed {
		if seen[l.Name] {
			continue
		}
		seen[l.Name] = true
		t := Tensor{Name: l.Name, Packing: packing(&l), Shape: l.Shape, Bytes: l.Bytes}
		t.part, t.layer = place(l.Name)
		r.Tensors = append(r.Tensors, t)
		r.Parameters += l.Values()
		r.LeftOver -= l.Bytes
		p := packings[t.Packing]
		if p == nil {
			p = &Packing{Name: t.Packing}
			packings[t.Packing] = p
		}
		p.Tensors++
		p.Values += l.Values()
		p.Bytes += l.Bytes
	}
	for _, p := range packings {
		r.Packings = append(r.Packings, *p)
	}
	slices.SortFunc(r.Packings, func(a, b Packing) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name))
	})
}

// packing names how a tensor is stored: q4g64 is 4 bits in groups of 64.
func packing(l *weights.Listed) string {
	switch {
	case l.Group == 0:
		return strings.ToLower(l.DType)
	case l.Format == tensor.Affine:
		return fmt.Sprintf("q%dg%d", l.Bits, l.Group)
	}
	return l.Format.String()
}

// memory estimates sequences of the usual lengths and of the longest.
func (r *Report) memory(info *model.Info, kv []tensor.KVLayer, bytes func([]tensor.KVLayer, int) int64) {
	readers := kv
	if len(info.Decoder.Layers) > 0 {
		readers = nil
		for _, l := range info.Decoder.Layers {
			readers = append(readers, tensor.KVLayer{Heads: l.KVHeads, Dim: l.Dim, Window: l.Window})
		}
	}
	lengths := []int{1 << 10, 4 << 10, 8 << 10, 32 << 10, info.Context}
	for i, n := range lengths {
		if n > info.Context || slices.Contains(lengths[:i], n) {
			continue
		}
		m := Memory{Positions: n, Bytes: bytes(kv, n)}
		for _, l := range readers {
			visible := n
			if l.Window > 0 {
				visible = min(n, l.Window)
			}
			m.Read += bytes([]tensor.KVLayer{l}, visible)
		}
		r.Memory = append(r.Memory, m)
	}
}
