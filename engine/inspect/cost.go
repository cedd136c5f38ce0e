package inspect

import (
	"math"
	"strconv"
	"strings"

	"hark/engine/model"
)

// part is what a tensor serves.
type part uint8

const (
	inLayers  part = iota // of the decoder, read whole for every token
	inExperts             // stacks of which a token takes some
	inHead                // the token table: a row for each token, all for logits
	inTable               // tables of which a token takes a row
	inVision
	inAudio
)

// place tells by its canonical name what a tensor serves, and the layer of the
// decoder it is in, or -1.
func place(name string) (part, int) {
	switch {
	case strings.HasPrefix(name, "audio_tower.") || strings.HasPrefix(name, "embed_audio."):
		return inAudio, -1
	case strings.HasPrefix(name, "vision_tower.") || strings.HasPrefix(name, "vision_embedder.") || strings.HasPrefix(name, "embed_vision."):
		return inVision, -1
	case strings.Contains(name, "embed_tokens_per_layer"):
		return inTable, -1
	case strings.Contains(name, "embed_tokens"):
		return inHead, -1
	}
	layer := -1
	if _, n, ok := layerOf(name); ok {
		layer = n
	}
	if strings.Contains(name, ".experts.") {
		return inExperts, layer
	}
	return inLayers, layer
}

// layerOf cuts a name before "layers.N." and returns N.
func layerOf(name string) (before string, n int, ok bool) {
	before, rest, found := strings.Cut(name, "layers.")
	number, _, dotted := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	return before, n, found && dotted && err == nil
}

// decode adds up what one token takes: the layers, its share of the experts,
// the token table as output head, and a row of each table.
func (r *Report) decode(info *model.Info) {
	d := &info.Decoder
	for i := range r.Tensors {
		t := &r.Tensors[i]
		values, bytes := t.Values(), t.Bytes
		switch t.part {
		case inExperts:
			if d.Experts > 0 {
				values, bytes = values*int64(d.TopExperts)/int64(d.Experts), bytes*int64(d.TopExperts)/int64(d.Experts)
			}
		case inTable:
			values, bytes = values/int64(max(t.Shape[0], 1)), bytes/int64(max(t.Shape[0], 1))
		case inVision, inAudio:
			continue
		}
		r.Decode.Parameters += values
		r.Decode.Bytes += bytes
	}
}

// Speech is what it takes to read in speech as fast as it is spoken.
type Speech struct {
	// LayerBytes are the weights of the decoder that a prompt goes through:
	// not those of the last layers, which leave nothing in the cache, and not
	// the output head. ExpertBytes are all experts beside them.
	LayerBytes  int64 `json:"layer_bytes"`
	ExpertBytes int64 `json:"expert_bytes,omitempty"`
	// TowerBytes are the weights of the audio tower and its projection.
	TowerBytes int64 `json:"tower_bytes"`
	// Products is the number of multiplications with weights that a second
	// of speech takes, in the decoder and in the tower.
	Products      int64 `json:"products_per_second"`
	TowerProducts int64 `json:"tower_products_per_second"`
	// Paces are the bandwidths by tokens a step.
	Paces []Pace `json:"paces"`
	// Formula says how the bandwidths are computed.
	Formula string `json:"formula"`
}

// Pace is the memory bandwidth that reading in takes when each step takes so
// many soft tokens.
type Pace struct {
	TokensAStep    int   `json:"tokens_per_step"`
	BytesPerSecond int64 `json:"bytes_per_second"`
}

// formula is how Pace.BytesPerSecond comes about.
const formula = "r/n * (layers + experts*(1-(1-k/E)^n) + tower) bytes a second: r soft tokens a second, n of them a step, k of E experts a token"

// speech adds up what reading in speech takes.
func speech(tensors []Tensor, info *model.Info) *Speech {
	d := &info.Decoder
	rate := sampleRate / float64(info.TokenSamples)
	s := &Speech{Formula: formula}
	share, last := 1.0, lastOwner(d)
	if d.Experts > 0 {
		share = float64(d.TopExperts) / float64(d.Experts)
	}
	var token, tower float64
	for i := range tensors {
		t := &tensors[i]
		switch {
		case t.part == inAudio:
			s.TowerBytes += t.Bytes
			tower += towerProducts(t)
		case t.layer > last:
		case t.part == inLayers:
			s.LayerBytes += t.Bytes
			token += products(t)
		case t.part == inExperts:
			s.ExpertBytes += t.Bytes
			token += share * products(t)
		}
	}
	s.Products, s.TowerProducts = int64(rate*token), int64(rate*tower)
	for _, n := range []int{1, 4, 16} {
		reached := 1 - math.Pow(1-share, float64(n))
		bytes := rate / float64(n) * (float64(s.LayerBytes) + float64(s.ExpertBytes)*reached + float64(s.TowerBytes))
		s.Paces = append(s.Paces, Pace{TokensAStep: n, BytesPerSecond: int64(bytes)})
	}
	return s
}

// lastOwner returns the last layer that fills a cache, the last one that a
// prompt goes through.
func lastOwner(d *model.Decoder) int {
	last := math.MaxInt
	for i, l := range d.Layers {
		if l.OwnsKV {
			last = i
		}
	}
	return last
}

// products returns how many multiplications a row takes with t: one for each
// value of a matrix.
func products(t *Tensor) float64 {
	if len(t.Shape) < 2 {
		return 0
	}
	return float64(t.Values())
}

// towerProducts returns how many multiplications with t one soft token takes.
// It stands for two rows of the first convolution's output, 64 frequencies
// each, and one row of the second's, 32 frequencies. The projection of the
// distances is made when the model is loaded. Source: spec sections 11.2 and
// 13.1.
func towerProducts(t *Tensor) float64 {
	switch {
	case strings.Contains(t.Name, "relative_k_proj"):
		return 0
	case strings.Contains(t.Name, "subsample_conv_projection.layer0.conv"):
		return float64(t.Values()) * 2 * 64
	case strings.Contains(t.Name, "subsample_conv_projection.layer1.conv"):
		return float64(t.Values()) * 32
	}
	return products(t)
}
