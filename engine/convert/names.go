package convert

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hark/engine/weights"
)

// part is a tensor under its new name: the bytes of a tensor of the source,
// all or some of them, in order.
type part struct {
	name     string
	shape    []int
	segments [][]byte // one behind the other; each whole rows
}

func (p *part) bytes() int64 {
	var n int64
	for _, s := range p.segments {
		n += int64(len(s))
	}
	return n
}

// parts returns what a tensor of the source becomes: nothing for those that no
// model reads, two for the experts' gates, and otherwise one.
//
// Source: gemma4.md 3.2.
func (s *settings) parts(name string, e weights.Entry) ([]part, error) {
	if s.dropped(name) {
		return nil, nil
	}
	if strings.HasSuffix(name, "lm_head.weight") {
		if !s.tied {
			return nil, errors.New("an output head of its own (tie_word_embeddings is false) cannot be converted")
		}
		return nil, nil
	}
	renamed := s.rename(name)
	if s.sharedKV(renamed) {
		return nil, nil
	}
	whole := part{name: renamed, shape: e.Shape, segments: [][]byte{e.Data}}
	switch {
	case strings.HasSuffix(renamed, ".experts.gate_up_proj"):
		return splitExperts(whole)
	case strings.HasSuffix(renamed, ".experts.down_proj"):
		whole.name = strings.TrimSuffix(renamed, "down_proj") + "switch_glu.down_proj.weight"
	case isConvolution(renamed):
		return []part{channelsLast(whole)}, nil
	}
	return []part{whole}, nil
}

// dropped reports tensors that MLX's converter leaves out for what they are.
func (s *settings) dropped(name string) bool {
	if strings.Contains(name, "rotary_emb") {
		return true
	}
	if !s.audio && s.multimodal && (strings.Contains(name, "audio_tower") || strings.Contains(name, "embed_audio")) {
		return true
	}
	for _, bound := range []string{".input_min", ".input_max", ".output_min", ".output_max"} {
		if strings.HasSuffix(name, bound) {
			return !strings.Contains(name, "audio_tower") && !(strings.Contains(name, "vision_tower") && s.clipVision)
		}
	}
	return false
}

// rename gives a name MLX's spelling. Names that have it already stay.
func (s *settings) rename(name string) string {
	if !s.multimodal {
		return name
	}
	name = strings.TrimPrefix(name, "model.")
	if rest, ok := strings.CutPrefix(name, "language_model."); ok && !strings.HasPrefix(rest, "model.") {
		return "language_model.model." + rest
	}
	if rest, ok := strings.CutPrefix(name, "embed_vision."); ok { // transformers' own module tree
		if projection, ok := strings.CutPrefix(rest, "multimodal_embedder."); ok {
			return "embed_vision." + projection
		}
		for _, embedder := range []string{"patch_", "pos_"} {
			if strings.HasPrefix(rest, embedder) {
				return "vision_embedder." + rest
			}
		}
	}
	return name
}

// sharedKV reports keys and values of layers that use those of another.
func (s *settings) sharedKV(name string) bool {
	_, rest, ok := strings.Cut(name, "model.layers.")
	if !ok {
		return false
	}
	number, rest, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if err != nil || layer < s.firstShared {
		return false
	}
	for _, dead := range []string{"k_proj.", "v_proj.", "k_norm.", "v_norm."} {
		if strings.HasPrefix(rest, "self_attn."+dead) {
			return true
		}
	}
	return false
}

// splitExperts makes two stacks [E, F, H] of one [E, 2F, H], whose matrices
// have the gate's rows first.
func splitExperts(whole part) ([]part, error) {
	shape := whole.shape
	if len(shape) != 3 || shape[1]%2 != 0 || shape[0] < 1 {
		return nil, fmt.Errorf("shape %v, want [E, 2F, H]", shape)
	}
	base := strings.TrimSuffix(whole.name, "gate_up_proj") + "switch_glu."
	half := []int{shape[0], shape[1] / 2, shape[2]}
	gate := part{name: base + "gate_proj.weight", shape: half}
	up := part{name: base + "up_proj.weight", shape: half}
	data := whole.segments[0]
	each := len(data) / shape[0]
	for i := range shape[0] {
		matrix := data[i*each : (i+1)*each]
		gate.segments = append(gate.segments, matrix[:each/2])
		up.segments = append(up.segments, matrix[each/2:])
	}
	return []part{gate, up}, nil
}

func isConvolution(name string) bool {
	return strings.HasSuffix(name, "depthwise_conv1d.weight") ||
		strings.Contains(name, "subsample_conv_projection.") && strings.HasSuffix(name, ".conv.weight")
}

// channelsLast moves the second axis of a convolution to the end, unless it is
// there: kernels are 3x3 or one channel deep. The tensors are small.
func channelsLast(p part) part {
	s := p.shape
	switch {
	case len(s) == 4 && !(s[1] == 3 && s[2] == 3 && s[3] != 3):
	case len(s) == 3 && s[2] != 1:
	default:
		return p
	}
	out, in, kernel := s[0], s[1], 1
	for _, n := range s[2:] {
		kernel *= n
	}
	data := p.segments[0]
	if len(data) == 0 {
		return p
	}
	size := len(data) / (out * in * kernel)
	moved := make([]byte, 0, len(data))
	for o := range out {
		for k := range kernel {
			for i := range in {
				at := ((o*in+i)*kernel + k) * size
				moved = append(moved, data[at:at+size]...)
			}
		}
	}
	shape := append([]int{out}, s[2:]...)
	return part{name: p.name, shape: append(shape, in), segments: [][]byte{moved}}
}
