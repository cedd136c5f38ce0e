// Package gemma4 is the Gemma 4 family: E2B and E4B with their audio and
// vision towers, the 12B without towers, 26B-A4B with experts and 31B.
//
// config.go reads config.json, weights.go lists the tensors, text.go, audio.go,
// vision.go and unified.go are the forward passes. Letters in shape comments
// are those of package tensor.
//
// Start reading at Model.Forward.
package gemma4

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"hark/audio"
	"hark/audio/frame"
	"hark/audio/mel"
	"hark/engine/chat"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

func init() {
	for _, name := range []string{"gemma4", "gemma4_unified", "gemma4_text", "gemma4_unified_text"} {
		model.Register(name, func(src weights.Source, b tensor.Backend) (model.Model, error) { return Load(src, b) })
	}
}

// Model is a loaded Gemma 4.
type Model struct {
	cfg *Config
	// quantized: config.json has quantization settings.
	quantized bool
	ops       tensor.Backend
	info      model.Info
	tok       *token.Tokenizer
	chat      chat.Format
	text      textWeights
	vision    *visionWeights // nil: blind, or unified
	audio     *audioWeights  // nil: deaf, or unified
	patch     *patchWeights  // unified only
	frame     tensor.Weight  // unified only, [H, 640]
	names     layerNames
	lists     lists
}

// layerNames are the activation names of the layers, made once.
type layerNames struct{ text, audio, vision []string }

func layerName(tower string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = tower + ".layers." + strconv.Itoa(i) + ".out"
	}
	return names
}

const (
	clipTokens  = 750 // soft tokens of the longest clip the E models were trained on
	toksSamples = 640 // samples a soft token stands for
)

// Load loads the checkpoint in src. It succeeds wholly or fails with
// everything that is wrong with the configuration or with the tensors.
func Load(src weights.Source, b tensor.Backend) (*Model, error) {
	data, err := src.File("config.json")
	if err != nil {
		return nil, fmt.Errorf("gemma4: %w", err)
	}
	cfg, err := ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src.Name(), err)
	}
	m := &Model{cfg: cfg, ops: b}
	if err := m.loadText(src); err != nil {
		return nil, fmt.Errorf("%s: %w", src.Name(), err)
	}
	checkpoint, err := weights.Open(src)
	if err != nil {
		return nil, err
	}
	quant, err := weights.ParseQuantization(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src.Name(), err)
	}
	m.quantized = quant != nil
	if err := m.loadWeights(weights.NewLoader(checkpoint, quant)); err != nil {
		return nil, err
	}
	return m, m.describe(src)
}

// loadText reads the tokenizer and makes the chat format.
func (m *Model) loadText(src weights.Source) error {
	tokenizer, err := src.File("tokenizer.json")
	if err != nil {
		return fmt.Errorf("gemma4: %w", err)
	}
	config, err := src.File("tokenizer_config.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("gemma4: %w", err)
	}
	if m.tok, err = token.Load(tokenizer, config); err != nil {
		return err
	}
	if m.tok.Len() > m.cfg.Text.Vocab {
		return fmt.Errorf("gemma4: tokenizer.json has ids up to %d, config.json a vocabulary of %d", m.tok.Len()-1, m.cfg.Text.Vocab)
	}
	m.chat, err = chat.NewGemma4(m.tok, m.large())
	return err
}

// large reports whether the chat template is that of the large models, which
// put an empty thought before an answer. Source: spec section 6.
func (m *Model) large() bool { return m.cfg.Text.PLE == 0 }

// describe fills in the facts.
func (m *Model) describe(src weights.Source) error {
	t := &m.cfg.Text
	m.names = layerNames{text: layerName("text", t.Layers)}
	m.info = model.Info{
		Family: "gemma4", Variant: m.cfg.Variant(), Layers: t.Layers, Hidden: t.Hidden, Vocab: t.Vocab, Context: t.Context,
		Hears: m.audio != nil || m.frame != nil, Sees: m.vision != nil || m.patch != nil,
		TokenSamples: toksSamples, ClipSamples: clipTokens * toksSamples, Whole: t.BlocksAhead,
		Geometry: vision.Geometry{Patch: 16, Pool: 3, Tokens: 280}, Decoder: t.decoder(),
	}
	if m.audio != nil {
		m.names.audio = layerName("audio", m.cfg.Audio.Layers)
	}
	if m.vision != nil {
		m.names.vision = layerName("vision", m.cfg.Vision.Layers)
		m.info.Geometry.Patch, m.info.Geometry.Pool = m.cfg.Vision.Patch, m.cfg.Vision.Pool
	}
	if err := m.processor(src); err != nil {
		return err
	}
	// A soft token's placeholder is not a word: it must never be sampled.
	for _, id := range []int32{m.cfg.ImageID, m.cfg.AudioID, m.cfg.VideoID} {
		if int(id) < t.Vocab {
			m.info.Suppress = append(m.info.Suppress, token.ID(id))
		}
	}
	return m.info.Generation(src, m.stops()...)
}

