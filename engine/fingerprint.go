package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"runtime/debug"

	"hark/engine/weights"
)

// What is saved of caches is of use to the same model, told apart by its files,
// to the same version of hark, and where keys and values are held in the same
// form.

// saveVersion changes with whatever makes saved caches worthless that the
// build does not tell: the order of arithmetic, for one.
const saveVersion = 1

// Samples of each tensor's bytes that go into the fingerprint.
const (
	fingerSamples = 8
	fingerBytes   = 512
)

// fingerprint names the model in src by its configuration, its tokenizer, and
// the names, shapes and some of the values of its tensors: reading them all
// would take as long as loading a large model from disk.
func fingerprint(src weights.Source) (string, error) {
	h := sha256.New()
	for _, name := range []string{"config.json", "tokenizer.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"} {
		data, err := src.File(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("engine: %w", err)
		}
		fmt.Fprintln(h, name, len(data))
		h.Write(data)
	}
	checkpoint, err := weights.Open(src)
	if err != nil {
		return "", err
	}
	for _, name := range checkpoint.Names() {
		entry, _ := checkpoint.Entry(name)
		fmt.Fprintln(h, name, entry.DType, entry.Shape, len(entry.Data))
		sampleBytes(h, entry.Data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sampleBytes adds all of short data to h, and pieces of long data.
func sampleBytes(h hash.Hash, data []byte) {
	if len(data) <= fingerSamples*fingerBytes {
		h.Write(data)
		return
	}
	for i := range fingerSamples {
		at := (len(data) - fingerBytes) / (fingerSamples - 1) * i
		h.Write(data[at : at+fingerBytes])
	}
}

// build names the version of hark that runs.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	s := info.Main.Version
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision", "vcs.modified", "vcs.time":
			s += " " + setting.Value
		}
	}
	return s
}

// saveKey is what a saved cache must carry to be of use to e.
func (e *Engine) saveKey(model string) contentKey {
	h := sha256.New()
	fmt.Fprintln(h, saveVersion, build(), model, e.opts.KVBits)
	for _, l := range e.layers {
		fmt.Fprintln(h, l.Heads, l.Dim, l.Window, l.Bits)
	}
	return contentKey(h.Sum(nil))
}
