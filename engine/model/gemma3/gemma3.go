// Package gemma3 is the text model of the Gemma 3 family: 270M, 1B and the
// decoders of the bigger ones. It neither hears nor sees.
//
// config.go reads config.json, weights.go lists the tensors, text.go is the
// forward pass. Letters in shape comments are those of package tensor.
//
// Source: transformers, models/gemma3, and the published configurations.
//
// Start reading at Model.Forward.
package gemma3

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"hark/engine/chat"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

func init() {
	for _, name := range []string{"gemma3_text", "gemma3"} {
		model.Register(name, func(src weights.Source, b tensor.Backend) (model.Model, error) { return Load(src, b) })
	}
}

// Model is a loaded Gemma 3.
type Model struct {
	textOnly
	cfg   *Config
	ops   tensor.Backend
	info  model.Info
	tok   *token.Tokenizer
	chat  chat.Format
	text  textWeights
	names []string // activation names of the layers
	dims  model.Dims
}

// Load loads the checkpoint in src. It succeeds wholly or fails with
// everything that is wrong with the configuration or with the tensors.
func Load(src weights.Source, b tensor.Backend) (*Model, error) {
	data, err := src.File("config.json")
	if err != nil {
		return nil, fmt.Errorf("gemma3: %w", err)
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
	if err := m.loadWeights(weights.NewLoader(checkpoint, quant)); err != nil {
		return nil, err
	}
	if err := m.describe(src); err != nil {
		return nil, err
	}
	return m, nil
}

// loadText reads the tokenizer and makes the chat format.
func (m *Model) loadText(src weights.Source) error {
	tokenizer, err := src.File("tokenizer.json")
	if err != nil {
		return fmt.Errorf("gemma3: %w", err)
	}
	config, err := src.File("tokenizer_config.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("gemma3: %w", err)
	}
	if m.tok, err = token.Load(tokenizer, config); err != nil {
		return err
	}
	// The text models share a tokenizer with those that see: its last token
	// stands for a picture and has no row in their table.
	if m.tok.Len() > m.cfg.Vocab+1 {
		return fmt.Errorf("gemma3: tokenizer.json has ids up to %d, config.json a vocabulary of %d", m.tok.Len()-1, m.cfg.Vocab)
	}
	m.chat, err = chat.NewGemma3(m.tok)
	return err
}

// describe fills in the facts.
func (m *Model) describe(src weights.Source) error {
	c := m.cfg
	for i := range c.Layers {
		m.names = append(m.names, "text.layers."+strconv.Itoa(i)+".out")
	}
	m.info = model.Info{
		Family: "gemma3", Variant: c.Variant(), Layers: c.Layers, Hidden: c.Hidden, Vocab: c.Vocab, Context: c.Context,
		Decoder: model.Decoder{Heads: c.Heads, SoftCap: c.SoftCap},
	}
	for i, full := range c.Full {
		l := model.DecoderLayer{Window: c.Window, KVHeads: c.KVHeads, Dim: c.Dim, F: c.F, KV: i, OwnsKV: true}
		if full {
			l.Window = 0
		}
		m.info.Decoder.Layers = append(m.info.Decoder.Layers, l)
	}
	stops := m.chat.Stops()
	for _, id := range c.EOS {
		stops = append(stops, token.ID(id))
	}
	return m.info.Generation(src, stops...)
}

// Variant names the published model whose shape this is, or "custom".
func (c *Config) Variant() string {
	switch {
	case c.Hidden == 640 && c.Layers == 18:
		return "270M"
	case c.Hidden == 1152 && c.Layers == 26:
		return "1B"
	case c.Hidden == 2560 && c.Layers == 34:
		return "4B"
	case c.Hidden == 3840 && c.Layers == 48:
		return "12B"
	case c.Hidden == 5376 && c.Layers == 62:
		return "27B"
	}
	return "custom"
}

// Info returns the facts.
func (m *Model) Info() model.Info { return m.info }

// Chat returns the chat format.
func (m *Model) Chat() chat.Format { return m.chat }

// Tokenizer returns the tokenizer.
func (m *Model) Tokenizer() *token.Tokenizer { return m.tok }

// KVLayers describes the layers' keys and values.
func (m *Model) KVLayers() []tensor.KVLayer {
	layers := make([]tensor.KVLayer, m.cfg.Layers)
	for i := range layers {
		layers[i] = tensor.KVLayer{Heads: m.cfg.KVHeads, Dim: m.cfg.Dim, Window: m.cfg.Window, Rotary: m.cfg.Local}
		if m.cfg.Full[i] {
			layers[i].Window, layers[i].Rotary = 0, m.cfg.Global
		}
	}
	return layers
}