// decoder returns the decoder's shape as the engine's users know it.
func (t *TextConfig) decoder() model.Decoder {
	d := model.Decoder{Heads: t.Heads, PLE: t.PLE, Experts: t.Experts, TopExperts: t.TopExperts, ExpertF: t.ExpertF, SoftCap: t.SoftCap}
	for _, l := range t.Layer {
		d.Layers = append(d.Layers, model.DecoderLayer{Window: l.Window, KVHeads: l.KVHeads, Dim: l.Dim, F: l.F, KV: l.KV, OwnsKV: l.OwnsKV})
	}
	return d
}

// stops are the ids that end an answer by the chat format and by config.json.
func (m *Model) stops() []token.ID {
	stops := m.chat.Stops()
	for _, id := range m.cfg.EOS {
		stops = append(stops, token.ID(id))
	}
	return stops
}

// processor reads the picture and clip budgets of processor_config.json or of
// the older flat preprocessor_config.json. Source: spec section 2.7.
func (m *Model) processor(src weights.Source) error {
	type image struct {
		Tokens int `json:"max_soft_tokens"`
	}
	var p struct {
		Audio int   `json:"audio_seq_length"`
		Image image `json:"image_processor"`
		image
	}
	for _, name := range []string{"processor_config.json", "preprocessor_config.json"} {
		data, err := src.File(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("gemma4: %w", err)
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return fmt.Errorf("gemma4: %s: %s: %w", src.Name(), name, err)
		}
		break
	}
	for _, n := range []int{p.Image.Tokens, p.Tokens} {
		if n > 0 && n <= 1120 {
			m.info.Geometry.Tokens = n
			break
		}
	}
	if p.Audio > 0 && p.Audio <= 1<<16 && m.audio != nil {
		m.info.ClipSamples = p.Audio * toksSamples
	}
	return nil
}

// Variant names the published model whose shape this is, or "custom".
func (c *Config) Variant() string {
	switch t := &c.Text; {
	case t.Hidden == 1536 && t.Layers == 35:
		return "E2B"
	case t.Hidden == 2560 && t.Layers == 42:
		return "E4B"
	case t.Hidden == 3840 && t.Layers == 48:
		return "12B"
	case t.Hidden == 2816 && t.Layers == 30:
		return "26B-A4B"
	case t.Hidden == 5376 && t.Layers == 60:
		return "31B"
	}
	return "custom"
}

// Info returns the facts.
func (m *Model) Info() model.Info { return m.info }

// Chat returns the chat format.
func (m *Model) Chat() chat.Format { return m.chat }

// Tokenizer returns the tokenizer.
func (m *Model) Tokenizer() *token.Tokenizer { return m.tok }

// Placeholder returns the id that stands for a soft token.
func (m *Model) Placeholder(medium model.Medium) token.ID {
	switch medium {
	case model.Sound:
		return token.ID(m.cfg.AudioID)
	case model.Film:
		return token.ID(m.cfg.VideoID)
	}
	return token.ID(m.cfg.ImageID)
}

// NewFrontEnd returns the front end of a new clip, or nil.
func (m *Model) NewFrontEnd() audio.FrontEnd {
	switch {
	case m.audio != nil:
		return mel.New()
	case m.frame != nil:
		return frame.New()
	}
	return nil
}

// ClipTokens returns the soft tokens of a clip of n samples. Source: spec
// sections 11.6 and 12.
func (m *Model) ClipTokens(n int64) int {
	if m.frame != nil {
		w := int64(m.cfg.Frame.Width)
		return int((n + w - 1) / w)
	}
	if n < 161 {
		return 0
	}
	return int(((n-1)/160 + rowsPerToken - 1) / rowsPerToken)
}

// Cut makes a picture ready for EncodePicture.
func (m *Model) Cut(img *vision.Image, tokens int) (vision.Patches, error) {
	g := m.info.Geometry
	if tokens > 0 {
		g.Tokens = tokens
	}
	if m.cfg.Unified {
		return vision.CutBlocks(img, g)
	}
	return vision.Cut(img, g)
}

// PictureTokens returns the soft tokens of p.
func (m *Model) PictureTokens(p vision.Patches) int {
	if m.cfg.Unified {
		return p.Rows * p.Cols
	}
	pool := m.info.Geometry.Pool
	return p.Rows / pool * (p.Cols / pool)
}

// KVLayers describes the layers that own keys and values.
func (m *Model) KVLayers() []tensor.KVLayer {
	var layers []tensor.KVLayer
	for _, l := range m.cfg.Text.Layer {
		if !l.OwnsKV {
			continue
		}
		turns := m.cfg.Text.Sliding
		if l.Full {
			turns = m.cfg.Text.Full
		}
		layers = append(layers, tensor.KVLayer{Heads: l.KVHeads, Dim: l.Dim, Window: l.Window, Rotary: turns})
	}
	return layers
}

// NewAudio makes the tower's state of a new clip.
func (m *Model) NewAudio() model.AudioEncoder {
	if m.frame != nil {
		return frames{m}
	}
	return m.newHearing()
}

// Hear lets several encoders take pieces in together.
func (m *Model) Hear(pieces []model.Piece) []tensor.Tensor {
	if m.frame != nil {
		return m.hearFrames(pieces)
	}
	of := make([]*hearing, len(pieces))
	for i, s := range pieces {
		of[i] = s.Encoder.(*hearing)
	}
	return m.hear(of, pieces)
}
