// Package demo holds the embedded model: a small one, trained for hark, that
// hears, sees and answers without anything else being fetched.
// docs/demo-model.md says what it can do, tools/demo-model makes it.
package demo

import (
	_ "embed" // the files below
	"unsafe"

	"hark/engine/weights"
)

// The files are embedded as strings, which lie in the read-only part of the
// binary: they are paged in when used and shared between processes.
var (
	//go:embed files/model.safetensors
	model string
	//go:embed files/config.json
	config string
	//go:embed files/generation_config.json
	generation string
	//go:embed files/processor_config.json
	processor string
	//go:embed files/tokenizer.json
	tokenizer string
	//go:embed files/tokenizer_config.json
	tokenizerConfig string
	//go:embed files/chat_template.jinja
	template string
)

// Name is what the model is called in messages and on the wire.
const Name = "hark-demo"

// Source returns the checkpoint's files: Gemma 4's E form with MLX affine
// 8-bit weights in groups of 64.
func Source() weights.Source {
	return weights.Memory(Name, map[string][]byte{
		"model.safetensors":      view(model),
		"config.json":            view(config),
		"generation_config.json": view(generation),
		"processor_config.json":  view(processor),
		"tokenizer.json":         view(tokenizer),
		"tokenizer_config.json":  view(tokenizerConfig),
		"chat_template.jinja":    view(template),
	})
}

// view is s without a copy. Writing to it would end the process.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
