package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
)

// The file names of a checkpoint.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
)

// Checkpoint is the table of contents of a checkpoint. It does not change and
// may be used by several goroutines, until its Source is closed.
type Checkpoint struct {
	source   string
	entries  map[string]Entry
	metadata map[string]string
	outline  *Outline // nil: tensors are read
	ahead    *ahead   // nil: they need not be asked for
}

// Open reads the headers of model.safetensors, or of the files that
// model.safetensors.index.json lists. Tensors are not touched. Any error is
// the files' fault: a header that is cut short or contradicts itself, a tensor
// of the index that its file lacks, a tensor that two files hold.
func Open(src Source) (*Checkpoint, error) {
	c := &Checkpoint{source: src.Name(), entries: map[string]Entry{}, metadata: map[string]string{}}
	c.outline, _ = src.(*Outline)
	if d, ok := src.(*dir); ok {
		c.ahead = &d.ahead
	}
	if c.outline != nil && c.outline.Entries != nil {
		c.entries = c.outline.Entries
		return c, nil
	}
	data, err := src.File(singleFile)
	if err == nil {
		if err := c.add(singleFile, data); err != nil {
			return nil, err
		}
		return c, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	index, err := src.File(indexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("weights: %s: neither %s nor %s: %w", c.source, singleFile, indexFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	if err := c.addShards(src, index); err != nil {
		return nil, err
	}
	return c, nil
}

// addShards reads the files that an index lists.
func (c *Checkpoint) addShards(src Source, index []byte) error {
	var list struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(index, &list); err != nil {
		return fmt.Errorf("weights: %s: %s: %w", c.source, indexFile, err)
	}
	if len(list.WeightMap) == 0 {
		return fmt.Errorf("weights: %s: %s: weight_map is empty", c.source, indexFile)
	}
	files := slices.Compact(slices.Sorted(maps.Values(list.WeightMap)))
	shards := make([]shard, len(files))
	var reading sync.WaitGroup
	for _, file := range files {
		if err := checkFileName(file); err != nil {
			return err
		}
	}
	for i, file := range files {
		reading.Go(func() { shards[i].read(src, file) })
	}
	reading.Wait()
	for i, file := range files {
		if err := shards[i].missing; err != nil {
			return fmt.Errorf("weights: %s: listed in %s: %w", c.source, indexFile, err)
		}
		if err := c.take(file, &shards[i]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(list.WeightMap)) {
		want := list.WeightMap[name]
		e, ok := c.entries[name]
		if !ok {
			return fmt.Errorf("weights: %s: %s: tensor %s: listed in %s and not there", c.source, want, name, indexFile)
		}
		if e.File != want {
			return fmt.Errorf("weights: %s: tensor %s: in %s, %s says %s", c.source, name, e.File, indexFile, want)
		}
	}
	return nil
}

// shard is the header of one file.
type shard struct {
	entries  map[string]Entry
	metadata map[string]string
	missing  error // the file cannot be had
	broken   error // its header cannot be read
}

// read opens a file of src. The shards of a checkpoint are read side by side.
func (s *shard) read(src Source, file string) {
	var data []byte
	if data, s.missing = src.File(file); s.missing == nil {
		s.entries, s.metadata, s.broken = parseFile(file, data)
	}
}

// add takes in the tensors of one file.
func (c *Checkpoint) add(file string, data []byte) error {
	var s shard
	s.entries, s.metadata, s.broken = parseFile(file, data)
	return c.take(file, &s)
}

// take adds the tensors of a shard.
func (c *Checkpoint) take(file string, s *shard) error {
	if s.broken != nil {
		return fmt.Errorf("weights: %s: %w", c.source, s.broken)
	}
	for name, e := range s.entries {
		if other, ok := c.entries[name]; ok {
			return fmt.Errorf("weights: %s: tensor %s: in %s and in %s", c.source, name, other.File, file)
		}
		c.entries[name] = e
	}
	maps.Copy(c.metadata, s.metadata)
	return nil
}

// Names returns the names of all tensors, sorted.
func (c *Checkpoint) Names() []string { return slices.Sorted(maps.Keys(c.entries)) }

// Entry returns the tensor of that name as the file describes it.
func (c *Checkpoint) Entry(name string) (Entry, bool) {
	e, ok := c.entries[name]
	return e, ok
}

// Metadata returns a value of the files' metadata, "" if there is none:
// "format" is "mlx" in files that MLX wrote and "pt" in those of transformers.
func (c *Checkpoint) Metadata(key string) string { return c.metadata[key] }

// Bytes returns the size of all tensors.
func (c *Checkpoint) Bytes() int64 {
	var n int64
	for _, e := range c.entries {
		n += e.Bytes()
	}
	return n
}
