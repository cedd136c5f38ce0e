package convert

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hark/engine/weights"
	"hark/internal/host"
)

// The names of files.
const (
	configFile = "config.json"
	indexFile  = "model.safetensors.index.json"
	singleFile = "model.safetensors"
)

// defaultShard is the size of a file of MLX.
const defaultShard = 5 << 30

// Write converts into the folder out, which must not exist. It fills a folder
// beside it and renames that when all is written and on the disk, so that out
// is whole or not there; on errors, and when ctx ends, nothing is left. Write
// may be called several times, with different folders, one after the other.
func (p *Plan) Write(ctx context.Context, out string) (err error) {
	if _, err := os.Lstat(out); err == nil {
		return &InputError{fmt.Errorf("%s: %w", out, fs.ErrExist)}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("convert: %w", err)
	}
	out = filepath.Clean(out)
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	free, err := host.FreeDisk(parent)
	if err == nil && free < p.Bytes {
		return fmt.Errorf("convert: %s: %d MB free, want %d MB", parent, free>>20, p.Bytes>>20+1)
	}
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(out)+".partial-")
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temporary))
		}
	}()
	if err := p.fill(ctx, temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if err := os.Rename(temporary, out); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	return nil
}

// fill writes all files into a folder.
func (p *Plan) fill(ctx context.Context, dir string) error {
	r := newRun(p)
	shards := p.shards()
	index := map[string]string{}
	for i, shard := range shards {
		name := singleFile
		if len(shards) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		}
		for _, o := range shard {
			index[o.name] = name
		}
		if err := r.writeShard(ctx, filepath.Join(dir, name), shard); err != nil {
			return err
		}
	}
	list, err := json.MarshalIndent(map[string]any{
		"metadata":   map[string]any{"total_size": p.Bytes},
		"weight_map": index,
	}, "", "    ")
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	config, err := p.newConfig()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, indexFile), bytes.NewReader(list)); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, configFile), bytes.NewReader(config)); err != nil {
		return err
	}
	return p.copyFiles(ctx, dir)
}

// shards spreads the tensors over files.
func (p *Plan) shards() [][]*output {
	limit := p.opts.ShardBytes
	if limit == 0 {
		limit = defaultShard
	}
	var shards [][]*output
	var size int64
	for _, o := range p.outputs {
		if len(shards) == 0 || size+o.bytes > limit && size > 0 {
			shards, size = append(shards, nil), 0
		}
		shards[len(shards)-1] = append(shards[len(shards)-1], o)
		size += o.bytes
	}
	return shards
}

// writeShard writes one file of weights.
func (r *run) writeShard(ctx context.Context, path string, shard []*output) error {
	tensors := make([]weights.Tensor, len(shard))
	for i, o := range shard {
		write := o.write
		if write == nil {
			write = o.copyPart
		}
		tensors[i] = weights.Tensor{
			Name: o.name, DType: o.dtype, Shape: o.shape, Bytes: o.bytes,
			Data: func(w io.Writer) error { return write(ctx, r, w) },
		}
	}
	return create(path, func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 1<<20)
		err := weights.Write(b, map[string]string{"format": "mlx"}, tensors)
		if err == nil {
			err = b.Flush()
		}
		var input *InputError
		if errors.As(err, &input) {
			return input
		}
		return err
	})
}

// copied are the endings of the files that belong to a checkpoint beside its
// weights: tokenizer, processor, generation settings, chat template.
var copied = []string{".json", ".jinja", ".model", ".txt"}

// copyFiles copies what is not about weights.
func (p *Plan) copyFiles(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(p.in)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if name == configFile || strings.HasSuffix(name, ".safetensors.index.json") ||
			!slices.Contains(copied, filepath.Ext(name)) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(p.in, name)
		if st, err := os.Stat(path); err != nil {
			return fmt.Errorf("convert: %w", err)
		} else if !st.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("convert: %w", err)
		}
		err = writeFile(filepath.Join(dir, name), f)
		f.Close() // it was only read
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, content io.Reader) error {
	return create(path, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// create makes a file that is on the disk when create returns.
func create(path string, fill func(w io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	var input *InputError
	if err == nil || errors.As(err, &input) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("convert: %s: %w", filepath.Base(path), err)
}
