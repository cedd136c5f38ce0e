// Package trace runs a model on given ids and writes what happened inside:
// named activations, logits and greedy tokens, so that anyone can check the
// arithmetic against another implementation.
//
// Start reading at Run.
package trace

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"hark/audio"
	"hark/engine/chat"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// Input is what the model is fed.
type Input struct {
	// IDs are the prompt. Each placeholder of a medium stands for all its
	// soft tokens, in the order of Pictures and Clips.
	IDs      []token.ID
	Pictures []*vision.Image
	Clips    [][]float32 // 16 kHz mono
	// Steps is the number of greedy tokens to generate.
	Steps int
	// Layers keeps every layer's output, not only the ends.
	Layers bool
}

// Result is what a run made. Positions are those of IDs.
type Result struct {
	IDs       []token.ID // what was fed, media expanded, generated tokens included except the last
	Generated []token.ID
	Vocab     int
	Logits    []float32 // [len(IDs), Vocab]
	// Activations by name, each a piece for every time it was computed.
	Activations []Activation
}

// Activation is a named tensor.
type Activation struct {
	Name   string
	Shape  []int
	Values []float32
}

// NotFinite is the error of an activation that holds NaN or Inf. It names the
// first one.
type NotFinite struct {
	Name  string
	Index int
	Value float32
}

func (e *NotFinite) Error() string {
	return fmt.Sprintf("trace: %s holds %v at %d, the first value that is not finite", e.Name, e.Value, e.Index)
}

// runner collects activations while a model runs.
type runner struct {
	in     *Input
	m      model.Model
	b      tensor.Backend
	result *Result
	first  *NotFinite
}

// Run loads src on b and runs in. If render is given, it says the ids once the
// model is there. b is closed at the end. The error *NotFinite comes with
// everything that was computed.
func Run(src weights.Source, b tensor.Backend, in *Input, render func(model.Model) ([]token.ID, error)) (_ *Result, err error) {
	r := &runner{in: in, result: &Result{}}
	r.b = tensor.Trace(b, r.see)
	defer func() { err = errors.Join(err, r.b.Close()) }()
	if r.m, err = model.Open(src, r.b); err != nil {
		return nil, err
	}
	r.result.Vocab = r.m.Info().Vocab
	if render != nil {
		if in.IDs, err = render(r.m); err != nil {
			return nil, err
		}
	}
	row, err := r.prompt()
	if err != nil {
		return nil, err
	}
	r.decode(row)
	if r.first != nil {
		return r.result, r.first
	}
	return r.result, nil
}

// see keeps an activation and looks for the first value that is not finite.
func (r *runner) see(name string, shape []int, values []float32) {
	if r.first == nil {
		for i, v := range values {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				r.first = &NotFinite{Name: name, Index: i, Value: v}
				break
			}
		}
	}
	ends := name == "audio.mel" || name == "audio.embeds" || name == "vision.embeds"
	if !r.in.Layers && !ends || name == "text.logits" {
		return
	}
	r.result.add(name, shape, values)
}

// add appends values along the first axis to what was seen under name.
func (r *Result) add(name string, shape []int, values []float32) {
	for i := range r.Activations {
		if a := &r.Activations[i]; a.Name == name && slices.Equal(a.Shape[1:], shape[1:]) {
			a.Shape[0] += shape[0]
			a.Values = append(a.Values, values...)
			return
		}
	}
	r.Activations = append(r.Activations, Activation{name, slices.Clone(shape), slices.Clone(values)})
}

// prompt expands the media and makes the row of the prefill.
func (r *runner) prompt() (model.Row, error) {
	row := model.Row{KV: r.b.NewKV(r.m.KVLayers())}
	var soft []tensor.Tensor
	var ahead [][2]int
	pictures, clips := r.in.Pictures, r.in.Clips
	for ids := r.in.IDs; len(ids) > 0; {
		id, run := ids[0], 1
		if id < 0 || int(id) >= r.m.Info().Vocab {
			return row, fmt.Errorf("trace: id %d, the vocabulary has %d", id, r.m.Info().Vocab)
		}
		x, err := r.medium(id, &pictures, &clips)
		if err != nil {
			return row, err
		}
		if x == nil {
			row.IDs = append(row.IDs, id)
		} else {
			from, n := len(row.IDs), x.Shape()[0]
			for run < len(ids) && ids[run] == id {
				run++
			}
			if run != 1 && run != n {
				return row, fmt.Errorf("trace: %d placeholders %d in a row, the medium has %d soft tokens: give one, or all", run, id, n)
			}
			for i := range n {
				row.SoftAt = append(row.SoftAt, from+i)
				row.IDs = append(row.IDs, id)
			}
			if id != r.m.Placeholder(model.Sound) && r.m.Info().Whole {
				ahead = append(ahead, [2]int{from, from + n})
			}
			soft = append(soft, x)
		}
		ids = ids[run:]
	}
	switch {
	case len(pictures)+len(clips) > 0:
		return row, fmt.Errorf("trace: %d pictures and %d clips have no placeholder in the ids", len(pictures), len(clips))
	case len(row.IDs) == 0:
		return row, errors.New("trace: no ids to feed")
	case len(soft) > 0:
		row.Soft = r.b.Concat(soft...)
	}
	row.Until = model.Until(0, len(row.IDs), ahead)
	row.Logits = len(row.IDs)
	return row, nil
}

