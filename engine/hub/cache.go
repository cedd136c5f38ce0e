package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The names of files in a checkpoint.
const (
	configFile = "config.json"
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
)

// Resolve returns the folder of a checkpoint. A folder is returned as it is.
// OWNER/NAME, with or without @REVISION, is looked for in the cache: of several
// versions the branch's, or else the newest that is complete. Every error is
// an *InputError that says what to do.
func Resolve(cache, name string) (dir string, err error) {
	st, statErr := os.Stat(name)
	if statErr == nil && st.IsDir() {
		return name, nil
	}
	if statErr == nil {
		return "", inputError("%s: not a folder", name)
	}
	n, err := ParseName(filepath.ToSlash(name))
	if err != nil {
		return "", inputError("%s: neither a folder nor the name of a model, OWNER/NAME", name)
	}
	m := look(cache, n)
	switch {
	case len(m.Versions) == 0:
		return "", inputError("%s: neither a folder nor in the cache %s; to fetch it: hark pull %s", name, cache, n.ID())
	case strings.Contains(name, "@"):
		commit := m.commit(n.Revision)
		for _, v := range m.Versions {
			if v.Commit == commit {
				return v.usable(n)
			}
		}
		return "", inputError("%s: the cache has no revision %s; to fetch it: hark pull %s --revision %s", n.ID(), n.Revision, n.ID(), n.Revision)
	}
	return m.Versions[0].usable(n)
}

// Model is a model in the cache.
type Model struct {
	Name Name
	// Bytes is the size of all its files on the disk, of all versions and of
	// those that are not wholly there.
	Bytes int64
	// Versions are the ones there is a folder for: those that are complete
	// first, then the one that refs/main names, then the newest.
	Versions []Version

	dir string
}

// Version is one commit of a model in the cache.
type Version struct {
	Commit string
	Dir    string
	// Missing is a file that the checkpoint needs and that is not there, ""
	// if it is complete.
	Missing string

	main  bool
	newer time.Time
}

// usable returns the version's folder unless something is missing.
func (v *Version) usable(n Name) (string, error) {
	if v.Missing != "" {
		return "", inputError("%s: %s is missing in %s; to fetch it: hark pull %s --revision %s", n.ID(), v.Missing, v.Dir, n.ID(), v.Commit)
	}
	return v.Dir, nil
}

// Models returns what is in a cache, by name. A cache that is not there is
// empty.
func Models(cache string) ([]Model, error) {
	entries, err := os.ReadDir(cache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	var models []Model
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), "models--")
		if !ok {
			continue
		}
		n, err := ParseName(strings.Replace(rest, "--", "/", 1))
		if err != nil {
			continue // something else's
		}
		if m := look(cache, n); len(m.Versions) > 0 || m.Bytes > 0 {
			models = append(models, m)
		}
	}
	slices.SortFunc(models, func(a, b Model) int { return strings.Compare(a.Name.ID(), b.Name.ID()) })
	return models, nil
}

// look finds out what the cache has of a model.
func look(cache string, n Name) Model {
	m := Model{Name: n, dir: filepath.Join(cache, n.folder())}
	blobs, _ := os.ReadDir(filepath.Join(m.dir, "blobs")) // none, then
	for _, e := range blobs {
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			m.Bytes += st.Size()
		}
	}
	main := m.commit("main")
	snapshots, _ := os.ReadDir(filepath.Join(m.dir, "snapshots")) // as above
	for _, e := range snapshots {
		dir := filepath.Join(m.dir, "snapshots", e.Name())
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			m.Versions = append(m.Versions, Version{
				Commit: e.Name(), Dir: dir, Missing: missing(dir), main: e.Name() == main, newer: st.ModTime(),
			})
		}
	}
	slices.SortStableFunc(m.Versions, func(a, b Version) int {
		switch {
		case (a.Missing == "") != (b.Missing == ""):
			return order(a.Missing == "")
		case a.main != b.main:
			return order(a.main)
		}
		return b.newer.Compare(a.newer)
	})
	return m
}

func order(first bool) int {
	if first {
		return -1
	}
	return 1
}

// commit returns the commit that a revision stands for, as far as is known
// here.
func (m *Model) commit(revision string) string {
	data, err := os.ReadFile(filepath.Join(m.dir, "refs", filepath.FromSlash(revision)))
	if err != nil {
		return revision
	}
	return strings.TrimSpace(string(data))
}

// missing returns the first file that a checkpoint cannot do without and that
// a folder lacks, or has only a dangling link for.
func missing(dir string) string {
	lacks := func(name string) bool {
		st, err := os.Stat(filepath.Join(dir, name))
		return err != nil || !st.Mode().IsRegular()
	}
	if lacks(configFile) {
		return configFile
	}
	if !lacks(singleFile) {
		return ""
	}
	index, err := os.ReadFile(filepath.Join(dir, indexFile))
	if err != nil {
		return singleFile
	}
	shards, err := parseIndex(index)
	if err != nil {
		return indexFile
	}
	for _, name := range shards {
		if lacks(name) {
			return name
		}
	}
	return ""
}

// parseIndex returns the files that hold weights, sorted. Their names are
// plain ones.
func parseIndex(data []byte) ([]string, error) {
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("hub: %s: %w", indexFile, err)
	}
	seen := map[string]bool{}
	var names []string
	for _, name := range index.Map {
		if seen[name] {
			continue
		}
		seen[name] = true
		if !plainFile(name) || strings.Contains(name, "/") {
			return nil, fmt.Errorf("hub: %s: file name %q, want a plain name", indexFile, name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("hub: %s: weight_map is empty", indexFile)
	}
	slices.Sort(names)
	return names, nil
}

// plainFile reports whether a name that came from outside stays inside the
// folder it is joined to, on every system.
func plainFile(name string) bool {
	if name == "" || len(name) > 500 || strings.ContainsAny(name, "\\:\x00") || !filepath.IsLocal(name) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, unicode.IsControl) {
			return false
		}
	}
	return true
}
