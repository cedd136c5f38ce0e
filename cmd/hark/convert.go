package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hark/engine/convert"
	"hark/engine/hub"
	"hark/engine/inspect"
	"hark/engine/weights"
)

// convertCommand quantizes a checkpoint.
type convertCommand struct {
	In        string   `required:"" help:"Folder of a checkpoint with bf16, f16 or f32 weights, or OWNER/NAME of one in the cache." placeholder:"DIR|OWNER/NAME"`
	Out       string   `required:"" help:"Folder to be made." type:"path" placeholder:"DIR"`
	Bits      int      `help:"Bits of a weight: 2, 3, 4, 5, 6 or 8; 0 takes the mode's own, 4 for affine." default:"0"`
	GroupSize int      `help:"Weights that share a scale: 32, 64 or 128; 0 takes the mode's own, 64 for affine." default:"0"`
	Mode      string   `help:"Encoding: ${enum}." enum:"affine,mxfp4,nvfp4,mxfp8" default:"affine"`
	Override  []string `help:"Exception: matrices whose MLX path contains PATTERN, in which * stands for anything, have BITS, with a group size as in 8g32, or none to stay as they are. The last that matches holds. Repeatable." placeholder:"PATTERN=BITS" sep:"none"`
	Threads   int      `help:"Threads; 0 takes every core." default:"0"`
}

// Run converts.
func (c *convertCommand) Run(ctx context.Context) error {
	o := convert.Options{Threads: c.Threads}
	if c.Bits < 0 || c.GroupSize < 0 || c.Threads < 0 {
		return usage("--bits, --group-size and --threads must not be negative")
	}
	var err error
	if o.Scheme, err = weights.NewScheme(c.Mode, c.Bits, c.GroupSize); err != nil {
		return usageError{err}
	}
	for _, text := range c.Override {
		override, err := convert.ParseOverride(text, o.Scheme)
		if err != nil {
			return usageError{err}
		}
		o.Overrides = append(o.Overrides, override)
	}
	in, err := hub.Resolve(hubOptions().Cache, c.In)
	if err != nil {
		return hubError(err)
	}
	m := newMeter(filepath.Base(c.Out))
	o.Progress = m.set
	plan, err := convert.Open(in, &o)
	if err != nil {
		return convertError(err)
	}
	defer plan.Close()
	err = plan.Write(ctx, c.Out)
	m.close()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; nothing was written")
	}
	if err != nil {
		return convertError(err)
	}
	m.note(fmt.Sprintf("%s: %d matrices in %v, %d tensors as they were, %s from %s",
		c.Out, len(plan.Modules), o.Scheme, len(plan.Kept), inspect.Size(plan.Bytes), inspect.Size(plan.SourceBytes)))
	return nil
}

// convertError marks what the user can do something about.
func convertError(err error) error {
	var input *convert.InputError
	if errors.As(err, &input) || errors.Is(err, os.ErrExist) {
		return usageError{err}
	}
	return err
}
