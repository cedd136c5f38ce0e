package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"

	"hark/engine/tensor"
	"hark/engine/weights"
)

// What is saved of caches is of use to the same model, told apart by its files,
// to the same build of hark, where the same kind of device computes as exactly,
// and keys and values are held in the same form.

// saveVersion changes with whatever makes saved caches worthless that the
// build does not tell: the order of arithmetic, for one.
const saveVersion = 1

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
		tensor.Digest(h, entry.Data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// build names the code that runs: by the revision it was built of, or where the
// build has none or was changed since, by the executable's content.
func build() (string, error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		if revision := stamp(info); revision != "" {
			return revision, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("engine: caches of an unknown build cannot be saved: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("engine: caches of an unknown build cannot be saved: %w", err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("engine: caches of an unknown build cannot be saved: %w", err)
	}
	return "sha256 " + hex.EncodeToString(h.Sum(nil)), nil
}

// stamp returns what names a build's code and toolchain, "" where that does not
// tell it from others.
func stamp(info *debug.BuildInfo) string {
	s, stamped := info.GoVersion, false
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision" && setting.Value != "":
			stamped = true
		case setting.Key == "vcs.modified" && setting.Value != "false":
			return ""
		case setting.Key != "GOARCH" && setting.Key != "-tags":
			continue
		}
		s += " " + setting.Value
	}
	if !stamped {
		return ""
	}
	return s
}

// saveKey is what a saved cache must carry to be of use to e: of this model,
// computed as it would be again.
func (e *Engine) saveKey(model string) (contentKey, error) {
	code, err := build()
	if err != nil {
		return contentKey{}, err
	}
	var precision string
	if p, ok := e.backend.(tensor.Precise); ok {
		precision = p.Precision()
	} else {
		precision = e.backend.Device()
	}
	h := sha256.New()
	fmt.Fprintln(h, saveVersion, code, precision, model, e.opts.KVBits)
	for _, l := range e.layers {
		fmt.Fprintln(h, l.Heads, l.Dim, l.Window, l.Bits)
	}
	return contentKey(h.Sum(nil)), nil
}