// Render gives the ids of a chat with the generation prompt, one placeholder
// for each medium.
func Render(m model.Model, messages []chat.Message) ([]token.ID, error) {
	runs, err := m.Chat().Render(messages, chat.Options{Generate: true})
	if err != nil {
		return nil, err
	}
	var ids []token.ID
	for _, run := range runs {
		switch {
		case run.Media < 0:
			ids = append(ids, run.IDs...)
		case run.Kind == chat.Audio:
			ids = append(ids, m.Placeholder(model.Sound))
		default:
			ids = append(ids, m.Placeholder(model.Sight))
		}
	}
	return ids, nil
}

// medium encodes the next medium if id is a placeholder, and returns nil for
// any other id.
func (r *runner) medium(id token.ID, pictures *[]*vision.Image, clips *[][]float32) (tensor.Tensor, error) {
	switch id {
	case r.m.Placeholder(model.Sight), r.m.Placeholder(model.Film):
		if len(*pictures) > 0 {
			next := (*pictures)[0]
			*pictures = (*pictures)[1:]
			return r.picture(next)
		}
	case r.m.Placeholder(model.Sound):
		if len(*clips) > 0 {
			next := (*clips)[0]
			*clips = (*clips)[1:]
			return r.clip(next)
		}
	default:
		return nil, nil
	}
	return nil, fmt.Errorf("trace: no medium is left for the placeholder %d", id)
}

func (r *runner) picture(img *vision.Image) (tensor.Tensor, error) {
	if !r.m.Info().Sees {
		return nil, errors.New("trace: this model cannot see pictures")
	}
	p, err := r.m.Cut(img, 0)
	if err != nil {
		return nil, err
	}
	return r.m.EncodePicture(p), nil
}

func (r *runner) clip(samples []float32) (tensor.Tensor, error) {
	if !r.m.Info().Hears {
		return nil, errors.New("trace: this model cannot hear; Gemma 4 E2B, E4B and 12B can")
	}
	if r.m.ClipTokens(int64(len(samples))) == 0 {
		return nil, fmt.Errorf("trace: %d samples are too short to hear", len(samples))
	}
	front, enc := r.m.NewFrontEnd(), r.m.NewAudio()
	defer enc.Close()
	rows := front.Push(samples)
	all := slices.Clone(rows.Data)
	last := front.Flush()
	all = append(all, last.Data...)
	width := max(rows.Width, last.Width)
	r.see("audio.mel", []int{len(all) / width, width}, all)
	return enc.Flush(audio.Features{Width: width, Hop: max(rows.Hop, last.Hop), Data: all}), nil
}

// decode runs the prefill and the greedy steps.
func (r *runner) decode(row model.Row) {
	defer row.KV.Free()
	out := r.result
	for step := 0; ; step++ {
		logits := r.b.Read(nil, r.m.Forward([]model.Row{row}))
		r.see("text.logits", []int{row.Logits, out.Vocab}, logits)
		r.b.EndStep()
		out.IDs = append(out.IDs, row.IDs...)
		out.Logits = append(out.Logits, logits...)
		if step == r.in.Steps {
			return
		}
		id := best(logits[len(logits)-out.Vocab:])
		out.Generated = append(out.Generated, id)
		if step == r.in.Steps-1 {
			return
		}
		row = model.Row{KV: row.KV, Pos: row.KV.Len(), IDs: []token.ID{id}, Logits: 1}
	}
}

// best returns the likeliest id.
func best(logits []float32) token.ID {
	top := 0
	for i, v := range logits {
		if v > logits[top] {
			top = i
		}
	}
	return token.ID(top)
}

// Write writes the result as a safetensors file: ids, generated, logits, and
// the activations under their names.
func (r *Result) Write(w io.Writer) error {
	tensors := []weights.Tensor{
		ids("ids", r.IDs), ids("generated", r.Generated),
		floats("logits", []int{len(r.IDs), r.Vocab}, r.Logits),
	}
	for _, a := range r.Activations {
		tensors = append(tensors, floats(a.Name, a.Shape, a.Values))
	}
	return weights.Write(w, map[string]string{"made_by": "hark trace"}, tensors)
}
