package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"hark/engine/hub"
	"hark/engine/inspect"
)

// pullCommand fetches a checkpoint from the hub.
type pullCommand struct {
	Name     string `arg:"" help:"The model, OWNER/NAME or OWNER/NAME@REVISION." placeholder:"OWNER/NAME"`
	Revision string `help:"Branch, tag or commit; without it the main branch." placeholder:"REVISION"`
	Dir      string `help:"Folder that gets the files, in place of the cache." type:"path" placeholder:"DIR"`
	Verify   bool   `help:"Read what is there already too, and fetch again what is damaged."`
}

// Run pulls, and prints the folder of the checkpoint.
func (c *pullCommand) Run(ctx context.Context) error {
	name, err := c.name()
	if err != nil {
		return err
	}
	o := hubOptions()
	h, err := hub.New(&o)
	if err != nil {
		return hubError(err)
	}
	if c.Dir != "" {
		if st, err := os.Stat(c.Dir); err == nil && !st.IsDir() {
			return usage("--dir %s: not a folder", c.Dir)
		}
	}
	m := newMeter(name.ID())
	result, err := h.Pull(ctx, &hub.Request{
		Name: name, Dir: c.Dir, Verify: c.Verify,
		Progress: func(p hub.Progress) { m.set(p.Done, p.Total) },
		Notice:   m.note,
	})
	m.close()
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; the same command goes on from here")
	}
	if err != nil {
		return hubError(err)
	}
	m.note(fmt.Sprintf("%s, commit %.12s: %d files, %s, of which %s came now",
		name.ID(), result.Commit, result.Files, inspect.Size(result.Bytes), inspect.Size(result.Fetched)))
	if v := judge(result.Dir); !v.Runs {
		m.note("it does not run here: " + v.Why)
	}
	fmt.Println(result.Dir)
	return nil
}

// name is what is to be pulled.
func (c *pullCommand) name() (hub.Name, error) {
	text := c.Name
	if c.Revision != "" {
		if strings.Contains(text, "@") {
			return hub.Name{}, usage("%s: two revisions, %s is the other", text, c.Revision)
		}
		text += "@" + c.Revision
	}
	name, err := hub.ParseName(text)
	return name, hubError(err)
}

// hubOptions are those that the environment asks for.
func hubOptions() hub.Options {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "." // the cache is then beside the work, as good a place as any
	}
	return hub.Environment(os.Getenv, home)
}

// hubError marks what the user can do something about.
func hubError(err error) error {
	var input *hub.InputError
	if errors.As(err, &input) {
		return usageError{err}
	}
	return err
}
