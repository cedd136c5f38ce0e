// Command shapes writes checkpoints of random weights in the sizes of
// published models: real widths, heads and vocabulary, as many layers as
// asked for. They say nothing of use, but cost what the real ones cost, so
// speed and memory can be measured where no weights can be had.
//
//	go run ./tools/shapes -shape e2b -out DIR -text-layers 10 -audio-layers 4
//
// Matrices are quantized in the affine layout of MLX, towers stay in bfloat16,
// as mlx-vlm leaves them. Weights are scaled so that activations keep their
// size from layer to layer. The files are the same for the same flags.
//
// Start reading at main.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hark/engine/weights"
)

func main() {
	o := &options{}
	var names []string
	for _, s := range shapes {
		names = append(names, s.name)
	}
	flag.StringVar(&o.shape, "shape", "e2b", "one of "+strings.Join(names, ", "))
	flag.StringVar(&o.out, "out", "", "folder to write, made if it is not there")
	flag.IntVar(&o.textLayers, "text-layers", 0, "layers of the decoder; 0: all. Layers that share keys stay the same share of them")
	flag.IntVar(&o.audioLayers, "audio-layers", 0, "layers of the audio tower; 0: all, -1: no tower")
	flag.IntVar(&o.visionLayers, "vision-layers", 0, "layers of the vision tower; 0: all, -1: no tower")
	flag.IntVar(&o.bits, "bits", 4, "bits of a weight: 2, 3, 4, 5, 6, 8, or 16 for bfloat16")
	flag.IntVar(&o.group, "group", 64, "weights that share a scale: 32, 64 or 128")
	flag.StringVar(&o.tokenizer, "tokenizer", "", "tokenizer.json to copy; without it one is made up, of full size")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "shapes:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	shape, out, tokenizer                 string
	textLayers, audioLayers, visionLayers int
	bits, group                           int
}

// run writes the checkpoint that the flags ask for.
func (o *options) run() error {
	i := slices.IndexFunc(shapes, func(s shape) bool { return s.name == o.shape })
	if i < 0 {
		return fmt.Errorf("-shape %q is not known", o.shape)
	}
	if o.out == "" {
		return errors.New("-out is missing")
	}
	s := shapes[i]
	if err := s.cut(o.textLayers, o.audioLayers, o.visionLayers); err != nil {
		return err
	}
	var scheme *weights.Scheme
	if o.bits != 16 {
		parsed, err := weights.NewScheme("affine", o.bits, o.group)
		if err != nil {
			return err
		}
		scheme = &parsed
	}
	tokenizer := s.tokenizer()
	if o.tokenizer != "" {
		data, err := os.ReadFile(o.tokenizer)
		if err != nil {
			return err
		}
		tokenizer = data
	}
	return write(o.out, &s, scheme, tokenizer)
}

// write writes the files of a checkpoint. Weights go out a piece at a time.
func write(folder string, s *shape, scheme *weights.Scheme, tokenizer []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files, err := s.configs(scheme)
	if err != nil {
		return err
	}
	files["tokenizer.json"] = tokenizer
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	err = weights.Write(buffered, map[string]string{"format": "mlx"}, s.list(scheme))
	return errors.Join(err, buffered.Flush(), f.Close())
}
