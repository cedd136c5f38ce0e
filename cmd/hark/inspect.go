package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/engine/inspect"
	"hark/engine/weights"
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

// checkpoint opens a folder, a model of the cache, or the embedded one.
func checkpoint(name string) (weights.Source, error) {
	if name == "" {
		return demo.Source(), nil
	}
	src, err := weights.Dir(name)
	if err == nil {
		return src, nil
	}
	owner, repo, ok := strings.Cut(name, "/")
	if !errors.Is(err, fs.ErrNotExist) || !ok || owner == "" || repo == "" || strings.ContainsAny(repo, `/\`) || strings.HasPrefix(owner, ".") {
		return nil, usageError{err}
	}
	folder, err := cached(owner, repo)
	if err != nil {
		return nil, err
	}
	if src, err = weights.Dir(folder); err != nil {
		return nil, usageError{err}
	}
	return src, nil
}

// cached returns the folder of a model in the cache of the hub: the commit
// that refs/main names.
func cached(owner, repo string) (string, error) {
	root, err := cacheFolder()
	if err != nil {
		return "", err
	}
	base := filepath.Join(root, "models--"+owner+"--"+repo)
	commit, err := os.ReadFile(filepath.Join(base, "refs", "main"))
	if err != nil {
		return "", usage("%s/%s: neither a folder nor in the cache %s", owner, repo, root)
	}
	return filepath.Join(base, "snapshots", filepath.Base(strings.TrimSpace(string(commit)))), nil
}

// cacheFolder returns where models of the hub are kept, as the hub's own
// programs have it.
func cacheFolder() (string, error) {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub"), nil
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for models: set HF_HOME: %w", err)
	}
	return filepath.Join(dir, ".cache", "huggingface", "hub"), nil
}
