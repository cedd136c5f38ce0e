package main

import (
	"encoding/json"
	"os"
	"strings"

	"hark/engine/backend/cpu"
	"hark/engine/inspect"
)

// inspectCommand says what a checkpoint is, without running it.
type inspectCommand struct {
	Model   string `arg:"" optional:"" help:"Folder of a checkpoint, or OWNER/NAME of one in the cache; without it the embedded demo model." placeholder:"DIR|OWNER/NAME"`
	Tensors bool   `help:"List every tensor instead of a line for layers that are alike."`
	JSON    bool   `help:"Print one JSON object."`
}

// Run inspects. A checkpoint that does not load is the user's: its problems
// are listed and the exit code is 2.
func (c *inspectCommand) Run() error {
	src, err := checkpoint(c.Model)
	if err != nil {
		return err
	}
	defer src.Close()
	r := inspect.Run(src, &inspect.Options{KVBytes: cpu.KVBytes})
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(r)
	} else if len(r.Problems) == 0 {
		err = r.Write(os.Stdout, c.Tensors)
	}
	if len(r.Problems) > 0 {
		return usage("%s does not load:\n\t%s", r.Source, strings.Join(r.Problems, "\n\t"))
	}
	return err
}
